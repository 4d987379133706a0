"""How long tests wait: never for what should happen, only before they give up on what does not."""

HUNG = 300.0
"""Seconds after which what a test waits for is taken for broken: far more than a machine under any load needs."""
