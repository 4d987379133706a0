"""Annotations: what is written is small and names nobody, what is read is understood or refused with a clause."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from reconcile.domain.coordination.annotation import (
    BREAKER,
    BREAKER_STATE,
    LAST_RUN,
    MAX_BYTES,
    PREFIX,
    Misunderstood,
    OrderText,
    OrderWord,
    breaker_annotations,
    is_of_the_future,
    read_orders,
)
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId
from reconcile.domain.run.report import Health, RunReport, Trigger
from reconcile.domain.run.report_document import receipt_text

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
PERSON = "ada@example.org"
TRIP = Trip(reason=BreakerReason.CONTRACT_FAULT, checks=4, errors=3, fault="contract")
TRIPPED = Breaker(key=GHL).trip(NOW, TRIP, policy=BreakerPolicy())


def shown(*breakers: Breaker) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(breaker_annotations(breakers, now=NOW)[BREAKER])
    return read


def order(text: str, word: str = "hold") -> OrderText | Misunderstood:
    return read_orders({PREFIX + word: text})[PREFIX + word]


def fault(text: str, word: str = "hold") -> str:
    read = order(text, word)
    assert isinstance(read, Misunderstood), read
    return read.fault


# --- written -----------------------------------------------------------------------------------------------------


def test_the_breaker_that_stops_most_comes_first() -> None:
    mirror = shown(Breaker(key=RUN_KEY, generation=2), TRIPPED)

    assert mirror["breaker"] == "provider:ghl"
    assert (mirror["version"], mirror["state"], mirror["reason"]) == (1, "open", "ContractFault")
    assert (mirror["checks"], mirror["errors"], mirror["fault"], mirror["generation"]) == (4, 3, "contract", 1)
    assert (mirror["since"], mirror["nextProbeAt"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:00:45Z")
    assert [each["breaker"] for each in mirror["breakers"]] == ["provider:ghl", "run"]


def test_without_breakers_the_run_is_closed() -> None:
    assert (shown()["breaker"], shown()["state"], shown()["reason"]) == ("run", "closed", "NeverTripped")
    assert breaker_annotations([], now=NOW)[BREAKER_STATE] == "closed"


def test_parked_workspaces_are_counted_and_not_named() -> None:
    parked = Breaker(key=BreakerKey(BreakerScope.WORKSPACE, "Doctor Who")).trip(NOW, TRIP, policy=BreakerPolicy())
    mirror = breaker_annotations([parked, TRIPPED], now=NOW)[BREAKER]

    assert json.loads(mirror)["parkedWorkspaces"] == 1
    assert "Who" not in mirror


def test_an_operators_text_is_not_shown_but_the_override_is() -> None:
    hand = Override(kind=OverrideKind.HOLD_OPEN, reason=PERSON, actor=PERSON, expires_at=NOW + timedelta(hours=1))
    held = TRIPPED.with_override(hand, NOW, reason=BreakerReason.MANUAL_HOLD)
    tripped = Breaker(key=RUN_KEY).trip(
        NOW, Trip(reason=BreakerReason.MANUAL_TRIP, fault=f"by {PERSON}: x"), policy=BreakerPolicy()
    )
    mirror = breaker_annotations([held, tripped], now=NOW)[BREAKER]

    assert PERSON not in mirror
    assert {each["heldUntil"] for each in json.loads(mirror)["breakers"]} == {None, "2026-03-01T13:00:00Z"}


NAMES = st.sampled_from([f"{p}/{o}" for p in ProviderName for o in Operation] + list(ProviderName)) | st.text(
    max_size=500
)
KEYS = st.builds(BreakerKey, st.sampled_from(BreakerScope), NAMES) | st.just(RUN_KEY)
BREAKERS = st.builds(
    Breaker,
    key=KEYS,
    state=st.sampled_from(BreakerState),
    reason=st.sampled_from(BreakerReason),
    generation=st.integers(0, 2**62),
    checks=st.integers(0, 2**62),
    errors=st.integers(0, 2**62),
    fault=st.none() | st.text(max_size=500),
    since=st.none() | st.just(NOW),
    next_probe_at=st.none() | st.just(NOW),
)


@given(st.lists(BREAKERS, max_size=60))
def test_the_annotation_is_json_of_at_most_four_kilobytes(breakers: list[Breaker]) -> None:
    written = breaker_annotations(breakers, now=NOW)
    read = json.loads(written[BREAKER])

    assert len(written[BREAKER].encode()) <= MAX_BYTES
    assert written[BREAKER_STATE] == read["state"] in {"closed", "open", "half_open"}
    assert all(
        isinstance(read[name], int) for name in ("version", "checks", "errors", "generation", "parkedWorkspaces")
    )


def test_a_receipt_has_counts_and_the_runs_id() -> None:
    report = RunReport(
        run_id=RunId("run-1"),
        trigger=Trigger.SCHEDULE,
        dry_run=False,
        success=True,
        timestamp=NOW,
        duration=timedelta(seconds=1.5),
        health=Health.DEGRADED,
        health_reasons=(PERSON,),
        circuit_broken=False,
        scheduled_at=NOW - timedelta(seconds=3),
        lateness=timedelta(seconds=2.5),
        shard=Shard(0, 4),
        parked_workspaces=(WorkspaceId("Doctor Who"),),
    )
    text = receipt_text(report)
    read = json.loads(text)

    assert (read["runId"], read["health"], read["durationMs"], read["parkedWorkspaces"]) == (
        "run-1",
        "degraded",
        1500,
        1,
    )
    assert (read["scheduledAt"], read["latenessSeconds"], read["shard"]) == ("2026-03-01T11:59:57Z", 2, "0/4")
    assert PERSON not in text
    assert "Who" not in text


@pytest.mark.parametrize(
    ("text", "is_later"),
    [
        ('{"version":2}', True),
        ('{"version":1}', False),
        ("", False),
        ("{", False),
        ("[]", False),
        ('{"version":"9"}', False),
    ],
)
def test_an_annotation_of_a_later_version_is_known_by_its_number(text: str, *, is_later: bool) -> None:
    assert is_of_the_future({BREAKER: text}) is is_later
    assert is_of_the_future({LAST_RUN: text}) is is_later


# --- read --------------------------------------------------------------------------------------------------------

HELD = OrderText(word=OrderWord.HOLD, reason="vendor outage", actor="ada", lasts=timedelta(hours=2))


@pytest.mark.parametrize(
    "text",
    [
        "reason='vendor outage' actor=ada for=2h",
        '  reason="vendor outage"\n for=2h actor=ada ',
        '{"reason": "vendor outage", "actor": "ada", "for": "2h"}',
    ],
)
def test_a_command_is_words_or_json(text: str) -> None:
    assert order(text) == HELD


def test_an_instant_with_its_zone_is_an_end() -> None:
    read = order("reason=x until=2026-03-01T14:00:00+02:00 breaker=provider:ghl")

    assert read == OrderText(word=OrderWord.HOLD, reason="x", actor="annotation", breaker="provider:ghl", until=NOW)


def test_a_cadence_has_an_interval_and_an_end() -> None:
    read = order("every=10m for=2h reason=quota", "cadence-override")

    assert isinstance(read, OrderText)
    assert (read.every, read.lasts) == (timedelta(minutes=10), timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "word", "says"),
    [
        ("", "hold", "needs reason="),
        ("reason=", "hold", "needs reason="),
        ("true", "hold", "must be a JSON object, or words like"),
        ("reason='x", "hold", "quotation mark"),
        ("reason=x reason=y", "hold", "each name once"),
        ("reson=x", "hold", "did you mean reason?"),
        ("reason=x colour=red", "hold", "there are reason, actor"),
        ("reason=x for=2h until=2026-03-01T12:00:00Z", "hold", "both until and for"),
        ("reason=x for=soon", "hold", "says for=, which must be a duration"),
        ("reason=x for=0s", "hold", "above zero"),
        ("reason=x until=tomorrow", "hold", "must be a time with its zone"),
        ("reason=x until=2026-03-01T12:00:00", "hold", "must be a time with its zone"),
        ("reason=x every=5m", "hold", "does not take every="),
        ("reason=x for=2h", "cadence-override", "needs every="),
        ("reason=x every=10m", "cadence-override", "needs an end"),
        ("reason=x every=10m for=1h breaker=run", "cadence-override", "does not take breaker="),
        ("every=10m for=1h", "cadence-override", "needs reason="),
        ("{", "hold", "is not valid JSON"),
        ('{"reason": 1}', "hold", "all text"),
        ("x" * 5000, "reset", "longer than 4096 bytes"),
        ("reason=x", "hodl", "did you mean appointment-reconciler.io/hold?"),
        ("reason=x", "Reset", "did you mean appointment-reconciler.io/reset?"),
        ("reason=x", "nonsense", "there are appointment-reconciler.io/hold"),
    ],
)
def test_a_fault_suggests_the_nearest_name(text: str, word: str, says: str) -> None:
    assert says in fault(text, word)


def test_foreign_and_own_annotations_are_no_commands() -> None:
    assert read_orders({"example.org/hold": "x", BREAKER: "{}", LAST_RUN: "{", BREAKER_STATE: "open"}) == {}


@given(st.dictionaries(st.text(max_size=30).map(PREFIX.__add__), st.text(max_size=200)))
def test_anything_is_understood_or_refused(annotations: dict[str, str]) -> None:
    assert all(isinstance(each, OrderText | Misunderstood) for each in read_orders(annotations).values())


@given(
    st.fixed_dictionaries(
        {"reason": st.text(min_size=1).filter(str.strip)},
        optional={"actor": st.text(), "for": st.sampled_from(["1h", "90s"]), "breaker": st.text()},
    )
)
def test_json_and_words_mean_the_same(pairs: dict[str, str]) -> None:
    import shlex  # noqa: PLC0415

    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in pairs.items())

    assert order(words) == order(json.dumps(pairs))
