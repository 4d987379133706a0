"""The events that the reducer of the breaker registry takes, and the transitions that it returns."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.domain.breaker.breaker import Breaker, BreakerKey
from reconcile.domain.breaker.control import Control, ControlsLeft, Suspect
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import ProviderName, WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The admission of one call, the *number*-th of the run; *probing* are the half-open breakers that it probes."""

    workspace_id: WorkspaceId
    lookup: Lookup
    number: int
    probing: frozenset[BreakerKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused call: *key* is the breaker that refuses; *is_pending*: controls are about to decide on it."""

    key: BreakerKey
    is_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run starts with these workspaces; *is_partial*: others are due that it does not visit."""

    due: Mapping[WorkspaceId, frozenset[ProviderName]]
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequested:
    """Admission is requested for a look-up or a sweep."""

    workspace_id: WorkspaceId
    lookup: Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """An admitted call has ended.

    Not *is_check*: it has no result (skipped, deferred). *is_known*: the lead has failed in the same way in earlier
    runs, so the failure says nothing about others.
    """

    admission: Admission
    fault: Fault
    is_check: bool = True
    is_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedSuccessesFound:
    """A list has settled *count* leads, which count as successful look-ups, spread over the next *over* checks.

    Without them, the error rate would only reflect the few leads that need a look-up, which fail more often.
    """

    workspace_id: WorkspaceId
    lookup: Lookup
    count: int
    over: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedSuccessesSettled:
    """No more checks follow: the remaining implied successes are counted now."""

    workspace_id: WorkspaceId
    provider: ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class BugFound:
    """A bug of this program occurred after a provider had answered; it does not count against the provider."""

    workspace_id: WorkspaceId
    lookup: Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsAnswered:
    """Controls of a suspected party have ended; *pending* are in flight, *left* says whether more can be made."""

    key: BreakerKey
    controls: tuple[Control, ...] = ()
    left: ControlsLeft = ControlsLeft.MORE
    pending: int = 0


@dataclass(frozen=True, slots=True)
class ProbeRoundEnded:
    """Fewer workspaces were due than probes are allowed: the probes that were made decide."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over: breakers with successes advance, and probes without a result are repeated by the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStored:
    """A breaker was stored."""

    breaker: Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerAdopted:
    """Another process or an operator has changed a breaker; that takes precedence."""

    breaker: Breaker


Event = (
    RunStarted
    | CallRequested
    | CallEnded
    | ImpliedSuccessesFound
    | ImpliedSuccessesSettled
    | BugFound
    | ControlsAnswered
    | ProbeRoundEnded
    | RunEnded
    | BreakerStored
    | BreakerAdopted
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    """The results of an event: the answer to a requested call, changed breakers, new suspicions."""

    answer: Admission | Refusal | None = None
    moved: tuple[Breaker, ...] = ()
    suspects: tuple[Suspect, ...] = ()
