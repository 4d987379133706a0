"""The simulated Calendly: its state, its answers, its errors."""
