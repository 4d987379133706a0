"""Each move of a breaker by itself: what it takes over, what it forgets, and at which instant it turns."""

from dataclasses import replace
from datetime import timedelta

import pytest

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
from reconcile.domain.ids import RunId
from tests.domain.factories import NOW

POLICY = BreakerPolicy()
PROVIDER, WORKSPACE = BreakerKey(BreakerScope.PROVIDER, "ghl"), BreakerKey(BreakerScope.WORKSPACE, "ws-1")
FIRST, AGAIN = RunId("first"), RunId("again")
LATER = NOW + timedelta(hours=1)
TICK = timedelta(microseconds=1)


def trip(run_id: RunId = FIRST, *, fault: str | None = "contract:ID", checks: int = 9, errors: int = 7) -> Trip:
    return Trip(reason=BreakerReason.CONTRACT_FAULT, checks=checks, errors=errors, fault=fault, run_id=run_id)


def tripped(key: BreakerKey = RUN_KEY) -> Breaker:
    return Breaker(key=key, generation=4).trip(NOW, trip(), policy=POLICY)


def hand(kind: OverrideKind) -> Override:
    return Override(kind=kind, reason="release", actor="op", expires_at=LATER)


def test_the_numbers_are_those_that_are_published() -> None:
    """As the tables of docs/architecture.md have them."""
    assert BreakerPolicy() == BreakerPolicy(
        error_rate=0.5,
        min_checks=5,
        min_workspaces=2,
        contract_faults=3,
        cooldown=timedelta(seconds=45),
        cooldown_growth=2.0,
        max_cooldown=timedelta(minutes=15),
        probes=3,
        ramp=(0.1, 0.5),
        is_enforced=True,
    )


def test_a_new_breaker_has_never_tripped() -> None:
    new = Breaker(key=RUN_KEY)

    assert (new.state, new.reason, new.generation) == (BreakerState.CLOSED, BreakerReason.NEVER_TRIPPED, 0)
    assert (new.stage, new.checks, new.errors) == (0, 0, 0)
    assert (Trip(reason=BreakerReason.ERROR_RATE).checks, Trip(reason=BreakerReason.ERROR_RATE).errors) == (0, 0)
    assert new.share(POLICY, NOW) == 1.0


def test_a_key_is_spelled_with_its_scope_and_the_runs_stands_alone() -> None:
    assert [str(key) for key in (RUN_KEY, PROVIDER, WORKSPACE)] == ["run", "provider:ghl", "workspace:ws-1"]


def test_a_trip_keeps_what_it_was_decided_on() -> None:
    assert tripped(PROVIDER) == Breaker(
        key=PROVIDER,
        state=BreakerState.OPEN,
        generation=5,
        reason=BreakerReason.CONTRACT_FAULT,
        since=NOW,
        opened_at=NOW,
        cooldown=POLICY.cooldown,
        next_probe_at=NOW + POLICY.cooldown,
        checks=9,
        errors=7,
        fault="contract:ID",
        tripped_by=FIRST,
    )


def test_a_failed_probe_keeps_who_tripped_it_since_when_and_for_what() -> None:
    probing = tripped(WORKSPACE).begin_probe(LATER)
    again = probing.trip(LATER, trip(AGAIN, fault=None), policy=POLICY)

    assert (again.opened_at, again.tripped_by, again.fault) == (NOW, FIRST, "contract:ID")
    assert (again.since, again.cooldown, again.next_probe_at) == (
        LATER,
        timedelta(seconds=90),
        LATER + timedelta(seconds=90),
    )


def test_a_trip_while_open_is_another_runs_and_grows_nothing() -> None:
    again = tripped(WORKSPACE).trip(LATER, trip(AGAIN, fault="timeout"), policy=POLICY)

    assert (again.opened_at, again.tripped_by, again.fault) == (NOW, AGAIN, "timeout")
    assert again.cooldown == POLICY.cooldown


def test_without_a_cooldown_of_before_a_half_open_one_trips_anew() -> None:
    found = Breaker(key=WORKSPACE, state=BreakerState.HALF_OPEN, tripped_by=FIRST)

    again = found.trip(LATER, trip(AGAIN), policy=POLICY)

    assert (again.cooldown, again.tripped_by, again.opened_at) == (POLICY.cooldown, AGAIN, LATER)


@pytest.mark.parametrize("key", [RUN_KEY, PROVIDER], ids=str)
def test_only_a_workspaces_cooldown_grows(key: BreakerKey) -> None:
    again = tripped(key).begin_probe(LATER).trip(LATER, trip(), policy=POLICY)

    assert again.cooldown == POLICY.cooldown


def test_a_probe_is_due_to_the_instant_and_only_while_open() -> None:
    due_at = NOW + POLICY.cooldown
    breaker = tripped()

    assert not breaker.probe_is_due(due_at - TICK)
    assert breaker.begin_probe(due_at - TICK) is breaker
    assert breaker.probe_is_due(due_at)
    assert replace(breaker, next_probe_at=None).probe_is_due(NOW)
    assert not replace(breaker, state=BreakerState.CLOSED).probe_is_due(due_at)
    assert not breaker.begin_probe(due_at).probe_is_due(LATER)


