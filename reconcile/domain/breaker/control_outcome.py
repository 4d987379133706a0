"""What one control look-up showed."""

from enum import StrEnum


class ControlOutcome(StrEnum):
    """The result of one control."""

    SUCCEEDED = "succeeded"
    STILL_SUCCEEDS = "still_succeeds"
    """It succeeded earlier in the run and succeeds now: nothing has changed; it does not show how many fail."""
    FAILING = "failing"
    FAILING_WHOLLY = "failing_wholly"
    """The only record of its workspace that can be looked up fails, so the workspace counts as failing."""
    CHANGED = "changed"
    """It succeeded earlier in the run and fails now."""
    NEW_SHAPE = "new_shape"
    """It succeeded earlier and now fails with the contract fault that the party is suspected of."""


SUCCESSFUL = frozenset({ControlOutcome.SUCCEEDED, ControlOutcome.STILL_SUCCEEDS})
FAILING = frozenset({ControlOutcome.FAILING, ControlOutcome.FAILING_WHOLLY})
CHANGED = frozenset({ControlOutcome.CHANGED, ControlOutcome.NEW_SHAPE})
