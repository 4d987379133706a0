"""How what was stopped is tried again, by itself or by an operator's hand."""

from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
)
from reconcile.errors import ErrorClass
from tests.domain.factories import NOW
from tests.services.breaker_registries import (
    GHL,
    GHL_KEY,
    LATER,
    POLICY,
    a_registry,
    admit_and_record,
    an_open,
    ws,
    ws_key,
)
from tests.use_cases import Admission, SuspectOutcome, blames_others


def test_an_open_provider_gets_no_call_before_its_probe_is_due() -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=NOW + timedelta(seconds=10))

    assert not admit_and_record(registry, 0, None, now=NOW + timedelta(seconds=10))
    assert registry.is_broken(NOW + timedelta(seconds=10))


def test_probes_are_few_and_in_different_workspaces() -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=LATER)
    admitted = [n for n in range(10) for _ in range(2) if isinstance(registry.admit(ws(n), GHL, LATER), Admission)]

    assert admitted == [0, 1, 2]


def test_failed_probes_reopen_the_breaker_without_further_calls() -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=LATER)
    calls = sum(admit_and_record(registry, n, ErrorClass.CONTRACT, now=LATER) for n in range(10))

    assert calls == POLICY.probes
    assert registry.breaker(GHL_KEY).state is BreakerState.OPEN
    assert registry.breaker(GHL_KEY).reason is BreakerReason.PROBE_FAILED
    assert registry.breaker(GHL_KEY).opened_at == NOW


def test_one_failing_workspace_among_the_probed_does_not_reopen_the_provider() -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=LATER)
    for n, fault in enumerate([ErrorClass.CREDENTIAL, None, None]):
        admit_and_record(registry, n, fault, now=LATER)

    assert registry.breaker(GHL_KEY).state is BreakerState.HALF_OPEN
    assert registry.breaker(GHL_KEY).stage == 1


def test_a_recovery_takes_three_runs_of_10_50_and_100_percent() -> None:
    stored: list[Breaker] = [an_open(GHL_KEY)]
    let_through = []
    for tick in range(3):
        now = LATER + timedelta(minutes=tick)
        registry = a_registry(8, stored, now=now)
        calls = 0
        for n in range(8):
            calls += sum(admit_and_record(registry, n, None, now=now) for _ in range(50))
        if registry.breaker(GHL_KEY).stage == 1:  # after the probes, the others come again
            calls += sum(admit_and_record(registry, n, None, now=now) for n in range(8) for _ in range(50))
        registry.end(now)
        stored = list(registry.breakers())
        let_through.append(calls)

    assert let_through[0] <= 3 + 8 * 5
    assert 8 * 20 <= let_through[1] <= 8 * 25
    assert let_through[2] == 8 * 50


def test_one_odd_record_does_not_end_a_recovery() -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=LATER)
    faults = [None, None, None, ErrorClass.CONTRACT, None, None]
    for n, fault in enumerate(faults):
        admit_and_record(registry, n, fault, now=LATER)

    assert registry.breaker(GHL_KEY).state is BreakerState.HALF_OPEN
    assert registry.breaker(GHL_KEY).stage == 1


def test_probes_that_were_not_made_are_due_again() -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=LATER)
    registry.end(LATER)

    assert registry.breaker(GHL_KEY).state is BreakerState.OPEN
    assert registry.breaker(GHL_KEY).probe_is_due(LATER)


def test_fewer_workspaces_than_probes_can_close_a_breaker() -> None:
    registry = a_registry(1, stored=[an_open(GHL_KEY)], now=LATER)
    admit_and_record(registry, 0, None, now=LATER)
    registry.conclude_probe_round(LATER)

    assert registry.breaker(GHL_KEY).stage == 1


def test_a_parked_workspace_is_probed_with_one_lead_and_its_failure_counts_only_for_itself() -> None:
    parked = [an_open(ws_key(n), fault="credential") for n in range(8)]
    registry = a_registry(10, stored=parked, now=LATER)
    calls = [admit_and_record(registry, n, ErrorClass.CREDENTIAL, now=LATER) for n in range(8) for _ in range(2)]

    assert sum(calls) == 8
    assert not registry.is_broken(LATER)
    assert all(admit_and_record(registry, n, None, now=LATER) for n in (8, 9))


