"""What a breaker means for an operator: the party at fault, what happens next, commands."""

import shlex
from dataclasses import dataclass
from datetime import datetime

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
)
from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ErrorClass

PROVIDER_NAMES = {ProviderName.HIGHLEVEL: "GoHighLevel", ProviderName.CALENDLY: "Calendly"}

_WHAT_FAILED = {
    ErrorClass.CONTRACT: "responses lack a required field",
    ErrorClass.UNDECODABLE: "responses cannot be decoded",
    ErrorClass.TIMEOUT: "no response in time",
    ErrorClass.TRANSPORT: "unreachable",
    ErrorClass.UNAVAILABLE: "server errors",
    ErrorClass.RATE_LIMITED: "rate limited",
    ErrorClass.CREDENTIAL: "the token is refused: expired, or without scope or location",
    ErrorClass.REJECTED: "requests are rejected",
    ErrorClass.INTERNAL: "a bug in this program; see the log",
    ErrorClass.MASS_ABSENCE: "most stored appointments are reported as missing in one batch; nothing was canceled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One breaker at one instant, in sentences without a full stop.

    *blame* names the party and the fault, *next* what happens next, at *next_at* if that is known, *commands* the
    likeliest command first. *since* is when the breaker first opened.
    """

    breaker: str
    scope: BreakerScope
    state: BreakerState
    reason: BreakerReason
    since: datetime | None
    blame: str
    next: str
    next_at: datetime | None
    commands: tuple[str, ...]
    checks: int
    errors: int
    override: Override | None


def needs_advice(breaker: Breaker, *, now: datetime) -> bool:
    """Return whether there is something to report: the breaker is not simply closed."""
    return breaker.state is not BreakerState.CLOSED or breaker.override_kind(now) is not None


def width(breaker: Breaker) -> tuple[int, str]:
    """Return the sort key of breakers: those that refuse most first."""
    return list(BreakerScope).index(breaker.key.scope), breaker.key.name


def advice(breaker: Breaker, *, now: datetime, policy: BreakerPolicy) -> Advice:
    """Return the advice on *breaker* at *now*."""
    coming, at = _next(breaker, now=now, policy=policy)
    is_held = breaker.override_kind(now) is not None
    return Advice(
        breaker=str(breaker.key),
        scope=breaker.key.scope,
        state=breaker.effective_state(now),
        reason=breaker.reason,
        since=breaker.since if is_held else breaker.opened_at or breaker.since,
        blame=_blame(breaker, now=now),
        next=coming,
        next_at=at,
        commands=_commands(breaker, now=now),
        checks=breaker.checks,
        errors=breaker.errors,
        override=breaker.override if is_held else None,
    )


def party_name(key: BreakerKey) -> str:
    """Return the party of a breaker in words."""
    match key.scope:
        case BreakerScope.RUN:
            return "the run as a whole"
        case BreakerScope.WORKSPACE:
            at = f" at {PROVIDER_NAMES[key.provider]}" if key.provider else ""
            return f"workspace {key.workspace_id}{at}"
        case BreakerScope.PROVIDER:
            provider, _, operation = key.name.partition("/")
            name = PROVIDER_NAMES[ProviderName(provider)] if provider in set(ProviderName) else provider
            if operation == Operation.SWEEP:
                return f"the lists of {name}; leads are looked up instead"
            return f"{name}, {operation.replace('_', ' ')} only" if operation else name


def cause_of(breaker: Breaker, *, now: datetime) -> str:
    """Return why the breaker of a workspace is as it is, without the workspace."""
    at = f"{PROVIDER_NAMES[breaker.key.provider]}: " if breaker.key.provider else ""
    return f"{at}{_cause(breaker, now=now) or 'no cause recorded'}"


def _blame(breaker: Breaker, *, now: datetime) -> str:
    party, cause = party_name(breaker.key), _cause(breaker, now=now)
    return f"{party}: {cause}" if cause else party


def _cause(breaker: Breaker, *, now: datetime) -> str | None:
    if (held := breaker.override_kind(now)) and breaker.override:
        kept = "open" if held is OverrideKind.HOLD_OPEN else "closed"
        return f"held {kept} by {breaker.override.actor}: {breaker.override.reason}"
    if breaker.fault is None:
        return None
    if breaker.fault not in set(ErrorClass):
        done = "closed " if breaker.reason is BreakerReason.MANUAL_RESET else "opened "
        return f"{done if breaker.fault.startswith('by ') else ''}{breaker.fault}"
    return _WHAT_FAILED[ErrorClass(breaker.fault)]


def _next(breaker: Breaker, *, now: datetime, policy: BreakerPolicy) -> tuple[str, datetime | None]:
    if breaker.override and (held := breaker.override_kind(now)):
        kept = "no calls and no probes" if held is OverrideKind.HOLD_OPEN else "every call passes"
        return f"{kept}, then automatic again", breaker.override.expires_at
    match breaker.state:
        case BreakerState.OPEN:
            count = 1 if breaker.key.scope is BreakerScope.WORKSPACE else policy.probes
            probes = "one probe" if count == 1 else f"{count} probes, each in another workspace"
            due = breaker.probe_is_due(now)
            return f"the next run sends {probes}" if due else f"no calls, then {probes}", breaker.next_probe_at
        case BreakerState.HALF_OPEN if breaker.stage == 0:
            return "probes are in flight; the next run continues from their result", None
        case BreakerState.HALF_OPEN:
            share = breaker.share(policy, now)
            return f"recovering: {share:.0%} of the work is admitted, more after each successful run", None
        case BreakerState.CLOSED:
            return "every call passes", None


def _commands(breaker: Breaker, *, now: datetime) -> tuple[str, ...]:
    name = shlex.quote(str(breaker.key))
    reset = f"reconcile breaker reset {name} --reason '...'"
    hold = f"reconcile breaker hold {name} --for 2h --reason '...'"
    if breaker.override_kind(now):
        return (reset,)
    commands = [reset, hold] if breaker.effective_state(now) is not BreakerState.CLOSED else [hold]
    if (workspace_id := breaker.key.workspace_id) is not None:
        commands.insert(0, f"reconcile explain workspace {shlex.quote(workspace_id)}")
    elif breaker.tripped_by is not None:
        commands.insert(0, f"reconcile explain run {shlex.quote(breaker.tripped_by)}")
    return tuple(commands)
