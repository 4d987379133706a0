"""Limits of a run's look-ups: time, concurrency, and the rate of calls."""
