"""Backfill plans and their leads."""
