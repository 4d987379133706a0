"""Recorded calls of runs, and their replay through breakers with other thresholds."""
