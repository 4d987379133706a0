"""Readiness, permissions and pruning."""
