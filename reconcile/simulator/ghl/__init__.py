"""The simulated GoHighLevel: state, responses, errors."""
