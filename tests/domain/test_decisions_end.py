"""A decision stands until the instant at which its reason ends, and is gone from that instant on."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.alert import Alert, AlertPolicy, Condition, ConditionKind, News, notice, observed
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.plan import BackfillPlan, PlanId
from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerPolicy,
    BreakerReason,
    BreakerState,
    Override,
    OverrideKind,
)
from reconcile.domain.due import DuePolicy, NotDue, due
from reconcile.domain.evidence.evidence import ABSENCE_CONFIRMATION, Absence, absence
from reconcile.domain.ids import RunId
from reconcile.domain.lead import LeadState, MismatchKind
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.planning.plan import plan
from reconcile.domain.retry_state import BackoffPolicy, LeadAttempt, next_state
from reconcile.domain.run.cadence import CadenceOverride, not_yet
from tests.domain.factories import DAY, HOUR, NOW, a_booked_lead, a_lead

END = NOW + HOUR
TICK = timedelta(microseconds=1)
POLICY = BreakerPolicy()
DUE = DuePolicy()


def _held(kind: OverrideKind, state: BreakerState = BreakerState.CLOSED) -> Breaker:
    override = Override(kind=kind, reason="outage", actor="ada", expires_at=END)
    return Breaker(key=RUN_KEY, state=state, next_probe_at=NOW, override=override)


def _cadence(now: datetime, *, run_breaker: Breaker | None = None, last_at: datetime = NOW) -> bool:
    override = CadenceOverride(every=DAY, reason="r", actor="a", set_at=NOW, expires_at=END)
    given = None if run_breaker else override
    return not_yet(now, last_at=last_at, override=given, run_breaker=run_breaker) is not None


def _alert(kind: ConditionKind, *, seen_at: datetime) -> Alert:
    condition = Condition(kind=kind, since=NOW, text="t")
    return Alert(condition=condition, since=NOW, seen_at=seen_at).confirmed("chat", NOW)


def _is_told(now: datetime, *, since: datetime) -> bool:
    told = _alert(ConditionKind.RUN_BREAKER, seen_at=since)
    found = notice(told, "chat", now=now, policy=AlertPolicy(reminder=END - NOW), known_since=NOW)
    return found is None or found.news is not News.REMINDER


OPEN, CLOSED = BreakerState.OPEN, BreakerState.CLOSED
STANDS: Mapping[str, Callable[[datetime], bool]] = {
    "held open": lambda now: _held(OverrideKind.HOLD_OPEN).effective_state(now) is OPEN,
    "held open, no share": lambda now: _held(OverrideKind.HOLD_OPEN).share(POLICY, now) == 0,
    "held open, kept": lambda now: _held(OverrideKind.HOLD_OPEN).drop_expired_override(now).override is not None,
    "held open, no probe": lambda now: not _held(OverrideKind.HOLD_OPEN, OPEN).probe_is_due(now),
    "held open, no run": lambda now: _cadence(now, run_breaker=_held(OverrideKind.HOLD_OPEN)),
    "held closed": lambda now: _held(OverrideKind.HOLD_CLOSED, OPEN).effective_state(now) is CLOSED,
    "held closed, share": lambda now: _held(OverrideKind.HOLD_CLOSED, OPEN).share(POLICY, now) == 1,
    "held closed, kept": lambda now: _held(OverrideKind.HOLD_CLOSED).drop_expired_override(now).override is not None,
    "cooldown": lambda now: not Breaker(key=RUN_KEY, state=OPEN, next_probe_at=END).probe_is_due(now),
    "cooldown, not probed": lambda now: (
        Breaker(key=RUN_KEY, state=OPEN, next_probe_at=END).begin_probe(now).state is OPEN
    ),
    "cadence": lambda now: CadenceOverride(every=HOUR, reason="r", actor="a", set_at=NOW, expires_at=END).is_in_force(
        now
    ),
    "backoff": lambda now: (
        due(a_lead(in_sequence=True, state=LeadState(next_attempt_at=END)), now=now, policy=DUE) is NotDue.BACKING_OFF
    ),
    "attempted recently": lambda now: (
        due(a_lead(in_sequence=True, state=LeadState(attempted_at=END - DUE.hot)), now=now, policy=DUE)
        is NotDue.ATTEMPTED_RECENTLY
    ),
    "fresh": lambda now: due(a_lead(state=LeadState(verified_at=END - DUE.stale)), now=now, policy=DUE) is NotDue.FRESH,
    "absence unconfirmed": lambda now: (
        absence(a_booked_lead(state=LeadState(absent_since=END - ABSENCE_CONFIRMATION)), has_control=True, now=now)
        is Absence.UNCONFIRMED
    ),
    "alert of an unhealthy run": lambda now: (
        not observed(
            {"unhealthy_run": _alert(ConditionKind.UNHEALTHY_RUN, seen_at=END - timedelta(minutes=5))}, [], now=now
        )
    ),
    "no reminder yet": lambda now: _is_told(now, since=NOW),
}
"""What is remembered, as a question of time; the reason of each ends at END."""


@pytest.mark.parametrize("name", STANDS)
def test_a_decision_holds_until_before_its_end(name: str) -> None:
    assert [STANDS[name](END + late) for late in (-TICK, timedelta(0), TICK, DAY)] == [True, False, False, False]


def test_an_override_of_the_cadence_ends_the_waiting_even_amid_an_interval() -> None:
    """A tick may come a few seconds early."""
    assert _cadence(END - timedelta(seconds=11))
    assert not _cadence(END - timedelta(seconds=10))


REMEMBERED: Mapping[str, Any] = {
    "attempted_at": NOW - DAY,
    "verified_at": NOW - DAY,
    "next_attempt_at": NOW,
    "failure_count": 9,
    "quarantined_at": NOW - HOUR,
    "reason": "ghl/appointment/contract",
    "absent_since": NOW - DAY,
    "mismatch": MismatchKind.DIFFERS,
    "mismatch_at": NOW - DAY,
    "occurrence": 3,
}
ANSWERED = [each for each in Outcome if each.is_answered]


def _after(outcome: Outcome, **facts: Any) -> dict[str, Any]:
    attempt = LeadAttempt(at=NOW, outcome=outcome, reason="other", **facts)
    state = next_state(LeadState(**REMEMBERED), attempt, policy=BackoffPolicy(), jitter=0)
    return {each.name: getattr(state, each.name) for each in fields(state)}


@pytest.mark.parametrize("outcome", ANSWERED)
def test_an_answer_clears_the_stored_failures(outcome: Outcome) -> None:
    fresh = {each.name: each.default for each in fields(LeadState)}

    assert set(REMEMBERED) == set(fresh)
    assert _after(outcome, is_verified=True) == {**fresh, "attempted_at": NOW, "verified_at": NOW, "occurrence": 3}


@pytest.mark.parametrize("outcome", ANSWERED)
def test_a_repeated_mismatch_keeps_its_first_time(outcome: Outcome) -> None:
    same = _after(outcome, is_absent=True, mismatch=MismatchKind.DIFFERS)
    other = _after(outcome, mismatch=MismatchKind.UNKNOWN_HERE)

    assert (same["absent_since"], same["mismatch_at"]) == (NOW - DAY, NOW - DAY)
    assert (other["absent_since"], other["mismatch_at"]) == (None, NOW)


@pytest.mark.parametrize(
    ("outcome", "facts", "moved"),
    [
        (Outcome.DEFERRED, {}, {"attempted_at"}),
        (Outcome.SKIPPED, {}, {"attempted_at", "next_attempt_at", "reason"}),
        (Outcome.FAILED, {"is_blamed_elsewhere": True}, {"attempted_at", "reason"}),
        (
            Outcome.FAILED,
            {},
            {"attempted_at", "next_attempt_at", "reason", "failure_count", "quarantined_at"},
        ),
    ],
)
def test_without_an_answer_the_rest_is_remembered_on(outcome: Outcome, facts: Any, moved: set[str]) -> None:
    after = _after(outcome, **facts)

    assert {name for name, value in REMEMBERED.items() if after[name] != value} == moved


def test_a_breaker_that_closes_remembers_nothing_of_the_trouble() -> None:
    """But for the override, which has an end of its own."""
    override = Override(kind=OverrideKind.HOLD_OPEN, reason="r", actor="a", expires_at=END)
    troubled = Breaker(
        key=RUN_KEY,
        state=BreakerState.HALF_OPEN,
        generation=7,
        reason=BreakerReason.PROBE_DUE,
        since=NOW - DAY,
        opened_at=NOW - DAY,
        cooldown=HOUR,
        next_probe_at=END,
        stage=2,
        checks=9,
        errors=8,
        fault="contract",
        tripped_by=RunId("run-1"),
        override=override,
    )
    fresh = Breaker(key=RUN_KEY)
    stays = {"key", "generation", "reason", "since", "override"}

    closed = troubled.close(NOW, reason=BreakerReason.RECOVERED)

    assert all(getattr(troubled, each.name) != getattr(fresh, each.name) for each in fields(Breaker)[1:])
    assert [each.name for each in fields(Breaker) if getattr(closed, each.name) != getattr(fresh, each.name)] == [
        each.name for each in fields(Breaker) if each.name in stays - {"key"}
    ]
    assert (closed.generation, closed.since, closed.override) == (8, NOW, override)


def test_an_approval_is_of_one_hash_alone() -> None:
    made = BackfillPlan(id=PlanId("p"), made_at=NOW, asked={}, planned_at=NOW, hash="one", held=("too many",))

    assert made.is_held
    assert not replace(made, approved_hash="one").is_held
    assert replace(made, approved_hash="one", hash="two").is_held
    assert replace(made, approved_hash="one", hash=None).is_held


def test_a_disappearance_is_forgotten_when_the_booking_is_seen_again() -> None:
    """The next one is a first one, however long ago the last was."""
    lead = a_booked_lead(state=LeadState(absent_since=NOW - DAY))
    seen = plan(lead, Answer(appointments=lead.appointments), now=NOW)
    state = next_state(
        lead.state,
        LeadAttempt(at=NOW, outcome=seen.outcome, is_verified=seen.is_verified, is_absent=seen.is_absent),
        policy=BackoffPolicy(),
        jitter=0,
    )
    again = plan(replace(lead, state=state), Answer(absent=frozenset({lead.appointments[0].id})), now=NOW + HOUR)

    assert again.is_absent
    assert again.change is None
    assert lead.rollup.status is AppointmentStatus.CONFIRMED
