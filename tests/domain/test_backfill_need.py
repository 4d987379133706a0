"""How long an account's calls for a backfill take at least, and how many do not fit into a time."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.backfill.plan import Need
from reconcile.domain.ids import ProviderName, WorkspaceId

SECOND = timedelta(seconds=1)
numbers = st.integers(0, 5_000)
durations = st.integers(0, 90_000).map(lambda each: each * SECOND)


def need(calls: int, *, left: int = 10, left_of_day: int | None = None, renewed_in: timedelta = 3600 * SECOND) -> Need:
    return Need(
        workspace_id=WorkspaceId("w"),
        provider=ProviderName.HIGHLEVEL,
        calls=calls,
        left=left,
        every=SECOND,
        left_of_day=left_of_day,
        renewed_in=renewed_in,
    )


@pytest.mark.parametrize(
    ("calls", "left_of_day", "lasts"),
    [(10, None, 0), (70, None, 60), (70, 70, 60), (70, 50, 3_620), (70, 0, 3_670), (9_000, 5_000, 8_990)],
)
def test_calls_beyond_those_left_of_the_day_wait_until_they_are_renewed(
    calls: int, left_of_day: int | None, lasts: int
) -> None:
    assert need(calls, left_of_day=left_of_day).lasts == lasts * SECOND


@given(calls=numbers, left=numbers, left_of_day=st.none() | numbers, renewed_in=durations, within=durations)
def test_no_call_is_missing_exactly_if_the_calls_last_no_longer(
    calls: int, left: int, left_of_day: int | None, renewed_in: timedelta, within: timedelta
) -> None:
    found = need(calls, left=left, left_of_day=left_of_day, renewed_in=renewed_in)

    assert (found.missing(within) == 0) == (found.lasts <= within)
    assert 0 <= found.missing(within) <= calls
