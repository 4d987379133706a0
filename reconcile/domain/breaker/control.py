"""A control: look-ups elsewhere that decide whether a suspected party is to blame, before its breaker opens.

One that was sound earlier in the run is asked again; where there are too few of these, one that nobody has asked about
yet. Each workspace gives one control. Pure: ``services/lookup/control.py`` makes the calls.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconcile.domain.breaker.attribution import TripDecision
from reconcile.domain.breaker.breaker import BreakerScope
from reconcile.domain.breaker.window import Fault, SuspectOutcome, Votes
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


class ControlOutcome(StrEnum):
    """What one control came to."""

    SOUND = "sound"
    FAILING = "failing"
    CHANGED = "changed"
    """It was sound earlier in the run, and fails now."""
    NEW_SHAPE = "new_shape"
    """It was sound earlier, and now breaks the contract that the party is suspected to have changed."""


class ControlVerdict(StrEnum):
    """What controls say together."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control that has ended; *party* is whose it is: a workspace, or a lead where its workspace is suspected.

    *was_sound*: the look-up was sound earlier in this run.
    """

    party: str
    fault: Fault
    was_sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A party that is suspected, and what its controls came to; *earlier* are those of former suspicions in this run.

    While one is undecided its calls wait; *in_flight* were under way when it became one. *votes* are the workspaces'
    own look-ups, *due_count* is how many workspaces could be asked.
    """

    decision: TripDecision
    lookup: Lookup
    workspace_id: WorkspaceId
    in_flight: int
    votes: Votes = field(default_factory=Votes)
    due_count: int = 0
    earlier: Mapping[str, ControlOutcome] = field(default_factory=dict)
    controls: Mapping[str, ControlOutcome] = field(default_factory=dict)
    is_exhausted: bool = False

    @property
    def is_workspace(self) -> bool:
        """Whether a workspace is suspected, so that its controls are other leads of it."""
        return self.decision.key.scope is BreakerScope.WORKSPACE

    @property
    def is_first(self) -> bool:
        """Whether the party was not suspected before in this run, and no control was made yet."""
        return not self.earlier and not self.controls

    @property
    def wanted_count(self) -> int:
        """How many controls the next round needs: if all fail, they decide, unless earlier ones were sound."""
        return max(1, min(self._enough, math.ceil(self._enough - self._balance)))

    @property
    def outcomes(self) -> Mapping[str, ControlOutcome]:
        """The newest control of each party; once one has changed, what was sound before it is out of date."""
        kinds = set(self.controls.values())
        has_changed = not kinds.isdisjoint({ControlOutcome.CHANGED, ControlOutcome.NEW_SHAPE})
        kept = {p: o for p, o in self.earlier.items() if not (has_changed and o is ControlOutcome.SOUND)}
        return {**kept, **self.controls}

    @property
    def control_result(self) -> ControlVerdict:
        """What the controls say so far.

        The party is to blame if they weigh enough; if most of all workspaces fail, and most controls among these; and
        if nobody else can be asked. It is not if a control was sound, and the others do not outweigh it.
        """
        if self._balance >= self._enough or self._is_confirmed_majority:
            return ControlVerdict.CONFIRMED
        has_sound = ControlOutcome.SOUND in self.controls.values()
        if has_sound and self._balance <= 0:
            return ControlVerdict.REFUTED
        return ControlVerdict.CONFIRMED if self.is_exhausted else ControlVerdict.UNDECIDED

    def add(self, control: Control) -> "Suspect":
        """Count one control."""
        return replace(self, controls={**self.controls, control.party: self._outcome(control)})

    @property
    def is_majority(self) -> bool:
        """Whether most of all workspaces fail by their own votes, as far as no control has been sound in them."""
        sound = {party for party, outcome in self.controls.items() if outcome is ControlOutcome.SOUND}
        return not self.is_workspace and 2 * len(self.votes.failing - sound) > self.due_count

    @property
    def _is_confirmed_majority(self) -> bool:
        """Whether most of the controls among those that fail by their votes fail too, or none can be made."""
        checked = [outcome for party, outcome in self.controls.items() if party in self.votes.failing]
        sound_count = Counter(checked)[ControlOutcome.SOUND]
        return self.is_majority and 2 * sound_count < len(checked) + self.is_exhausted

    @property
    def _enough(self) -> int:
        return ENOUGH_OF_WORKSPACE if self.is_workspace else ENOUGH

    @property
    def _balance(self) -> int:
        weights = {
            ControlOutcome.SOUND: -WEIGHT_OF_SOUND,
            ControlOutcome.FAILING: 1,
            ControlOutcome.CHANGED: WEIGHT_OF_CHANGE,
            # A shape does not change back and forth: one look-up that it breaks is enough.
            ControlOutcome.NEW_SHAPE: self._enough,
        }
        return sum(weights[outcome] for outcome in self.outcomes.values())

    def _outcome(self, control: Control) -> ControlOutcome:
        fault = control.fault
        # An absence is an answer, unless the party is suspected for absences.
        if fault is None or (fault is SuspectOutcome.ABSENT and self.decision.fault is not ErrorClass.MASS_ABSENCE):
            return ControlOutcome.SOUND
        if not control.was_sound:
            return ControlOutcome.FAILING
        is_new_shape = fault is self.decision.fault is ErrorClass.CONTRACT
        return ControlOutcome.NEW_SHAPE if is_new_shape else ControlOutcome.CHANGED
