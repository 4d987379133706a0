"""Generates workspaces and leads, each with its true booking."""
