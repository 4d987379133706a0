"""Connections, transactions, types and errors of the two databases."""
