"""Controls: further look-ups that confirm or refute a suspicion before a breaker opens.

They answer two questions. Has something changed? A look-up that succeeded earlier in the run is repeated. How many
fail? Workspaces without a look-up in this run are drawn at random, until Wald's sequential test shows whether most of
all workspaces fail. Each workspace gives one control. Pure: ``services/lookup/control.py`` makes the calls.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconcile.domain.breaker.attribution import RECORD_FAULTS, TripDecision
from reconcile.domain.breaker.breaker import BreakerScope
from reconcile.domain.breaker.control_outcome import CHANGED, FAILING, SUCCESSFUL, ControlOutcome
from reconcile.domain.breaker.window import Fault, SuspectOutcome, Votes
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass

MOST_IN_A_ROUND = 8
"""How many controls are made concurrently as long as none has succeeded."""
LARGEST_ROUND = 32
"""The maximum once one has succeeded. Rounds grow, so that slow failures are decided within one run."""
ENOUGH = math.log(256)
"""The log-likelihood ratio at which controls decide: if half fail, chance blames the provider in 1 of 256 runs."""
ENOUGH_OF_WORKSPACE = 3
"""The weight of failing controls that confirms a suspicion against a workspace; its controls are other leads of it."""
WEIGHT_OF_CHANGE = 2
"""The weight of a look-up that succeeded earlier and fails now, where one that was not made before weighs 1."""
WEIGHT_OF_SUCCESSFUL_LEAD = 3
"""How many failing leads of a workspace one successful lead outweighs."""
MOST_TOLERABLE_SHARE = 0.9
"""If a majority needs a larger share of the workspaces without a look-up to fail, no sample can show it."""


_UNANSWERED = frozenset({ErrorClass.TIMEOUT, ErrorClass.TRANSPORT, ErrorClass.UNAVAILABLE})
"""Failures that may take seconds: by the next suspicion, all workspaces may have been called."""
_LEAST_SHARE = 0.05
_ROUNDING = 1e-9


class ControlVerdict(StrEnum):
    """The result of all controls of a party."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"
    """The run ended before the controls decided: no breaker opens, and a later run decides."""


