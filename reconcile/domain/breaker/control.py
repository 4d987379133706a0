"""A control: look-ups elsewhere that decide whether a suspected party is to blame, before its breaker opens.

One that was sound earlier in the run is asked again; where there are too few of these, one that nobody has asked about
yet. Each workspace gives one control. Pure: ``services/lookup/control.py`` makes the calls.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from reconcile.domain.breaker.attribution import TripDecision
from reconcile.domain.breaker.breaker import BreakerScope
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.lookup import Lookup
from reconcile.errors import ErrorClass

ENOUGH = 8
"""What failing controls must weigh to blame a provider: by chance, where half of the workspaces fail, 1 in 256."""
ENOUGH_OF_WORKSPACE = 3
"""The same for a workspace, whose controls are other leads of it."""
WEIGHT_OF_CHANGE = 2
"""What was sound earlier and fails now says more than what was never asked about."""
WEIGHT_OF_SOUND = 3
"""One sound control outweighs so many that fail: a single workspace can't hide that all others fail."""


class ControlVerdict(StrEnum):
    """What controls say together."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What one control came to; *was_sound*: the look-up was sound earlier in this run."""

    fault: Fault
    was_sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A party that is suspected, and what its controls came to.

    *changed_count* counts controls that were sound earlier and fail now, *failing_count* those that were asked about
    for the first time. While one is undecided, its calls wait; *in_flight* were under way when it became one.
    """

    decision: TripDecision
    lookup: Lookup
    workspace_id: WorkspaceId
    in_flight: int
    sound_count: int = 0
    changed_count: int = 0
    failing_count: int = 0
    is_exhausted: bool = False

    @property
    def is_workspace(self) -> bool:
        """Whether a workspace is suspected, so that its controls are other leads of it."""
        return self.decision.key.scope is BreakerScope.WORKSPACE

    @property
    def wanted_count(self) -> int:
        """How many more controls, all failing, would decide."""
        return max(1, math.ceil(self._enough - self._balance))

    @property
    def verdict(self) -> ControlVerdict:
        """What the controls say so far; where no more can be made, a party without a sound one is to blame."""
        if self._balance >= self._enough:
            return ControlVerdict.CONFIRMED
        if self.sound_count and self._balance <= 0:
            return ControlVerdict.REFUTED
        return ControlVerdict.CONFIRMED if self.is_exhausted else ControlVerdict.UNDECIDED

    def add(self, control: Control) -> "Suspect":
        """Count one control."""
        if self._is_sound(control.fault):
            return replace(self, sound_count=self.sound_count + 1)
        if control.was_sound:
            # A shape does not change back and forth: one look-up that it breaks is enough.
            is_new_shape = control.fault is self.decision.fault is ErrorClass.CONTRACT
            return replace(self, changed_count=self.changed_count + (self._enough if is_new_shape else 1))
        return replace(self, failing_count=self.failing_count + 1)

    @property
    def _enough(self) -> int:
        return ENOUGH_OF_WORKSPACE if self.is_workspace else ENOUGH

    @property
    def _balance(self) -> int:
        weight = WEIGHT_OF_CHANGE * self.changed_count + self.failing_count
        return weight - WEIGHT_OF_SOUND * self.sound_count

    def _is_sound(self, fault: Fault) -> bool:
        """Tell whether a control speaks for the suspect: an absence does, unless it is suspected for absences."""
        if fault is SuspectOutcome.ABSENT:
            return self.decision.fault is not ErrorClass.MASS_ABSENCE
        return fault is None
