"""Our own tables and their migrations."""
