"""Boards of breakers for tests, and leads asked about by the handful."""

from collections.abc import Iterable
from datetime import datetime

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Trip,
)
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId
from tests.domain.factories import NOW
from tests.use_cases import BreakerRegistry, Control, ControlsLeft, Fault, Refusal

POLICY = BreakerPolicy()
GHL = Lookup(provider=ProviderName.HIGHLEVEL, operation=Operation.APPOINTMENT)
SEARCH = Lookup(provider=ProviderName.HIGHLEVEL, operation=Operation.CONTACT_SEARCH)
CALENDLY = Lookup(provider=ProviderName.CALENDLY, operation=Operation.INVITEE)
GHL_KEY = BreakerKey(BreakerScope.PROVIDER, "ghl")
ALL = frozenset(ProviderName)


def ws(number: int) -> WorkspaceId:
    return WorkspaceId(f"ws-{number}")


def ws_key(number: int, provider: ProviderName = ProviderName.HIGHLEVEL) -> BreakerKey:
    return BreakerKey(BreakerScope.WORKSPACE, f"{ws(number)}/{provider}")


def a_registry(
    workspaces: int = 10,
    stored: Iterable[Breaker] = (),
    *,
    now: datetime = NOW,
    policy: BreakerPolicy = POLICY,
    is_restricted: bool = False,
    is_partial: bool = False,
) -> BreakerRegistry:
    registry = BreakerRegistry(stored, policy=policy, run_id=RunId("run-1"), batch_size=50, is_restricted=is_restricted)
    registry.begin({ws(n): ALL for n in range(workspaces)}, now, is_partial=is_partial)
    return registry


def decide(registry: BreakerRegistry, controls: Iterable[Control] = (), *, now: datetime = NOW) -> None:
    """Answer the controls of whoever is suspected, and make no more."""
    for key in list(registry.suspects):
        registry.answer_controls(key, controls, now, left=ControlsLeft.NONE)


def admit_and_record(
    registry: BreakerRegistry, number: int, fault: Fault, *, lookup: Lookup = GHL, now: datetime = NOW
) -> bool:
    """Admit and record one call of a workspace; return whether it was admitted. No control is available."""
    admission = registry.admit(ws(number), lookup, now)
    if isinstance(admission, Refusal):
        return False
    registry.record(admission, fault, now)
    decide(registry, now=now)
    return True


def states(registry: BreakerRegistry) -> dict[str, str]:
    return {str(b.key): b.state for b in registry.breakers() if b.state is not BreakerState.CLOSED}


LATER = NOW + POLICY.cooldown


def an_open(key: BreakerKey, *, at: datetime = NOW, fault: str = "contract") -> Breaker:
    return Breaker(key=key).trip(at, Trip(reason=BreakerReason.CONTRACT_FAULT, fault=fault), policy=POLICY)
