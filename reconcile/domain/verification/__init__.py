"""Claims about a rollout, checklists, and figures read from logs."""
