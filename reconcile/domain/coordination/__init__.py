"""State that runs share: leases, shards, rate limits, deliveries, and annotations of the state object."""
