"""Worlds in which a provider says more or less than the truth, and what is written and verified in each."""
