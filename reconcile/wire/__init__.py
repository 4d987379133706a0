"""Shared parts of outgoing requests."""
