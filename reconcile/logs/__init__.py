"""Reads logs of any program, line by line, and removes the wrappers of common exporters."""

from reconcile.logs.entries import entries

__all__ = ["entries"]
