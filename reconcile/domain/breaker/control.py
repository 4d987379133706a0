"""A control: look-ups elsewhere that decide whether a suspected party is to blame, before its breaker opens.

Two questions. Has something changed: a look-up that was sound earlier in the run is asked again. How many fail:
workspaces that nobody has asked yet are drawn at random and asked, until Wald's sequential test tells whether most of
all fail. Each workspace gives one control. Pure: ``services/lookup/control.py`` makes the calls.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconcile.domain.breaker.attribution import RECORD_FAULTS, TripDecision
from reconcile.domain.breaker.breaker import BreakerScope
from reconcile.domain.breaker.window import Fault, SuspectOutcome, Votes
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass

MOST_IN_A_ROUND = 8
"""How many controls are made side by side as long as none was sound."""
LARGEST_ROUND = 32
"""How many are, once the party is known to answer: each round is larger, so that slow failures are decided in a run."""
ENOUGH = math.log(256)
"""The log likelihood ratio at which controls decide: where half fail, chance blames the provider in 1 of 256 runs."""
ENOUGH_OF_WORKSPACE = 3
"""What failing controls must weigh to blame a workspace, whose controls are other leads of it."""
WEIGHT_OF_CHANGE = 2
"""What was sound earlier and fails now says more than what was never asked about."""
WEIGHT_OF_SOUND_LEAD = 3
"""How many failing leads of a workspace a sound one outweighs."""
MOST_TOLERABLE_SHARE = 0.9
"""Where more of those that were not asked would have to fail to make most of all, no sample can tell."""


class ControlOutcome(StrEnum):
    """What one control came to."""

    SOUND = "sound"
    STILL_SOUND = "still_sound"
    """It was sound earlier in the run, and is now: it says that nothing has changed, and not how many fail."""
    FAILING = "failing"
    FAILING_WHOLLY = "failing_wholly"
    """The one record of its workspace that could be asked fails: it is not known to be odd, and its workspace fails."""
    CHANGED = "changed"
    """It was sound earlier in the run, and fails now."""
    NEW_SHAPE = "new_shape"
    """It was sound earlier, and now breaks the contract that the party is suspected to have changed."""


_SOUND = frozenset({ControlOutcome.SOUND, ControlOutcome.STILL_SOUND})
_UNANSWERED = frozenset({ErrorClass.TIMEOUT, ErrorClass.TRANSPORT, ErrorClass.UNAVAILABLE})
"""Failures that may take seconds: by the next suspicion, all workspaces may have been called."""
_LEAST_SHARE = 0.05
_ROUNDING = 1e-9
_FAILING = frozenset({ControlOutcome.FAILING, ControlOutcome.FAILING_WHOLLY})
_CHANGED = frozenset({ControlOutcome.CHANGED, ControlOutcome.NEW_SHAPE})


class ControlVerdict(StrEnum):
    """What controls say together."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"
    """The run's time ended before they said enough: nobody is blamed, and a later run decides."""


