"""The calendar systems, and the only importers of the HTTP client; this file imports nothing, for idle runs."""
