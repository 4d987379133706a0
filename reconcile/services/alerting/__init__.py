"""Alerts: which conditions hold, and which channels have to be notified."""
