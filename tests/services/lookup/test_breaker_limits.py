"""The numbers of the breakers: at the limit nothing trips, with one more it does, and each probe is spent once."""

from dataclasses import replace
from datetime import timedelta
from math import ceil

import pytest

from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Trip,
)
from reconcile.errors import ErrorClass
from tests.domain.factories import NOW
from tests.services.breaker_registries import (
    ALL,
    GHL,
    GHL_KEY,
    LATER,
    POLICY,
    a_registry,
    admit_and_record,
    an_open,
    states,
    ws,
    ws_key,
)
from tests.use_cases import Admission, BreakerRegistry

BATCH = 50
"""Leads in a batch of the tests' boards."""


def admitted(registry: BreakerRegistry, number: int, *, most: int = 2 * BATCH) -> int:
    """Return how many calls of one workspace are let through that are all answered well, up to *most*."""
    return sum(admit_and_record(registry, number, None, now=LATER) for _ in range(most))


def half_open(key: BreakerKey, stage: int) -> Breaker:
    probing = an_open(key).begin_probe(LATER)
    for _ in range(stage):
        probing = probing.advance(LATER, policy=POLICY)
    assert (probing.state, probing.stage) == (BreakerState.HALF_OPEN, stage)
    return probing


@pytest.mark.parametrize("key", [GHL_KEY, RUN_KEY])
def test_a_round_makes_three_probes_each_in_another_workspace(key: BreakerKey) -> None:
    registry = a_registry(stored=[an_open(key)], now=LATER)
    admissions = [registry.admit(ws(number), GHL, LATER) for number in (0, 0, 1, 1, 2, 3, 4)]

    assert [isinstance(each, Admission) for each in admissions] == [True, False, True, False, True, False, False]


