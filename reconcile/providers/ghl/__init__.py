"""Adapter for GoHighLevel (GHL)."""
