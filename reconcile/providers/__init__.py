"""Adapters for the calendar providers; the only package that imports the HTTP client.

This file imports nothing, so that a run with nothing due does not load the HTTP client.
"""
