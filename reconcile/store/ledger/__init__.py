"""The ledger of runs, its figures, and pruning."""
