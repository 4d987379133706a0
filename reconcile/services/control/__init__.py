"""Operators' controls: breaker overrides, cadence, commands by annotation, and the annotations that mirror state."""
