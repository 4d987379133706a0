"""A backfill's plan, its planned changes and their undo."""
