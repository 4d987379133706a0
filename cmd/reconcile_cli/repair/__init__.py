"""Commands that check and change leads, and their output."""
