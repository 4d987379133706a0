"""Look-ups of leads at their providers, within rate limits and concurrency limits."""
