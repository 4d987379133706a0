"""Breakers and policies in a call record's JSON. No text of an operator is kept: it may name a person."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

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
)
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, RunId
from reconcile.errors import ErrorClass


def key_of(text: str) -> BreakerKey:
    """Return the key that a record spells; raises ValueError."""
    scope, _, name = text.partition(":")
    return RUN_KEY if text == str(RUN_KEY) else BreakerKey(BreakerScope(scope), name)


def fault_of(text: str | None) -> Fault:
    """Return the fault that a record spells; raises ValueError."""
    if text is None:
        return None
    return SuspectOutcome(text) if text in set(SuspectOutcome) else ErrorClass(text)


def lookup_of(provider: str, operation: str) -> Lookup:
    """Return the kind of call that a record spells; raises ValueError."""
    return Lookup(provider=ProviderName(provider), operation=Operation(operation))


def policy_document(policy: BreakerPolicy) -> dict[str, Any]:
    """Return the thresholds that were in force."""
    return {
        "errorRate": policy.error_rate,
        "minChecks": policy.min_checks,
        "minWorkspaces": policy.min_workspaces,
        "contractFaults": policy.contract_faults,
        "cooldownSeconds": policy.cooldown.total_seconds(),
        "enforced": policy.is_enforced,
    }


def breaker_to_document(breaker: Breaker) -> dict[str, Any]:
    """Return a breaker as JSON, without fields that have their default."""
    plain = {
        "key": str(breaker.key),
        "state": breaker.state.value,
        "generation": breaker.generation,
        "reason": breaker.reason.value,
        "since": _text(breaker.since),
        "openedAt": _text(breaker.opened_at),
        "cooldownSeconds": breaker.cooldown.total_seconds() if breaker.cooldown is not None else None,
        "nextProbeAt": _text(breaker.next_probe_at),
        "stage": breaker.stage,
        "checks": breaker.checks,
        "errors": breaker.errors,
        "fault": breaker.fault,
        "trippedBy": breaker.tripped_by,
        "held": breaker.override.kind.value if breaker.override is not None else None,
        "heldUntil": _text(breaker.override.expires_at) if breaker.override is not None else None,
    }
    return {name: value for name, value in plain.items() if value}


def breaker_from_document(found: Mapping[str, Any]) -> Breaker:
    """Return the breaker that a record holds; raises ValueError, KeyError or TypeError."""
    override = None
    if "held" in found:
        until = datetime.fromisoformat(found["heldUntil"])
        override = Override(kind=OverrideKind(found["held"]), reason="", actor="", expires_at=until)
    cooldown = found.get("cooldownSeconds")
    return Breaker(
        key=key_of(found["key"]),
        state=BreakerState(found["state"]),
        generation=int(found["generation"]),
        reason=BreakerReason(found["reason"]),
        since=_instant(found.get("since")),
        opened_at=_instant(found.get("openedAt")),
        cooldown=None if cooldown is None else timedelta(seconds=cooldown),
        next_probe_at=_instant(found.get("nextProbeAt")),
        stage=int(found.get("stage", 0)),
        checks=int(found.get("checks", 0)),
        errors=int(found.get("errors", 0)),
        fault=found.get("fault"),
        tripped_by=RunId(found["trippedBy"]) if "trippedBy" in found else None,
        override=override,
    )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
