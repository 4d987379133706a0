"""Implements the store's ports on one database; the only package that imports SQLAlchemy."""
