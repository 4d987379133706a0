"""A guard-railed reconciler of appointments: the database follows the calendar providers, never off a cliff."""

__version__ = "0.1.0"
