"""Text output for terminals; imported only there, because rich is slow to import."""