def test_a_probe_begins_half_open_and_lets_nothing_else_pass() -> None:
    probing = replace(tripped(), stage=2).begin_probe(LATER)

    assert (probing.state, probing.reason, probing.since) == (BreakerState.HALF_OPEN, BreakerReason.PROBE_DUE, LATER)
    assert (probing.stage, probing.next_probe_at, probing.generation) == (0, None, 6)
    assert probing.share(POLICY, LATER) == 0.0


def test_probes_that_taught_nothing_may_be_made_again_at_once() -> None:
    back = replace(tripped().begin_probe(LATER), stage=1).postpone_probe(LATER)

    assert (back.state, back.reason, back.stage, back.next_probe_at) == (
        BreakerState.OPEN,
        BreakerReason.PROBE_DUE,
        0,
        LATER,
    )
    assert back.probe_is_due(LATER)
    assert back.generation == 7


def test_recovery_goes_through_each_share_and_keeps_since_when_it_is_half_open() -> None:
    policy = BreakerPolicy(ramp=(0.1, 0.2, 0.4, 0.8))
    breaker, shares = tripped().begin_probe(NOW + POLICY.cooldown), []
    begun_at = breaker.since
    for _ in policy.ramp:
        breaker = breaker.advance(LATER, policy=policy)
        shares.append(breaker.share(policy, LATER))
        assert (breaker.reason, breaker.since) == (BreakerReason.PROBE_SUCCEEDED, begun_at)

    closed = breaker.advance(LATER, policy=policy)

    assert shares == [0.1, 0.2, 0.4, 0.8]
    assert closed == Breaker(key=RUN_KEY, generation=11, reason=BreakerReason.RECOVERED, since=LATER)


def test_a_shorter_ramp_than_that_of_before_lets_its_last_share_pass() -> None:
    beyond = replace(tripped().begin_probe(LATER), stage=5)

    assert beyond.share(POLICY, LATER) == 0.5
    assert beyond.advance(LATER, policy=POLICY).state is BreakerState.CLOSED


@pytest.mark.parametrize("state", [BreakerState.OPEN, BreakerState.CLOSED])
def test_success_moves_nothing_but_a_half_open_one(state: BreakerState) -> None:
    breaker = replace(tripped(), state=state)

    assert breaker.advance(LATER, policy=POLICY) is breaker


def test_closing_forgets_the_trouble_and_not_the_hand() -> None:
    held = tripped().with_override(hand(OverrideKind.HOLD_OPEN), NOW, reason=BreakerReason.MANUAL_HOLD)

    assert held.close(LATER, reason=BreakerReason.MANUAL_RESET) == Breaker(
        key=RUN_KEY, generation=7, reason=BreakerReason.MANUAL_RESET, since=LATER, override=held.override
    )


@pytest.mark.parametrize(
    ("kind", "state", "share"),
    [(OverrideKind.HOLD_OPEN, BreakerState.OPEN, 0.0), (OverrideKind.HOLD_CLOSED, BreakerState.CLOSED, 1.0)],
)
def test_a_hand_counts_until_its_last_instant(kind: OverrideKind, state: BreakerState, share: float) -> None:
    under = replace(tripped().begin_probe(NOW + POLICY.cooldown), stage=1)
    held = under.with_override(hand(kind), NOW, reason=BreakerReason.MANUAL_HOLD)

    assert (held.generation, held.since, held.reason) == (under.generation + 1, NOW, BreakerReason.MANUAL_HOLD)
    assert (held.effective_state(LATER - TICK), held.share(POLICY, LATER - TICK)) == (state, share)
    assert held.override_kind(LATER) is held.override_kind(LATER + TICK) is None
    assert (held.effective_state(LATER), held.share(POLICY, LATER)) == (BreakerState.HALF_OPEN, 0.1)


def test_a_hand_that_is_over_is_dropped_and_what_was_underneath_stays() -> None:
    held = tripped().with_override(hand(OverrideKind.HOLD_CLOSED), NOW, reason=BreakerReason.MANUAL_RESET)

    assert held.drop_expired_override(LATER - TICK) is held
    assert held.drop_expired_override(LATER) == replace(
        tripped(), override=None, reason=BreakerReason.MANUAL_EXPIRED, generation=7, since=LATER
    )
    assert tripped().drop_expired_override(LATER) == tripped()


def test_keys_are_sorted_by_scope_and_name() -> None:
    other = BreakerKey(BreakerScope.PROVIDER, "calendly")

    assert sorted([WORKSPACE, RUN_KEY, PROVIDER, other]) == [other, PROVIDER, RUN_KEY, WORKSPACE]


def test_a_breaker_of_lists_is_one_operations_of_one_provider() -> None:
    lists, search = (BreakerKey(BreakerScope.PROVIDER, f"ghl/{word}") for word in ("sweep", "contact_search"))
    named = BreakerKey(BreakerScope.WORKSPACE, "ghl/sweep"), BreakerKey(BreakerScope.RUN, "ghl/sweep")

    assert lists.is_of_sweeps
    assert not any(key.is_of_sweeps for key in (search, PROVIDER, *named))
    assert lists.is_of_sweeps_at(PROVIDER)
    assert not lists.is_of_sweeps_at(BreakerKey(BreakerScope.PROVIDER, "gh"))
    assert not search.is_of_sweeps_at(PROVIDER)
