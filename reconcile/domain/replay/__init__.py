"""The calls of a run on record, and what breakers would have done with them under other thresholds."""
