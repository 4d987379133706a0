"""Simulated worlds with wrong or incomplete provider responses, and what a run writes and verifies in each."""
