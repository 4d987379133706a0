"""Database checks of `reconcile doctor`: mapping, grants, indexes, values."""
