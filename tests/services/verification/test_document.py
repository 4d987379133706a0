"""The JSON document of a run: its names are an interface, and docs/report.md describes each."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    Override,
    OverrideKind,
    Trip,
)
from reconcile.domain.ids import ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.outcome import DeferReason, Outcome, SkipReason
from reconcile.domain.run.change_hold import ChangeHold
from reconcile.domain.run.report import Freshness, Health, ProviderCounts, RunReport, SignatureCount, Trigger
from tests.use_cases import breaker_document, document, instant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
HAND = Override(
    kind=OverrideKind.HOLD_OPEN, reason="vendor outage", actor="ada", expires_at=NOW + timedelta(minutes=10)
)
CATALOGUE = Path(__file__).parents[3] / "docs" / "report.md"


def report(**facts: Any) -> RunReport:
    bare: dict[str, Any] = {
        "run_id": RunId("run-1"),
        "trigger": Trigger.MANUAL,
        "dry_run": False,
        "success": True,
        "timestamp": NOW,
        "duration": timedelta(seconds=1.5),
        "health": Health.HEALTHY,
        "health_reasons": (),
        "circuit_broken": False,
    }
    return RunReport(**(bare | facts))


def full_report() -> RunReport:
    tripped = Breaker(key=GHL).trip(NOW, Trip(reason=BreakerReason.CONTRACT_FAULT), policy=BreakerPolicy())
    return report(
        breakers=(tripped.with_override(HAND, NOW, reason=BreakerReason.MANUAL_HOLD),),
        held_changes=(ChangeHold.begin(Outcome.CANCELED, scope="all", run_id=RunId("run-1"), now=NOW),),
        parked_workspaces=(WorkspaceId("ws-1"),),
        top_signatures=(SignatureCount(key="ghl/appointment/contract: m", count=3, workspaces=2, shape=("traceId",)),),
        freshness=Freshness(oldest=timedelta(hours=1), median=None, never_verified=2, due=3),
        by_provider={ProviderName.HIGHLEVEL: ProviderCounts(checked=3, errors=3)},
        skip_reasons={SkipReason.NO_IDENTITY: 1},
    )


def names(value: object, prefix: str = "") -> Iterator[str]:
    """Give the path of each name in a document, as the catalogue writes it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = f"{prefix}.{key}" if prefix else key
            yield name
            yield from names(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner, f"{prefix}[]")


def test_the_fixed_fields_come_first_in_order() -> None:
    agreed = (
        "success workspacesProcessed leadsChecked bookedFound canceledFound noChange skipped errors circuitBroken "
        "byProvider health timestamp"
    )

    assert list(document(report()))[:12] == agreed.split()


def test_every_field_is_in_the_smallest_report() -> None:
    assert list(document(report())) == list(document(full_report()))
    assert document(report())["byProvider"] == {
        provider: {"checked": 0, "booked": 0, "canceled": 0, "errors": 0} for provider in ("ghl", "calendly")
    }


def test_every_reason_is_in_every_report() -> None:
    bare = document(report())

    assert set(bare["skipReasons"]) == set(SkipReason)
    assert set(bare["deferReasons"]) == set(DeferReason)
    assert set(bare["mismatches"]) == set(MismatchKind)


def test_the_document_has_only_plain_json_types() -> None:
    assert json.loads(json.dumps(document(full_report()))) == document(full_report())


def test_the_documented_fields_are_those_of_the_report() -> None:
    report_part = CATALOGUE.read_text().partition("\n## Planned changes\n")[0]
    written = re.findall(r"^\| `([^`]+)` \|", report_part, re.MULTILINE)

    there = [re.sub(r"^byProvider\.\w+", "byProvider.*", name) for name in names(document(full_report()))]

    assert len(written) == len(set(written))
    assert set(written) == set(there) - {"byProvider.*"}


def tripped(name: str, *, minutes_ago: int, by: str) -> Breaker:
    trip = Trip(reason=BreakerReason.ERROR_RATE, checks=9, errors=9, fault="credential", run_id=RunId(by))
    key = BreakerKey(BreakerScope.WORKSPACE, name)
    return Breaker(key=key).trip(NOW - timedelta(minutes=minutes_ago), trip, policy=BreakerPolicy())


def test_a_report_with_a_thousand_parked_workspaces_fits_a_log_line() -> None:
    """Each run stores it and prints it. Of the rest there is a count, and `reconcile breaker show` lists them."""
    names = [f"a-workspace-with-a-name-of-{n:09}" for n in range(1000)]
    older = [tripped(name, minutes_ago=1000 - n, by="run-0") for n, name in enumerate(names[:950])]
    new = [tripped(name, minutes_ago=0, by="run-1") for name in names[950:]]
    wide = Breaker(key=GHL).with_override(HAND, NOW, reason=BreakerReason.MANUAL_HOLD)
    parked, would_trip = tuple(map(WorkspaceId, names)), [f"workspace:{name}" for name in names]
    facts = {"breakers": (*new, *older, wide), "parked_workspaces": parked, "would_trip": (*would_trip, "provider:ghl")}
    told = document(report(**facts))
    listed = [each["breaker"].removeprefix("workspace:") for each in told["breakers"]]

    assert len(json.dumps(told)) < 16 * 1024
    assert listed == [*names[950:955], *names[:15], "provider:ghl"]
    assert told["moreBreakers"] == 1001 - len(listed)
    assert (told["parkedWorkspaces"], told["moreParkedWorkspaces"]) == (names[:20], 980)
    assert (told["wouldTrip"], told["moreWouldTrip"]) == (["provider:ghl", *would_trip[:19]], 981)
    assert told["receipt"]["parkedWorkspaces"] == 1000


def test_a_breaker_has_its_effective_state_at_that_instant() -> None:
    held = Breaker(key=GHL).with_override(HAND, NOW, reason=BreakerReason.MANUAL_HOLD)

    before, after = breaker_document(held, now=NOW), breaker_document(held, now=HAND.expires_at)

    assert (before["breaker"], before["state"]) == ("provider:ghl", "open")
    assert before["override"] == {
        "kind": "hold_open",
        "reason": "vendor outage",
        "actor": "ada",
        "expiresAt": "2026-03-01T12:10:00Z",
    }
    assert (after["state"], after["override"]) == ("closed", None)


def test_instants_are_in_utc() -> None:
    assert instant(datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))) == "2026-03-01T12:00:00Z"
