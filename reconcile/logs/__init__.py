"""Reads logs of any program, line by line: what common exporters wrap around a line is taken off."""

from reconcile.logs.entries import entries

__all__ = ["entries"]
