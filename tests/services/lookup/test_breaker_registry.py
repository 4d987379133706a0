"""Whom a failure is blamed on, and what follows."""

from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    BreakerReason,
)
from reconcile.errors import ErrorClass
from tests.domain.factories import NOW
from tests.services.breaker_registries import (
    ALL,
    CALENDLY,
    GHL,
    GHL_KEY,
    POLICY,
    SEARCH,
    a_registry,
    admit_and_record,
    decide,
    states,
    ws,
    ws_key,
)
from tests.use_cases import Admission, Refusal, SuspectOutcome, must_withhold


def test_three_contract_faults_in_several_workspaces_open_the_provider() -> None:
    registry = a_registry()
    let_through = [admit_and_record(registry, n % 4, ErrorClass.CONTRACT) for n in range(8)]

    assert let_through == [True] * 3 + [False] * 5
    assert states(registry) == {"provider:ghl": "open"}
    assert registry.breaker(GHL_KEY).reason is BreakerReason.CONTRACT_FAULT
    assert must_withhold(registry, GHL)
    assert not must_withhold(registry, CALENDLY)


def test_the_third_contract_fault_must_come_from_another_workspace() -> None:
    registry = a_registry()
    calls = sum(admit_and_record(registry, 0, ErrorClass.CONTRACT) for _ in range(10))
    parked = states(registry)
    admit_and_record(registry, 1, ErrorClass.CONTRACT)

    assert (calls, parked) == (2, {"workspace:ws-0/ghl": "open"})
    assert states(registry) == {"provider:ghl": "open"}


def test_one_odd_record_among_sound_ones_parks_no_workspace() -> None:
    registry = a_registry()
    for fault in (None, ErrorClass.CONTRACT, None, None):
        admit_and_record(registry, 0, fault)

    assert states(registry) == {}


def test_two_odd_records_among_sound_ones_are_not_the_providers_fault() -> None:
    registry = a_registry()
    for number, fault in enumerate([ErrorClass.CONTRACT, None, ErrorClass.CONTRACT, None, None, None]):
        admit_and_record(registry, number, fault)

    assert states(registry) == {}


def test_three_contract_faults_of_the_only_due_workspace_open_its_provider() -> None:
    registry = a_registry(1)
    calls = sum(admit_and_record(registry, 0, ErrorClass.CONTRACT) for _ in range(10))

    assert calls == 3
    assert "provider:ghl" in states(registry)


def test_after_a_trip_only_calls_in_flight_end() -> None:
    registry = a_registry()
    under_way = [registry.admit(ws(n), GHL, NOW) for n in range(5)]
    for admission in under_way[:3]:
        assert isinstance(admission, Admission)
        registry.record(admission, ErrorClass.CONTRACT, NOW)
    decide(registry)

    assert registry.in_flight_at_trip == 2
    assert isinstance(registry.admit(ws(9), GHL, NOW), Refusal)


def test_a_provider_that_breaks_during_a_long_run_is_detected_at_once() -> None:
    registry = a_registry()
    for n in range(4000):
        admit_and_record(registry, n % 10, None)

    errors = sum(admit_and_record(registry, n % 10, ErrorClass.CONTRACT) for n in range(100))

    assert states(registry) == {"provider:ghl": "open"}
    assert errors == 3


def test_the_other_provider_is_still_called() -> None:
    registry = a_registry()
    for n in range(3):
        admit_and_record(registry, n, ErrorClass.CONTRACT)

    assert admit_and_record(registry, 1, None, lookup=CALENDLY)


def test_a_revoked_token_parks_only_its_workspace() -> None:
    registry = a_registry(50)
    calls = sum(admit_and_record(registry, 0, ErrorClass.CREDENTIAL) for _ in range(50))
    others = [admit_and_record(registry, n, None) for n in range(1, 50)]

    assert calls == POLICY.min_checks
    assert all(others)
    assert states(registry) == {"workspace:ws-0/ghl": "open"}
    assert not registry.is_broken(NOW)
    assert registry.is_parked(ws(0), [GHL.provider], NOW)
    assert not registry.is_parked(ws(0), ALL, NOW)
    assert admit_and_record(registry, 0, None, lookup=CALENDLY)