class ControlsLeft(StrEnum):
    """What can be asked after a round of controls."""

    MORE = "more"
    NONE = "none"
    """Everybody who could be asked has been."""
    NO_TIME = "no_time"
    """The run makes no more calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control that has ended; *party* is whose it is: a workspace, or a lead where its workspace is suspected.

    *was_sound*: the look-up was sound earlier in this run. *is_only*: its workspace has no other record that could be
    asked, so that none can tell that this one is odd.
    """

    party: str
    fault: Fault
    was_sound: bool
    is_only: bool = False


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
    left: ControlsLeft = ControlsLeft.MORE
    pending: int = 0
    """Controls that have not ended: a party is acquitted before only if it would be although all of them failed."""

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
        """How many controls the next round needs: if all fail, they decide; where some are sound, a whole round."""
        if self.is_workspace:
            return max(1, min(ENOUGH_OF_WORKSPACE, ENOUGH_OF_WORKSPACE - self._balance_of_leads))
        if ControlOutcome.SOUND in self.outcomes.values():
            return min(LARGEST_ROUND, MOST_IN_A_ROUND + len(self.controls))
        left = (ENOUGH - self._balance) / max(self._weight_of_failing, ENOUGH / MOST_IN_A_ROUND)
        return max(1, min(MOST_IN_A_ROUND, math.ceil(left - _ROUNDING)))

    def may_grow(self, pending: int) -> bool:
        """Tell whether more controls are worth asking while so many have not ended.

        One was sound, so these may stall for reasons of their own; and they would decide nothing although they failed.
        """
        has_answered = not _SOUND.isdisjoint(self.controls.values())
        return has_answered and replace(self, pending=pending).result_if_pending_fail is ControlVerdict.UNDECIDED

    @property
    def weighs_changes(self) -> bool:
        """Whether look-ups that were sound earlier make up a round: one of them has changed, or they are leads."""
        return self.is_workspace or not _CHANGED.isdisjoint(self.outcomes.values())

    @property
    def is_acquitted(self) -> bool:
        """Whether no more are asked how many fail, only whether one has changed: so many were sound."""
        return not self.is_workspace and (self._balance <= -ENOUGH or self._least_share > MOST_TOLERABLE_SHARE)

    @property
    def outcomes(self) -> Mapping[str, ControlOutcome]:
        """The newest control of each party; once one has changed, what was sound before it is out of date.

        That a party is still sound does not replace how it was found.
        """
        kept = self.earlier
        if not _CHANGED.isdisjoint(self.controls.values()):
            kept = {p: o for p, o in kept.items() if o not in _SOUND}
        newest = {p: o for p, o in self.controls.items() if o is not ControlOutcome.STILL_SOUND or p not in kept}
        return {**kept, **newest}

    @property
    def control_result(self) -> ControlVerdict:
        """What the controls say so far.

        The party is to blame if they weigh enough; if most of all workspaces fail, and most controls among these; and
        where nobody else can be asked, if nothing speaks against it or most of those that were asked fail. It is not
        if a control was sound, and the others do not outweigh it.
        """
        if self.pending:
            is_refuted = self.result_if_pending_fail is ControlVerdict.REFUTED
            return ControlVerdict.REFUTED if is_refuted else ControlVerdict.UNDECIDED
        is_new_shape = ControlOutcome.NEW_SHAPE in self.controls.values()
        if is_new_shape or self._is_enough or self._is_confirmed_majority:
            return ControlVerdict.CONFIRMED
        if self._is_refuted:
            return ControlVerdict.REFUTED
        match self.left:
            case ControlsLeft.MORE:
                return ControlVerdict.UNDECIDED
            case ControlsLeft.NO_TIME:
                return ControlVerdict.UNKNOWN
            case ControlsLeft.NONE:
                return ControlVerdict.CONFIRMED if self._is_most_of_those_asked else ControlVerdict.REFUTED

    def add(self, control: Control) -> "Suspect":
        """Count one control."""
        return replace(self, controls={**self.controls, control.party: self._outcome(control)})

    @property
    def is_majority(self) -> bool:
        """Whether most of all workspaces fail, by their own votes or as controls, as far as none was sound in them."""
        return not self.is_workspace and 2 * len(self._failing) > self.due_count

    @property
    def _is_enough(self) -> bool:
        if self.is_workspace:
            return self._balance_of_leads >= ENOUGH_OF_WORKSPACE
        return self._balance >= ENOUGH - _ROUNDING

    @property
    def _is_refuted(self) -> bool:
        # Where most of all workspaces fail, only a sound control of one of these tells against it.
        doubted = self.votes.failing if self.is_majority else self.controls.keys()
        telling = {ControlOutcome.SOUND} if self._asks_how_many else _SOUND
        has_sound = any(party in doubted and outcome in telling for party, outcome in self.controls.items())
        return has_sound and (self._balance_of_leads if self.is_workspace else self._balance) <= 0

    @property
    def _asks_how_many(self) -> bool:
        """Whether an answer that is still sound is not enough, as most of the other calls may get none."""
        return self.decision.fault in _UNANSWERED and not self.is_acquitted and not self.weighs_changes

    @property
    def result_if_pending_fail(self) -> ControlVerdict:
        """What the controls say if all that are still asked fail."""
        outcome = ControlOutcome.CHANGED if self.weighs_changes else ControlOutcome.FAILING_WHOLLY
        worst = {f"pending {number}": outcome for number in range(self.pending)}
        return replace(self, controls={**self.controls, **worst}, pending=0).control_result

    @property
    def _failing(self) -> frozenset[str]:
        # One record that fails, of a kind that is often the record's own fault, makes no workspace a failing one,
        # unless it is the workspace's only one.
        telling = {ControlOutcome.FAILING_WHOLLY} if self.decision.fault in RECORD_FAULTS else _FAILING
        failed = {party for party, outcome in self.outcomes.items() if outcome in telling}
        sound = {party for party, outcome in self.controls.items() if outcome in _SOUND}
        return frozenset((self.votes.failing | (failed - self.votes.sound)) - sound)

    @property
    def _is_most_of_those_asked(self) -> bool:
        if self.is_workspace or not self.controls:
            return True  # nothing speaks against the suspicion
        sound = {party for party, outcome in self.outcomes.items() if outcome in _SOUND}
        return 2 * len(self._failing) > len(self._failing | sound | self.votes.sound)

    @property
    def _is_confirmed_majority(self) -> bool:
        """Whether most of the controls among those that fail by their votes fail too, or none can be made.

        Where a failure is often the record's own, a whole round of them has to fail.
        """
        checked = [outcome for party, outcome in self.controls.items() if party in self.votes.failing]
        sound_count = sum(outcome in _SOUND for outcome in checked)
        if self.decision.fault in RECORD_FAULTS:
            is_whole = len(checked) >= MOST_IN_A_ROUND or self.left is not ControlsLeft.MORE
            return self.is_majority and is_whole and _SOUND.isdisjoint(self.controls.values())
        return self.is_majority and 2 * sound_count < len(checked) + (self.left is not ControlsLeft.MORE)

    @property
    def _least_share(self) -> float:
        """Return which share of those that were not asked must fail, so that most of all workspaces do.

        Once a look-up has changed, what was sound before it is out of date: then it is a half.
        """
        if self.weighs_changes:
            return 0.5
        failing, asked = self.votes.failing & self._failing, self.votes.failing | self.votes.sound
        unasked = self.due_count - len(asked)
        share = max(0.0, self.due_count / 2 - len(failing)) / unasked if unasked > 0 else 1.0
        # A workspace of which few records were asked may fail by those alone.
        return max(share, 0.5) if self.decision.fault in RECORD_FAULTS else share

    @property
    def _weight_of_failing(self) -> float:
        """Return what one failing control weighs, if none of those not asked before was sound."""
        return -math.log(max(self._least_share, _LEAST_SHARE))

    @property
    def _balance(self) -> float:
        """Return by how much the controls speak for blame: the log likelihood ratio of Wald's sequential test.

        *least* is the share at which the party is not to blame yet. It is held against "all fail" as long as all do,
        and against the share half-way between once one was sound.
        """
        voters = self.votes.failing | self.votes.sound
        of_the_sample = {*_FAILING, ControlOutcome.SOUND}
        found = Counter(o for p, o in self.outcomes.items() if p not in voters or o not in of_the_sample)
        failing = sum(found[each] for each in _FAILING) + WEIGHT_OF_CHANGE * found[ControlOutcome.CHANGED]
        sound = found[ControlOutcome.SOUND]
        if self.weighs_changes:
            sound += WEIGHT_OF_CHANGE * found[ControlOutcome.STILL_SOUND]
        if not sound:
            return failing * self._weight_of_failing
        least = max(self._least_share, _LEAST_SHARE)
        return failing * math.log((1 + least) / 2 / least) - sound * math.log(2)

    @property
    def _balance_of_leads(self) -> int:
        found = Counter(self.outcomes.values())
        sound = found[ControlOutcome.SOUND] + found[ControlOutcome.STILL_SOUND]
        failing = sum(found[each] for each in _FAILING) + WEIGHT_OF_CHANGE * found[ControlOutcome.CHANGED]
        return failing - WEIGHT_OF_SOUND_LEAD * sound

    def _outcome(self, control: Control) -> ControlOutcome:
        fault = control.fault
        # An absence is an answer, unless the party is suspected for absences.
        if fault is None or (fault is SuspectOutcome.ABSENT and self.decision.fault is not ErrorClass.MASS_ABSENCE):
            return ControlOutcome.STILL_SOUND if control.was_sound else ControlOutcome.SOUND
        if not control.was_sound:
            return ControlOutcome.FAILING_WHOLLY if control.is_only else ControlOutcome.FAILING
        is_new_shape = fault is self.decision.fault is ErrorClass.CONTRACT
        return ControlOutcome.NEW_SHAPE if is_new_shape else ControlOutcome.CHANGED
