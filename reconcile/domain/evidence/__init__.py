"""Evidence about a stored booking: look-ups, lists, controls, booking references (docs/evidence.md)."""
