"""What bounds the look-ups of a run: time, concurrency, and the rate of calls."""
