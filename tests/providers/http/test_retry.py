"""Which failures are tried again, when, and how many all together."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ErrorClass, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from reconcile.providers.http.retry import RetryBudget, RetryPolicy

POLICY = RetryPolicy()


def unavailable(error_class: ErrorClass = ErrorClass.UNAVAILABLE) -> ProviderError:
    return ProviderUnavailable(
        "x", provider=ProviderName.HIGHLEVEL, operation=Operation.APPOINTMENT, error_class=error_class
    )


def rejected(error_class: ErrorClass = ErrorClass.REJECTED) -> ProviderError:
    return ProviderRejected(
        "x", provider=ProviderName.HIGHLEVEL, operation=Operation.APPOINTMENT, error_class=error_class
    )


def limited(seconds: float) -> ProviderError:
    wait = timedelta(seconds=seconds)
    return RateLimited("x", provider=ProviderName.HIGHLEVEL, operation=Operation.APPOINTMENT, retry_after=wait)


@given(
    share=st.sampled_from([0.0, 0.1, 0.25]),
    reserve=st.integers(0, 5),
    wishes=st.lists(st.booleans(), max_size=300),
)
def test_retries_stay_within_their_share(share: float, reserve: int, wishes: list[bool]) -> None:
    budget = RetryBudget(share=share, reserve=reserve)
    first = retries = 0
    for is_first in wishes:
        if is_first:
            first += 1
            budget.earn()
        else:
            retries += budget.spend()

    assert first + retries <= (1 + share) * first + reserve + 1e-6


def test_ten_first_attempts_earn_one_retry() -> None:
    budget = RetryBudget(share=0.1, reserve=0)
    before = budget.spend()
    for _ in range(10):
        budget.earn()

    assert [before, budget.spend(), budget.spend()] == [False, True, False]


def test_earned_retry_tokens_are_capped() -> None:
    budget = RetryBudget(share=0.1, reserve=0, most=3)
    for _ in range(1000):
        budget.earn()

    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("error", "attempt", "pause"),
    [
        (unavailable(), 1, 0.125),
        (unavailable(), 2, 0.25),
        (unavailable(), 3, None),
        (unavailable(ErrorClass.TIMEOUT), 2, 0.25),
        (unavailable(ErrorClass.UNDECODABLE), 1, 0.125),
        (unavailable(ErrorClass.UNDECODABLE), 2, None),
        (rejected(), 1, None),
        (rejected(ErrorClass.CREDENTIAL), 1, None),
        (limited(2), 1, 2.125),
        (limited(2), 2, None),
        (limited(2.01), 1, None),
    ],
)
def test_each_failure_has_its_pause(error: ProviderError, attempt: int, pause: float | None) -> None:
    expected = None if pause is None else timedelta(seconds=pause)

    assert POLICY.pause(error, attempt=attempt, random=lambda: 0.5) == expected


@given(attempt=st.integers(1, 60), share=st.floats(0, 1))
def test_a_pause_is_jittered_over_its_whole_step_and_capped(attempt: int, share: float) -> None:
    policy = RetryPolicy(attempts=100)
    pause = policy.pause(unavailable(), attempt=attempt, random=lambda: share)

    assert pause is not None
    assert timedelta(0) <= pause <= policy.longest
