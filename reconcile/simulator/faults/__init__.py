"""Faults that can be switched on: kinds, registry, and their effects on a response."""
