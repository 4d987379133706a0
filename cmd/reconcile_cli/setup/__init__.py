"""Commands that prepare, check, tidy and try out an installation, and their output."""
