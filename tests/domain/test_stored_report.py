"""A report is read back from its JSON as it was written; what is missing or damaged has its default."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.breaker.breaker import Breaker, BreakerReason, BreakerState
from reconcile.domain.breaker.keys import provider_key
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import ProviderName, RunId
from reconcile.domain.run.report import Freshness, Health, ProviderCounts, RunReport, SignatureCount, Trigger
from reconcile.domain.run.report_document import document, read_report
from reconcile.domain.run.stored_report import StoredReport

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUN = RunId("20260301T120000Z-0123abcd")
REPORT = RunReport(
    run_id=RUN,
    trigger=Trigger.SCHEDULE,
    dry_run=True,
    success=True,
    timestamp=NOW,
    duration=timedelta(milliseconds=2345),
    health=Health.DEGRADED,
    health_reasons=("1 of 9 checks failed",),
    circuit_broken=True,
    stopped="deadline",
    shard=Shard(1, 2),
    workspaces_processed=3,
    leads_checked=9,
    booked_found=1,
    canceled_found=2,
    rescheduled=4,
    updated=5,
    no_change=6,
    absent=7,
    disappeared=61,
    disappeared_24h=8,
    skipped=10,
    deferred=11,
    errors=12,
    quarantined=13,
    provider_calls=14,
    by_provider={name: ProviderCounts(checked=1, booked=2, canceled=3, errors=4) for name in ProviderName},
    breakers=(
        Breaker(
            key=provider_key(ProviderName.HIGHLEVEL),
            state=BreakerState.OPEN,
            reason=BreakerReason.PROBE_FAILED,
            since=NOW,
            opened_at=NOW,
            next_probe_at=NOW + timedelta(seconds=45),
            tripped_by=RUN,
        ),
    ),
    would_trip=("run",),
    top_signatures=(SignatureCount(key="ghl/appointment/timeout", count=2, workspaces=1, shape=("id",)),),
    freshness=Freshness(oldest=timedelta(seconds=60), due=1, measured_at=NOW, took=timedelta(milliseconds=5)),
    appointments_at_risk_24h=15,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
COUNTED = [each.name for each in fields(StoredReport) if each.type is int and hasattr(REPORT, each.name)]


@pytest.mark.parametrize("name", [each.name for each in fields(StoredReport) if hasattr(REPORT, each.name)])
def test_each_field_is_read_as_it_was_written(name: str) -> None:
    wanted, found = getattr(REPORT, name), getattr(read_report(document(REPORT)), name)
    if name == "breakers":
        breaker = REPORT.breakers[0]
        wanted = [(str(breaker.key), breaker.state, breaker.since, breaker.next_probe_at, breaker.tripped_by)]
        found = [(each.name, each.state, each.since, each.next_probe_at, each.tripped_by) for each in found]
    elif name == "shard":
        wanted = str(wanted)

    assert found == wanted


@given(st.sampled_from(COUNTED), st.integers(0, 2**40))
def test_each_count_is_read_from_a_field_of_its_own(name: str, count: int) -> None:
    changes: dict[str, Any] = {name: count}
    found = read_report(document(replace(REPORT, **changes)))

    assert {each: getattr(found, each) for each in COUNTED} == {
        each: getattr(REPORT, each) for each in COUNTED
    } | changes


@given(st.sampled_from(sorted(document(REPORT))), JSON)
def test_a_damaged_field_has_a_default_and_harms_no_other(name: str, value: object) -> None:
    whole, stored = read_report(document(REPORT)), document(REPORT)
    without = read_report({key: each for key, each in stored.items() if key != name})
    found = read_report({**stored, name: value})

    lost = {each.name for each in fields(whole) if getattr(without, each.name) != getattr(whole, each.name)}
    for each in {each.name for each in fields(whole)} - lost:
        assert getattr(found, each) == getattr(whole, each)


def test_nothing_is_read_from_an_empty_report() -> None:
    assert read_report({}) == StoredReport()
