"""Backfills: plan, apply, view and undo repairs over many leads."""