def test_a_workspace_parked_for_mass_absence_stays_so_while_its_probe_is_absent() -> None:
    registry = a_registry(stored=[an_open(ws_key(0), fault="mass_absence")], now=LATER)
    admit_and_record(registry, 0, SuspectOutcome.ABSENT, now=LATER)

    assert registry.breaker(ws_key(0)).state is BreakerState.OPEN


@pytest.mark.parametrize(
    ("kind", "is_let_through"), [(OverrideKind.HOLD_OPEN, False), (OverrideKind.HOLD_CLOSED, True)]
)
def test_a_manual_override_takes_precedence_over_the_automatic_state(kind: OverrideKind, is_let_through: bool) -> None:
    override = Override(kind=kind, reason="r", actor="a", expires_at=NOW + timedelta(hours=1))
    held = an_open(GHL_KEY).with_override(override, NOW, reason=BreakerReason.MANUAL_HOLD)
    registry = a_registry(stored=[held], now=LATER)

    assert [admit_and_record(registry, n % 4, ErrorClass.CONTRACT, now=LATER) for n in range(8)] == [is_let_through] * 8


def test_in_shadow_mode_all_calls_pass_and_trips_are_reported() -> None:
    registry = a_registry(policy=BreakerPolicy(is_enforced=False))
    calls = sum(admit_and_record(registry, n % 4, ErrorClass.CONTRACT) for n in range(20))

    assert calls == 20
    assert "provider:ghl" in registry.would_trip
    assert not registry.is_broken(NOW)


def test_a_leads_failure_does_not_count_in_the_run_that_parks_its_workspace() -> None:
    """The provider may turn out to be at fault, and what is written by then is not taken back."""
    registry = a_registry()
    for _ in range(2):
        admit_and_record(registry, 0, ErrorClass.CONTRACT)

    assert registry.is_parked(ws(0), [GHL.provider], NOW)
    assert blames_others(registry, ws(0), GHL, ErrorClass.CONTRACT)


def test_a_leads_own_failure_counts_although_its_workspace_is_parked() -> None:
    registry = a_registry(stored=[an_open(ws_key(0), fault="contract")], now=NOW)

    assert not blames_others(registry, ws(0), GHL, ErrorClass.CONTRACT)
    assert blames_others(registry, ws(0), GHL, ErrorClass.CREDENTIAL)


def test_probes_of_a_concurrent_run_are_not_repeated() -> None:
    probing = an_open(GHL_KEY).begin_probe(LATER)
    registry = a_registry(stored=[probing], now=LATER + timedelta(seconds=5))
    registry.end(LATER + timedelta(seconds=5))

    assert not admit_and_record(registry, 0, None, now=LATER + timedelta(seconds=5))
    assert registry.breaker(GHL_KEY) == probing


def test_probes_of_a_killed_run_are_repeated() -> None:
    after = LATER + POLICY.cooldown
    registry = a_registry(stored=[an_open(GHL_KEY).begin_probe(LATER)], now=after)

    assert [admit_and_record(registry, n, None, now=after) for n in range(3)] == [True] * 3
    assert registry.breaker(GHL_KEY).stage == 1


def test_a_decision_of_another_process_is_adopted() -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=LATER)
    registry.adopt(an_open(GHL_KEY).begin_probe(LATER), LATER)

    assert not admit_and_record(registry, 0, None, now=LATER)


def test_a_run_of_one_workspace_does_not_store_provider_breakers() -> None:
    registry = a_registry(1, is_restricted=True)
    for _ in range(10):
        admit_and_record(registry, 0, ErrorClass.CREDENTIAL)

    assert registry.is_broken(NOW)
    assert {b.key.scope for b, _ in registry.unsaved()} == {BreakerScope.WORKSPACE}
