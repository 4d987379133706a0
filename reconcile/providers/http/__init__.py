"""The HTTP client that both providers share: deadline, retries, caps and origin guard."""
