"""A mapping proposed from what a survey of a database finds."""
