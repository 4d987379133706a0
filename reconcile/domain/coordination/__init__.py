"""What runs share: leases, shards, rate limits, deliveries and the annotations of the state object."""
