"""The simulated Calendly: state, responses, errors."""
