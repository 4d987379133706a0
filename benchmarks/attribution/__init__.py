"""Scenarios in which some workspaces or records fail at a provider that is well or not, and who is blamed in each."""
