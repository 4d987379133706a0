"""Backfills: plan, apply, view and undo repairs of many leads."""
