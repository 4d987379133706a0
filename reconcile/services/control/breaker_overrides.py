"""Manual overrides of a breaker: trip, hold and reset, each with operator, reason and end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
    Trip,
)
from reconcile.domain.formatting import quoted
from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import RequestError, StoreUnavailable
from reconcile.ports import Store

HOLD = timedelta(hours=1)
"""Default duration of a hold: long enough to investigate, and it ends if it is forgotten."""
LONGEST = timedelta(days=30)
MAX_NOTE = 200
_ATTEMPTS = 10


class Verb(StrEnum):
    """The commands for a breaker."""

    TRIP = "trip"
    """Open it as if it had tripped; probes close it again."""
    HOLD = "hold"
    """Keep it open, without probes, until a time."""
    RESET = "reset"
    """Close it; with a duration, also keep it closed for that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One command of an operator; *lasts* is None for the verb's default."""

    verb: Verb
    key: BreakerKey
    reason: str
    actor: str
    lasts: timedelta | None = None


def breaker_key(text: str) -> BreakerKey:
    """Return the key of *text*.

    That is ``run``, ``provider:ghl`` (or ``ghl/appointment``), ``workspace:ID/ghl``, or ``workspace:ID`` for the whole
    workspace.
    """
    scope, _, name = text.partition(":")
    if text == str(RUN_KEY):
        return RUN_KEY
    if scope == BreakerScope.WORKSPACE and name and name.isprintable():
        return BreakerKey(BreakerScope.WORKSPACE, name)
    if scope == BreakerScope.PROVIDER:
        provider, slash, operation = name.partition("/")
        if provider in set(ProviderName) and (operation in set(Operation) or not slash):
            return BreakerKey(BreakerScope.PROVIDER, name)
    providers = ", ".join(f"provider:{provider}" for provider in ProviderName)
    own = f"workspace:ID, or workspace:ID/{ProviderName.HIGHLEVEL}"
    raise RequestError(f"{quoted(text)} is not a breaker; breakers are run, {providers} and {own}")


def note(text: str, *, what: str) -> str:
    """Return a note as it is stored, or raise RequestError: one short line, no control characters."""
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_NOTE or not stripped.isprintable():
        raise RequestError(f"the {what} must be one line of 1 to {MAX_NOTE} characters")
    return stripped


async def act(order: Order, *, store: Store, now: datetime, policy: BreakerPolicy) -> Breaker:
    """Apply *order* and return the stored breaker; a concurrent change by a run is not lost.

    Raises RequestError if the workspace does not exist.
    """
    order = replace(order, reason=note(order.reason, what="reason"), actor=note(order.actor, what="actor"))
    if order.lasts is not None and not timedelta(0) < order.lasts <= LONGEST:
        raise RequestError(f"a duration must be above zero and at most {LONGEST.days} days")
    await _must_exist(order.key, store)
    breaker = await _store_order(order, store=store, now=now, policy=policy)
    if order.verb is Verb.RESET:
        for key in await parts_of(order.key, store):
            await _store_order(replace(order, key=key, lasts=None), store=store, now=now, policy=policy)
    return breaker


async def _store_order(order: Order, *, store: Store, now: datetime, policy: BreakerPolicy) -> Breaker:
    for _ in range(_ATTEMPTS):
        before = await store.breakers.get(order.key) or Breaker(key=order.key)
        after = replace(_apply_order(order, before, now=now, policy=policy), generation=before.generation + 1)
        if await store.breakers.save(after, expected_generation=before.generation):
            return after
    raise StoreUnavailable(f"breaker {order.key} was changed by others {_ATTEMPTS} times in a row; try again")


async def lift(override: Override, key: BreakerKey, *, store: Store, now: datetime) -> Breaker | None:
    """Remove an override from a breaker; return None if it has none of that kind, actor and reason in force."""
    for _ in range(_ATTEMPTS):
        before = await store.breakers.get(key)
        held = before.override if before else None
        if before is None or held is None or before.override_kind(now) is not override.kind:
            return None
        if (held.reason, held.actor) != (override.reason, override.actor):
            return None
        after = replace(before, override=replace(held, expires_at=now)).drop_expired_override(now)
        if await store.breakers.save(after, expected_generation=before.generation):
            return after
    raise StoreUnavailable(f"breaker {key} was changed by others {_ATTEMPTS} times in a row; try again")


def _apply_order(order: Order, breaker: Breaker, *, now: datetime, policy: BreakerPolicy) -> Breaker:
    """Return *breaker* after the order, which replaces an earlier override."""
    text = f"by {order.actor}: {order.reason}"
    match order.verb:
        case Verb.TRIP:
            free = replace(breaker, override=None)
            tripped = free.trip(now, Trip(reason=BreakerReason.MANUAL_TRIP, fault=text), policy=policy)
            return replace(
                tripped,
                cooldown=policy.cooldown,
                next_probe_at=now + (order.lasts or policy.cooldown),
                tripped_by=None,
            )
        case Verb.HOLD:
            override = _override(OverrideKind.HOLD_OPEN, order, until=now + (order.lasts or HOLD))
            return breaker.with_override(override, now, reason=BreakerReason.MANUAL_HOLD)
        case Verb.RESET:
            closed = replace(breaker, override=None).close(now, reason=BreakerReason.MANUAL_RESET)
            if order.lasts is None:
                return replace(closed, fault=text)
            override = _override(OverrideKind.HOLD_CLOSED, order, until=now + order.lasts)
            return closed.with_override(override, now, reason=BreakerReason.MANUAL_RESET)


def _override(kind: OverrideKind, order: Order, *, until: datetime) -> Override:
    return Override(kind=kind, reason=order.reason, actor=order.actor, expires_at=until)


async def parts_of(key: BreakerKey, store: Store) -> Sequence[BreakerKey]:
    """Return a whole workspace's breakers at single providers that are not closed or have an override."""
    if key.scope is not BreakerScope.WORKSPACE or key.provider is not None:
        return ()
    own = [each for each in await store.breakers.load() if each.key.workspace_id == key.name and each.key != key]
    return [each.key for each in own if each.state is not BreakerState.CLOSED or each.override is not None]


async def _must_exist(key: BreakerKey, store: Store) -> None:
    if (workspace_id := key.workspace_id) is None or await store.leads.workspace(workspace_id):
        return
    if await store.breakers.get(key) is None:
        raise RequestError(f"there is no workspace {quoted(key.name)}; `reconcile status` lists failing ones")
