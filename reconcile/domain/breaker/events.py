"""What happens to the breakers of a run: the events that the registry's reducer takes, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.domain.breaker.breaker import Breaker, BreakerKey
from reconcile.domain.breaker.control import Control, ControlsLeft, Suspect
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import ProviderName, WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A permission to ask about one lead: the *number*-th; *probing* names the half-open breakers it is a probe for."""

    workspace_id: WorkspaceId
    lookup: Lookup
    number: int
    probing: frozenset[BreakerKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """No call: *key* is the breaker that refuses; *is_pending* where a control is about to decide on it."""

    key: BreakerKey
    is_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run begins over these workspaces; *is_partial*: others are due that it does not visit."""

    due: Mapping[WorkspaceId, frozenset[ProviderName]]
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequested:
    """A look-up or a sweep wants to be made."""

    workspace_id: WorkspaceId
    lookup: Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """An admitted call has ended.

    Not *is_check*: nothing was learned (skipped, deferred). *is_known*: the lead has failed like this in earlier runs,
    so that it is known to be odd and says nothing about others.
    """

    admission: Admission
    fault: Fault
    is_check: bool = True
    is_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedSuccessesFound:
    """A list has settled *count* leads, which count as sound look-ups, spread over the next *over* checks.

    Without them the few leads that have to be looked up would speak for all, and those are often the odd ones.
    """

    workspace_id: WorkspaceId
    lookup: Lookup
    count: int
    over: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedSuccessesSettled:
    """No more checks follow: what is left to be spread is counted now."""

    workspace_id: WorkspaceId
    provider: ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class BugFound:
    """A bug of ours came to light after a provider had answered: nothing is to be said against it."""

    workspace_id: WorkspaceId
    lookup: Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsAnswered:
    """Controls of a suspected party have ended; *pending* are still asked, *left* is what else could be."""

    key: BreakerKey
    controls: tuple[Control, ...] = ()
    left: ControlsLeft = ControlsLeft.MORE
    pending: int = 0


@dataclass(frozen=True, slots=True)
class ProbeRoundEnded:
    """Fewer workspaces were due than probes allowed: those that were made decide."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over: what proved sound widens, and unanswered probes are asked again next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStored:
    """A breaker is stored as it stands."""

    breaker: Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerAdopted:
    """Another process, or an operator, has decided on a breaker: that outranks ours."""

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
    """What an event has led to: the answer to a requested call, breakers that moved, parties that became suspected."""

    answer: Admission | Refusal | None = None
    moved: tuple[Breaker, ...] = ()
    suspects: tuple[Suspect, ...] = ()
