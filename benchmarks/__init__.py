"""Benchmarks: each is ``python -m benchmarks.NAME``, prints a table and, as its last line, JSON."""
