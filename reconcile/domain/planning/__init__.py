"""From evidence to changes: outcomes, plans, reschedules and follow-ups."""
