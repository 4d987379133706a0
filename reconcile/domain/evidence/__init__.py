"""What is believed of a booking: look-ups, lists, controls and references to appointments (docs/evidence.md)."""
