"""State that runs share: leases, rate limits, breakers, cadence, outbox, alerts."""
