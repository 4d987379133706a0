"""Looking leads up at their providers, within rate limits and concurrency limits."""
