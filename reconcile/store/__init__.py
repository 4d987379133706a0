"""One database behind the store's ports: the only place that knows SQL."""
