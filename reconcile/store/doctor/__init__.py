"""What `reconcile doctor` finds in a database: mapping, grants, indexes."""