def test_a_probed_workspace_gets_one_call() -> None:
    registry = a_registry(stored=[an_open(ws_key(0))], now=LATER)

    assert [isinstance(registry.admit(ws(0), GHL, LATER), Admission) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(("failures", "is_open"), [(0, False), (1, False), (2, True), (3, True)])
def test_the_majority_of_a_complete_round_of_probes_decides(failures: int, *, is_open: bool) -> None:
    registry = a_registry(stored=[an_open(GHL_KEY)], now=LATER)
    seen = []
    for number in range(POLICY.probes):
        admit_and_record(registry, number, ErrorClass.CONTRACT if number < failures else None, now=LATER)
        breaker = registry.breaker(GHL_KEY)
        seen.append((breaker.state, breaker.stage))

    assert set(seen[:-1]) == {(BreakerState.HALF_OPEN, 0)}
    assert seen[-1] == ((BreakerState.OPEN, 0) if is_open else (BreakerState.HALF_OPEN, 1))
    if is_open:
        assert (registry.breaker(GHL_KEY).checks, registry.breaker(GHL_KEY).errors) == (POLICY.probes, failures)


@pytest.mark.parametrize(("stage", "share"), [*enumerate(POLICY.ramp, start=1)])
def test_a_recovery_admits_its_share_of_each_workspaces_batch(stage: int, share: float) -> None:
    registry = a_registry(stored=[half_open(GHL_KEY, stage)], now=LATER)
    limits = [registry.batch_limit(ws(number), [GHL.provider], LATER) for number in range(2)]
    beside_another = registry.batch_limit(ws(0), ALL, LATER)
    found = [admitted(registry, number) for number in range(2)]

    assert limits == found == [ceil(share * BATCH)] * 2
    assert beside_another == BATCH


def test_a_provider_recovers_by_10_percent_50_percent_and_all() -> None:
    registry = a_registry(stored=[half_open(GHL_KEY, 0)], now=LATER + POLICY.cooldown)
    steps = []
    for number in range(POLICY.probes):
        admit_and_record(registry, number, None, now=LATER)
    steps.append(registry.breaker(GHL_KEY))
    for _ in range(2):
        admit_and_record(registry, 0, None, now=LATER)
        registry.end(LATER)
        steps.append(registry.breaker(GHL_KEY))

    assert [(each.state, each.share(POLICY, LATER)) for each in steps] == [
        (BreakerState.HALF_OPEN, 0.1),
        (BreakerState.HALF_OPEN, 0.5),
        (BreakerState.CLOSED, 1.0),
    ]


def test_a_run_without_a_success_does_not_raise_the_share() -> None:
    registry = a_registry(stored=[half_open(GHL_KEY, 1)], now=LATER)
    registry.end(LATER)

    assert registry.breaker(GHL_KEY).stage == 1


@pytest.mark.parametrize("kind", [ErrorClass.REJECTED, ErrorClass.CREDENTIAL, ErrorClass.UNAVAILABLE])
def test_a_workspace_is_parked_by_its_fifth_check_and_not_by_its_fourth(kind: ErrorClass) -> None:
    registry = a_registry()
    parked = []
    for _ in range(POLICY.min_checks):
        assert admit_and_record(registry, 0, kind)
        parked.append("workspace:ws-0/ghl" in states(registry))

    assert parked == [False] * (POLICY.min_checks - 1) + [True]
    assert not admit_and_record(registry, 0, kind)


@pytest.mark.parametrize(("sound", "is_parked"), [(5, True), (6, False)])
def test_a_workspace_is_parked_if_half_of_its_checks_fail_and_not_below(sound: int, *, is_parked: bool) -> None:
    registry = a_registry()
    for _ in range(sound):
        admit_and_record(registry, 0, None)
    for _ in range(5):
        admit_and_record(registry, 0, ErrorClass.REJECTED)

    assert (states(registry) == {"workspace:ws-0/ghl": "open"}) is is_parked


@pytest.mark.parametrize("faults", [POLICY.contract_faults - 1, POLICY.contract_faults])
def test_the_configured_number_of_contract_faults_opens_a_provider(faults: int) -> None:
    registry = a_registry()
    for number in range(faults):
        admit_and_record(registry, number, ErrorClass.CONTRACT)

    assert (registry.breaker(GHL_KEY).state is BreakerState.OPEN) is (faults >= POLICY.contract_faults)


@pytest.mark.parametrize("least", [2, 3, 4])
def test_a_provider_is_at_fault_from_the_configured_number_of_failing_workspaces(least: int) -> None:
    """Contract faults in plenty, out of one workspace fewer, are not the provider's."""
    opened = []
    for workspaces in (least - 1, least):
        registry = a_registry(policy=replace(POLICY, min_workspaces=least, contract_faults=4))
        for number in range(4):
            admit_and_record(registry, number % workspaces, ErrorClass.CONTRACT)
        opened.append("provider:ghl" in states(registry))

    assert opened == [False, True]


def test_a_workspaces_cooldown_doubles_up_to_its_longest_and_a_providers_does_not_grow() -> None:
    trip = Trip(reason=BreakerReason.PROBE_FAILED)
    grown: dict[BreakerScope, list[timedelta | None]] = {}
    for key in (ws_key(0), GHL_KEY, RUN_KEY):
        breaker, now = an_open(key), NOW
        for _ in range(7):
            grown.setdefault(key.scope, []).append(breaker.cooldown)
            assert breaker.next_probe_at == now + (breaker.cooldown or timedelta(0))
            now = breaker.next_probe_at
            breaker = breaker.begin_probe(now).trip(now, trip, policy=POLICY)

    doubled = [min(POLICY.cooldown * 2**number, POLICY.max_cooldown) for number in range(7)]
    assert doubled[-1] == doubled[-2] == POLICY.max_cooldown
    assert grown == {
        BreakerScope.WORKSPACE: doubled,
        BreakerScope.PROVIDER: [POLICY.cooldown] * 7,
        BreakerScope.RUN: [POLICY.cooldown] * 7,
    }