class ControlsLeft(StrEnum):
    """Which controls can still be made after a round."""

    MORE = "more"
    NONE = "none"
    """All possible controls were made."""
    NO_TIME = "no_time"
    """The run makes no more calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control that has ended; *party* is its workspace, or its lead if the workspace is suspected.

    *was_successful*: the same look-up succeeded earlier in this run. *is_only*: its workspace has no other record to
    compare this one with.
    """

    party: str
    fault: Fault
    was_successful: bool
    is_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A suspected party and the results of its controls. Until a decision, other calls to the party wait.

    *earlier*: controls of previous suspicions of this party in this run. *in_flight*: calls in flight when the
    suspicion arose. *votes*: from the workspaces' own look-ups. *due_count*: due workspaces that have this provider.
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
    """Controls in flight: the party is cleared before they end only if it would be even if all of them failed."""

    @property
    def is_workspace(self) -> bool:
        """Whether the party is a workspace; its controls are then other leads of it."""
        return self.decision.key.scope is BreakerScope.WORKSPACE

    @property
    def is_first(self) -> bool:
        """Whether this is the first suspicion of the party in this run, without a control yet."""
        return not self.earlier and not self.controls

    @property
    def wanted_count(self) -> int:
        """The number of controls in the next round: as many as decide if all fail; after a success, a full round."""
        if self.is_workspace:
            return max(1, min(ENOUGH_OF_WORKSPACE, ENOUGH_OF_WORKSPACE - self._balance_of_leads))
        if ControlOutcome.SUCCEEDED in self.outcomes.values():
            return min(LARGEST_ROUND, MOST_IN_A_ROUND + len(self.controls))
        left = (ENOUGH - self._balance) / max(self._weight_of_failing, ENOUGH / MOST_IN_A_ROUND)
        return max(1, min(MOST_IN_A_ROUND, math.ceil(left - _ROUNDING)))

    def may_grow(self, pending: int) -> bool:
        """Return whether more controls should be started while *pending* ones are in flight.

        A control has succeeded, so the pending ones may stall for reasons of their own, and even if all of them failed
        they would not decide.
        """
        has_answered = not SUCCESSFUL.isdisjoint(self.controls.values())
        return has_answered and replace(self, pending=pending).result_if_pending_fail is ControlVerdict.UNDECIDED

    @property
    def weighs_changes(self) -> bool:
        """Whether earlier successes fill up a round: one of them fails now, or the party is a workspace."""
        return self.is_workspace or not CHANGED.isdisjoint(self.outcomes.values())

    @property
    def is_cleared(self) -> bool:
        """Whether enough controls succeeded: further ones only check whether something has changed."""
        return not self.is_workspace and (self._balance <= -ENOUGH or self._least_share > MOST_TOLERABLE_SHARE)

    @property
    def outcomes(self) -> Mapping[str, ControlOutcome]:
        """The newest control of each party; once one has changed, successes before it are dropped.

        A repeated success does not replace the first result of that party.
        """
        kept = self.earlier
        if not CHANGED.isdisjoint(self.controls.values()):
            kept = {p: o for p, o in kept.items() if o not in SUCCESSFUL}
        newest = {p: o for p, o in self.controls.items() if o is not ControlOutcome.STILL_SUCCEEDS or p not in kept}
        return {**kept, **newest}

    @property
    def control_result(self) -> ControlVerdict:
        """The result of the controls so far.

        The suspicion is confirmed if the failing controls weigh enough; if most of all workspaces fail, and most
        controls among these; and, if no further control is possible, if no control succeeded or most parties fail. It
        is refuted if a control succeeded and the others do not outweigh it.
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
                return ControlVerdict.CONFIRMED if self._has_failing_majority else ControlVerdict.REFUTED

    def add(self, control: Control) -> "Suspect":
        """Count one control."""
        return replace(self, controls={**self.controls, control.party: self._outcome(control)})

    @property
    def is_majority(self) -> bool:
        """Whether most of all workspaces fail, by their votes or controls, without those where a control succeeded."""
        return not self.is_workspace and 2 * len(self._failing) > self.due_count

    @property
    def _is_enough(self) -> bool:
        if self.is_workspace:
            return self._balance_of_leads >= ENOUGH_OF_WORKSPACE
        return self._balance >= ENOUGH - _ROUNDING

    @property
    def _is_refuted(self) -> bool:
        # If most of all workspaces fail, only a success in one of these refutes the suspicion.
        relevant = self.votes.failing if self.is_majority else self.controls.keys()
        counted = {ControlOutcome.SUCCEEDED} if self._needs_sample else SUCCESSFUL
        has_success = any(party in relevant and outcome in counted for party, outcome in self.controls.items())
        return has_success and (self._balance_of_leads if self.is_workspace else self._balance) <= 0

    @property
    def _needs_sample(self) -> bool:
        """Whether one call that still succeeds refutes nothing, because most of the others may get no answer."""
        return self.decision.fault in _UNANSWERED and not self.is_cleared and not self.weighs_changes

    @property
    def result_if_pending_fail(self) -> ControlVerdict:
        """The result if all pending controls fail."""
        outcome = ControlOutcome.CHANGED if self.weighs_changes else ControlOutcome.FAILING_WHOLLY
        worst = {f"pending {number}": outcome for number in range(self.pending)}
        return replace(self, controls={**self.controls, **worst}, pending=0).control_result

    @property
    def _failing(self) -> frozenset[str]:
        # If a single record can cause the fault, one failing record does not make its workspace a failing one, unless
        # it is the workspace's only record.
        counted = {ControlOutcome.FAILING_WHOLLY} if self.decision.fault in RECORD_FAULTS else FAILING
        failed = {party for party, outcome in self.outcomes.items() if outcome in counted}
        succeeded = {party for party, outcome in self.controls.items() if outcome in SUCCESSFUL}
        return frozenset((self.votes.failing | (failed - self.votes.healthy)) - succeeded)

    @property
    def _has_failing_majority(self) -> bool:
        if self.is_workspace or not self.controls:
            return True  # no control contradicts the suspicion
        succeeded = {party for party, outcome in self.outcomes.items() if outcome in SUCCESSFUL}
        return 2 * len(self._failing) > len(self._failing | succeeded | self.votes.healthy)

    @property
    def _is_confirmed_majority(self) -> bool:
        """Whether most controls in workspaces that fail by their votes fail too, or no such control can be made.

        If a single record can cause the fault, a full round of these controls has to fail.
        """
        checked = [outcome for party, outcome in self.controls.items() if party in self.votes.failing]
        success_count = sum(outcome in SUCCESSFUL for outcome in checked)
        if self.decision.fault in RECORD_FAULTS:
            is_whole = len(checked) >= MOST_IN_A_ROUND or self.left is not ControlsLeft.MORE
            return self.is_majority and is_whole and SUCCESSFUL.isdisjoint(self.controls.values())
        return self.is_majority and 2 * success_count < len(checked) + (self.left is not ControlsLeft.MORE)

    @property
    def _least_share(self) -> float:
        """Return the share of workspaces without a look-up that must fail, so that most of all workspaces do.

        It is one half once a look-up has changed: earlier successes no longer count.
        """
        if self.weighs_changes:
            return 0.5
        failing, asked = self.votes.failing & self._failing, self.votes.failing | self.votes.healthy
        unasked = self.due_count - len(asked)
        share = max(0.0, self.due_count / 2 - len(failing)) / unasked if unasked > 0 else 1.0
        # A workspace with few look-ups may fail only because of these records.
        return max(share, 0.5) if self.decision.fault in RECORD_FAULTS else share

    @property
    def _weight_of_failing(self) -> float:
        """Return the weight of one failing control, as long as no control in a new workspace has succeeded."""
        return -math.log(max(self._least_share, _LEAST_SHARE))

    @property
    def _balance(self) -> float:
        """Return the evidence for the suspicion: the log-likelihood ratio of Wald's sequential test.

        *least* is the failing share up to which the party is not to blame. The alternative is "all fail" as long as all
        controls fail; once one has succeeded, it is the share half-way between.
        """
        voters = self.votes.failing | self.votes.healthy
        sampled = {*FAILING, ControlOutcome.SUCCEEDED}
        found = Counter(o for p, o in self.outcomes.items() if p not in voters or o not in sampled)
        failing = sum(found[each] for each in FAILING) + WEIGHT_OF_CHANGE * found[ControlOutcome.CHANGED]
        succeeded = found[ControlOutcome.SUCCEEDED]
        if self.weighs_changes:
            succeeded += WEIGHT_OF_CHANGE * found[ControlOutcome.STILL_SUCCEEDS]
        if not succeeded:
            return failing * self._weight_of_failing
        least = max(self._least_share, _LEAST_SHARE)
        return failing * math.log((1 + least) / 2 / least) - succeeded * math.log(2)

    @property
    def _balance_of_leads(self) -> int:
        found = Counter(self.outcomes.values())
        succeeded = found[ControlOutcome.SUCCEEDED] + found[ControlOutcome.STILL_SUCCEEDS]
        failing = sum(found[each] for each in FAILING) + WEIGHT_OF_CHANGE * found[ControlOutcome.CHANGED]
        return failing - WEIGHT_OF_SUCCESSFUL_LEAD * succeeded

    def _outcome(self, control: Control) -> ControlOutcome:
        fault = control.fault
        # An absence is an answer, unless the party is suspected for absences.
        if fault is None or (fault is SuspectOutcome.ABSENT and self.decision.fault is not ErrorClass.MASS_ABSENCE):
            return ControlOutcome.STILL_SUCCEEDS if control.was_successful else ControlOutcome.SUCCEEDED
        if not control.was_successful:
            return ControlOutcome.FAILING_WHOLLY if control.is_only else ControlOutcome.FAILING
        is_new_shape = fault is self.decision.fault is ErrorClass.CONTRACT
        return ControlOutcome.NEW_SHAPE if is_new_shape else ControlOutcome.CHANGED
