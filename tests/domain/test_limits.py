"""Pauses that grow, and how many doublings they take: each step once, and never beyond the longest."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.lead import LeadState
from reconcile.domain.planning.outcome import Outcome, SkipReason
from reconcile.domain.retry_state import BackoffPolicy, LeadAttempt, next_state
from tests.domain.factories import NOW

MINUTE = timedelta(minutes=1)
POLICY = BackoffPolicy(base=MINUTE, cap=timedelta(hours=1), quarantine_after=4)


def after(outcomes: list[LeadAttempt]) -> list[LeadState]:
    """Return what is remembered of a lead after each of these attempts."""
    state, states = LeadState(), []
    for each in outcomes:
        state = next_state(state, each, policy=POLICY, jitter=0)
        states.append(state)
    return states


def attempt(outcome: Outcome, *, minutes: int = 0, **facts: Any) -> LeadAttempt:
    reason = SkipReason.NO_IDENTITY if outcome is Outcome.SKIPPED else None
    return LeadAttempt(at=NOW + minutes * MINUTE, outcome=outcome, reason=reason, **facts)


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (33, 60), (34, 60), (1000, 60)]
)
def test_the_pause_doubles_with_each_failure_up_to_its_longest(failures: int, minutes: int) -> None:
    """Half of it is certain, the other half is spread by chance."""
    assert [POLICY.pause(failures, jitter=jitter) for jitter in (0.0, 0.5)] == [
        minutes * MINUTE / 2,
        minutes * MINUTE * 3 / 4,
    ]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_outcome_counts_towards_quarantine_as_it_should(outcome: Outcome) -> None:
    """A failure of its own counts once, a decisive answer begins anew, and what was not asked changes nothing."""
    states = after([attempt(Outcome.FAILED), attempt(Outcome.FAILED), attempt(outcome)])

    expected = 3 if outcome is Outcome.FAILED else 2 if outcome in {Outcome.DEFERRED, Outcome.SKIPPED} else 0
    assert [each.failure_count for each in states] == [1, 2, expected]
    assert not any(each.quarantined_at for each in states)


def test_a_lead_is_set_aside_by_the_failure_that_reaches_the_limit() -> None:
    failures = [attempt(Outcome.FAILED, minutes=number) for number in range(5)]

    assert [each.quarantined_at for each in after(failures)] == [
        None,
        None,
        None,
        NOW + 3 * MINUTE,
        NOW + 4 * MINUTE,
    ]


def test_failures_attributed_to_another_party_do_not_count() -> None:
    blamed = [attempt(Outcome.FAILED, is_blamed_elsewhere=True)] * 10

    states = after([attempt(Outcome.FAILED), *blamed, *[attempt(Outcome.FAILED)] * 2])

    assert [each.failure_count for each in states] == [1] * 11 + [2, 3]
    assert not any(each.quarantined_at for each in states)
