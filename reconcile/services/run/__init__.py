"""One run: from the lease to the report."""
