"""Alerts: which conditions hold, and which channel has yet to be notified."""
