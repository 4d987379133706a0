"""Circuit breakers: the state machine, what trips it, and whom a failure is attributed to."""
