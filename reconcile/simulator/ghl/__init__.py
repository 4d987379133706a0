"""The simulated GoHighLevel: its state, its answers, its errors."""
