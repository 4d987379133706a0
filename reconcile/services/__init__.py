"""The use cases: what happens, in which order, through ports only."""
