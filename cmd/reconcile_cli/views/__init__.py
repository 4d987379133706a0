"""Commands that show the state, and their output."""
