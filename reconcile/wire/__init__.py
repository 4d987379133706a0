"""What several kinds of outgoing request have in common."""
