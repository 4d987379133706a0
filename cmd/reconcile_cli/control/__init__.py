"""Commands that override or release, and their output."""