def test_two_revoked_tokens_at_the_front_of_the_queue_stop_no_other_workspace() -> None:
    registry = a_registry(50)
    for _ in range(10):
        admit_and_record(registry, 0, ErrorClass.CREDENTIAL)
        admit_and_record(registry, 1, ErrorClass.CREDENTIAL)

    assert all(admit_and_record(registry, n, None) for n in range(2, 50))
    assert not registry.is_broken(NOW)


def test_refused_tokens_in_all_workspaces_count_against_the_provider() -> None:
    registry = a_registry(8)
    calls = sum(admit_and_record(registry, n % 8, ErrorClass.CREDENTIAL) for n in range(400))

    assert "provider:ghl" in states(registry)
    assert calls <= 8 * POLICY.min_checks


@pytest.mark.parametrize("fault", [ErrorClass.TIMEOUT, ErrorClass.UNAVAILABLE, ErrorClass.TRANSPORT])
def test_an_outage_opens_the_provider_and_parks_no_workspace(fault: ErrorClass) -> None:
    registry = a_registry()
    calls = sum(admit_and_record(registry, n % 10, fault) for n in range(100))

    assert calls == POLICY.min_checks
    assert states(registry) == {"provider:ghl": "open"}


def test_a_misattributed_workspace_breaker_closes() -> None:
    registry = a_registry()
    for _ in range(5):
        admit_and_record(registry, 0, ErrorClass.UNAVAILABLE)
    parked_first = states(registry)
    for n in range(1, 6):
        admit_and_record(registry, n, ErrorClass.UNAVAILABLE)

    assert parked_first == {"workspace:ws-0/ghl": "open"}
    assert states(registry) == {"provider:ghl": "open"}
    assert registry.breaker(ws_key(0)).reason is BreakerReason.BLAMED_ELSEWHERE


def test_a_broken_operation_does_not_open_the_others() -> None:
    registry = a_registry()
    for n in range(10):
        admit_and_record(registry, n, None)
    for n in range(20):
        admit_and_record(registry, n % 10, ErrorClass.CONTRACT, lookup=SEARCH)

    assert states(registry) == {"provider:ghl/contact_search": "open"}
    assert admit_and_record(registry, 1, None)


def test_the_rate_of_the_only_due_workspace_is_that_of_the_run() -> None:
    registry = a_registry(1)
    calls = sum(admit_and_record(registry, 0, ErrorClass.CREDENTIAL) for _ in range(50))

    assert calls == POLICY.min_checks
    assert states(registry) == {"run": "open", "workspace:ws-0/ghl": "open"}
    assert registry.is_broken(NOW)


def test_a_run_breaker_opened_by_one_workspace_does_not_stop_the_next_run() -> None:
    first = a_registry(1)
    for _ in range(5):
        admit_and_record(first, 0, ErrorClass.CREDENTIAL)

    second = a_registry(10, first.breakers(), now=NOW + timedelta(seconds=30))

    assert second.breaker(RUN_KEY).reason is BreakerReason.BLAMED_ELSEWHERE
    assert all(admit_and_record(second, n, None, now=NOW + timedelta(seconds=30)) for n in range(1, 10))
    assert not admit_and_record(second, 0, None, now=NOW + timedelta(seconds=30))


def test_faults_of_this_program_in_many_workspaces_end_the_run() -> None:
    registry = a_registry()
    calls = sum(admit_and_record(registry, n % 10, ErrorClass.INTERNAL) for n in range(100))

    assert states(registry) == {"run": "open"}
    assert calls <= 2 * POLICY.min_checks


def test_mass_absence_in_one_workspace_parks_it() -> None:
    registry = a_registry()
    calls = sum(admit_and_record(registry, 0, SuspectOutcome.ABSENT) for _ in range(50))

    assert calls == POLICY.min_checks
    assert registry.breaker(ws_key(0)).reason is BreakerReason.MASS_ABSENCE


def test_mass_absence_over_small_workspaces_counts_against_the_provider() -> None:
    registry = a_registry()
    for n in range(10):
        admit_and_record(registry, n, SuspectOutcome.ABSENT)

    assert registry.breaker(GHL_KEY).reason is BreakerReason.MASS_ABSENCE
