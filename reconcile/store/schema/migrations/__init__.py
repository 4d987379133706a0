"""Alembic: its entry, and the versions of our schema in two branches."""
