"""A document says what the report holds: each field under its own name, the same in the receipt and the annotation."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerScope, BreakerState, Override
from reconcile.domain.coordination.annotation import BREAKER, breaker_annotations
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import ProviderName
from reconcile.domain.run.change_hold import ChangeHold
from reconcile.domain.run.report import Freshness, ProviderCounts, RunReport, SignatureCount
from reconcile.domain.run.report_document import receipt
from reconcile.domain.verification.checklist import StepResult
from reconcile.domain.verification.claim import Figures, Ruling, Sightings
from tests.distinct_values import NOON, filled, names_of, with_another
from tests.use_cases import breaker_document, document, instant, verify_document

GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
PLACES: Mapping[tuple[type, str], str] = {
    (RunReport, "duration"): "durationMs",
    (RunReport, "lateness"): "latenessSeconds",
    (RunReport, "appointments_at_risk_24h"): "appointmentsAtRisk24h",
    (RunReport, "disappeared_24h"): "disappeared24h",
    (Freshness, "oldest"): "oldestSeconds",
    (Freshness, "median"): "medianSeconds",
    (Freshness, "took"): "tookMs",
    (Breaker, "key"): "breaker",
    (SignatureCount, "key"): "signature",
    (Figures, "checks_word"): "checksAre",
    (Figures, "sightings"): "signatures",
    (Sightings, "first_at"): "firstSeenAt",
    (Sightings, "last_at"): "lastSeenAt",
    (Sightings, "seen_in"): "versions",
    (Override, "expires_at"): "expiresAt",
}
"""Where a field's name in the document is not its own in camelCase."""
UNTOLD: Mapping[type, set[str]] = {
    Breaker: {"cooldown"},
    ChangeHold: {"seen_at", "run_id", "approved_until", "approved_by", "reason"},
    Sightings: {"checks_before"},
}
"""Fields that are nobody's business outside."""


def place_of(kind: type, name: str) -> str:
    first, *rest = name.split("_")
    return PLACES.get((kind, name), first + "".join(word.capitalize() for word in rest))


def plain(value: Any, place: str = "") -> Any:  # noqa: PLR0911 - one line for each type
    """Return a value as documents spell it; *place* is its name there, which tells the unit of a duration."""
    match value:
        case timedelta():
            return value // timedelta(milliseconds=1) if place.endswith("Ms") else value // timedelta(seconds=1)
        case datetime():
            return instant(value)
        case Enum():
            return value.value
        case Shard() | BreakerKey():
            return str(value)
        case Mapping():
            return {plain(key): plain(inner) for key, inner in value.items()}
        case Breaker():
            return breaker_document(value, now=NOON)
        case list() | tuple():
            return [plain(each) for each in value]
        case str() | int() | float() | bool() | None:
            return value
    return {
        place: f"{getattr(value, name)}s" if place == "checksAre" else plain(getattr(value, name), place)
        for name in names_of(type(value), without=UNTOLD.get(type(value), ()))
        for place in [place_of(type(value), name)]
    }


def holds(found: Any, expected: Any) -> bool:
    """Tell whether a document holds what is expected; it may have more, such as a count of zero."""
    if isinstance(expected, dict):
        return all(name in found and holds(found[name], inner) for name, inner in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(holds, found, expected))
    return bool(found == expected and type(found) is type(expected))


def a_report() -> RunReport:
    breakers = tuple(a_breaker(name) for name in ("ghl", "calendly"))
    return filled(RunReport, timestamp=NOON, breakers=breakers, would_trip=("provider:ghl",))


def a_breaker(name: str = "ghl", **facts: Any) -> Breaker:
    given = {"key": BreakerKey(BreakerScope.PROVIDER, name), "state": BreakerState.OPEN, "fault": f"fault_of_{name}"}
    return filled(Breaker, **{**given, **facts})


