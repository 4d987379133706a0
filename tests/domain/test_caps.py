"""A backfill's caps: at the cap a plan passes, with one more lead it is held; every kind of change has its own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.backfill.plan import ChangeCaps
from reconcile.domain.planning.outcome import Outcome

KINDS = (Outcome.BOOKED, Outcome.CANCELED, Outcome.RESCHEDULED, Outcome.UPDATED)
"""Outcomes that write to the customer's rows; each has caps of its own."""
LOOSE = ChangeCaps(changes=1_000_000, percent=100, canceled_percent=100)
NOT_CHANGING = sorted(set(Outcome) - set(KINDS))


def held(caps: ChangeCaps, outcome: Outcome, count: int, planned: int) -> bool:
    """Tell whether so many changes of one kind hold a plan of so many leads."""
    return bool(caps.exceeded({outcome: count}, planned=planned))


@pytest.mark.parametrize("outcome", KINDS)
@pytest.mark.parametrize("cap", [1, 10, 10_000])
def test_one_change_above_the_number_cap_holds_the_plan(outcome: Outcome, cap: int) -> None:
    caps = replace(LOOSE, changes=cap)

    assert [held(caps, outcome, count, 20_000) for count in (cap - 1, cap, cap + 1)] == [False, False, True]


@pytest.mark.parametrize("outcome", KINDS)
@pytest.mark.parametrize(("percent", "planned", "most"), [(10, 100, 10), (50, 10, 5), (33.3, 1000, 333), (10, 9, 0)])
def test_one_change_above_the_percentage_cap_holds_the_plan(
    outcome: Outcome, percent: float, planned: int, most: int
) -> None:
    is_canceled = outcome is Outcome.CANCELED
    caps = replace(LOOSE, canceled_percent=percent) if is_canceled else replace(LOOSE, percent=percent)

    assert [held(caps, outcome, count, planned) for count in (most, most + 1)] == [False, True]


def test_cancellations_have_a_percentage_of_their_own() -> None:
    caps = ChangeCaps(changes=1000, percent=50, canceled_percent=10)

    assert [held(caps, each, 11, 100) for each in KINDS] == [each is Outcome.CANCELED for each in KINDS]
    assert not held(ChangeCaps(changes=1000, percent=10, canceled_percent=50), Outcome.CANCELED, 50, 100)


@pytest.mark.parametrize("outcome", NOT_CHANGING)
def test_an_outcome_without_a_change_counts_towards_no_cap(outcome: Outcome) -> None:
    assert not held(ChangeCaps(changes=0, percent=0, canceled_percent=0), outcome, 100, 100)


@given(counts=st.fixed_dictionaries({each: st.integers(0, 30) for each in KINDS}), rest=st.integers(0, 60))
def test_each_kind_above_a_cap_is_reported_once(counts: dict[Outcome, int], rest: int) -> None:
    """Caps are not added up over the kinds, and one that is exceeded twice is one reason."""
    caps = ChangeCaps(changes=20, percent=25, canceled_percent=10)
    planned = sum(counts.values()) + rest

    told = caps.exceeded(counts, planned=planned)

    beyond = [
        each
        for each in KINDS
        if counts[each] > 20 or counts[each] * 100 > (10 if each is Outcome.CANCELED else 25) * planned
    ]
    assert len(told) == len(beyond)
    assert all(f"would become {each}," in sentence for each, sentence in zip(beyond, told, strict=True))