@pytest.mark.parametrize("name", names_of(RunReport))
def test_each_field_of_a_report_is_in_its_document(name: str) -> None:
    report = a_report()
    instead = {"breakers": (a_breaker(),), "would_trip": ("run",)}.get(name)
    other = with_another(report, name, instead=instead) if instead else with_another(report, name)
    place = place_of(RunReport, name)

    for each in (report, other):
        now = each.timestamp
        value = getattr(each, name)
        expected = [breaker_document(b, now=now) for b in value] if name == "breakers" else plain(value, place)
        assert holds(document(each)[place], expected), (document(each)[place], expected)


@pytest.mark.parametrize("name", names_of(RunReport))
def test_a_field_changes_nothing_else_in_the_document(name: str) -> None:
    """What stands in two places at once is the receipt, and what is counted beside a list."""
    report = filled(RunReport, timestamp=NOON, breakers=(), would_trip=())
    other = with_another(report, name, instead=(a_breaker(),)) if name == "breakers" else with_another(report, name)
    first, second = document(report), document(other)
    moved = {place for place in first if first[place] != second[place]} - {"receipt"}

    assert moved == {place_of(RunReport, name)}


def test_a_receipt_has_the_reports_values() -> None:
    report = a_report()
    told, whole = receipt(report), document(report)

    assert told.pop("version") == 1
    assert told.pop("parkedWorkspaces") == len(report.parked_workspaces)
    assert told == {name: whole[name] for name in told}
    assert len(told) == 17


@pytest.mark.parametrize(
    "value",
    [filled(ProviderCounts), filled(SignatureCount), filled(Freshness)],
    ids=lambda each: type(each).__name__,
)
def test_each_field_of_a_part_is_in_the_document(value: Any) -> None:
    by_kind: dict[type, dict[str, Any]] = {
        ProviderCounts: {"by_provider": {ProviderName.CALENDLY: value}},
        SignatureCount: {"top_signatures": (value,)},
        Freshness: {"freshness": value},
    }
    told = document(filled(RunReport, **by_kind[type(value)]))
    found = {
        ProviderCounts: told["byProvider"]["calendly"],
        SignatureCount: told["topSignatures"][0],
        Freshness: told["freshness"],
    }[type(value)]

    assert found == plain(value)


@pytest.mark.parametrize("is_held", [True, False])
def test_each_field_of_a_breaker_is_in_its_document(is_held: bool) -> None:
    override = filled(Override, expires_at=NOON + timedelta(hours=1)) if is_held else None
    breaker = a_breaker(override=override)
    expected = {
        place_of(Breaker, name): plain(getattr(breaker, name)) for name in names_of(Breaker, without=UNTOLD[Breaker])
    }
    expected["state"] = breaker.effective_state(NOON).value

    assert breaker_document(breaker, now=NOON) == expected


def test_an_annotation_has_the_reports_values_of_a_breaker() -> None:
    breaker = a_breaker(override=None)
    told = json.loads(breaker_annotations([breaker], now=NOON)[BREAKER])
    whole = breaker_document(breaker, now=NOON)
    (inner, _) = told["breakers"]

    assert inner.pop("heldUntil") is None
    assert inner == {name: whole[name] for name in inner}
    assert len(inner) == 9
    assert inner == {name: told[name] for name in inner}


def test_an_annotation_has_the_expiry_of_a_hold_and_not_its_actor() -> None:
    override = filled(Override, expires_at=NOON + timedelta(hours=1))
    text = breaker_annotations([a_breaker(override=override)], now=NOON)[BREAKER]

    told = {each["breaker"]: each["heldUntil"] for each in json.loads(text)["breakers"]}

    assert told == {"provider:ghl": "2026-03-01T13:00:00Z", "run": None}
    assert override.actor not in text
    assert override.reason not in text


def test_each_field_of_a_verification_is_in_its_document() -> None:
    figures = filled(Figures, sightings=[filled(Sightings), with_another(filled(Sightings), "count")])
    result = filled(StepResult, ruling=filled(Ruling, figures=figures))
    (told,) = verify_document([result])["steps"]
    ruling = result.ruling
    expected = {**plain(figures), "errorsPerMinute": figures.errors_per_minute}

    assert told.pop("figures") == expected
    assert told == {
        "title": result.title,
        "verdict": ruling.word.value,
        "reason": ruling.why.value,
        "text": ruling.text,
    }
