"""How many retries a budget allows, to the last one: what is earned is spent once, and the bonus comes once."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ProviderError
from reconcile.providers.http.client import Client, RetryBudget
from tests.providers.http.conftest import CALL
from tests.providers.http.test_client import FAR, Scripted, answer

Make = Callable[..., Client]
MANY = 1000


def spent(budget: RetryBudget) -> int:
    """Return how many retries are allowed from now on, until one is refused."""
    return next(number for number in range(MANY) if not budget.spend())


@given(
    tenths=st.integers(0, 5),
    reserve=st.integers(0, 4),
    bonus=st.integers(0, 3),
    most=st.integers(0, 6),
    first=st.integers(0, 80),
    answers=st.integers(0, 4),
)
def test_a_budget_allows_exactly_what_was_earned_with_one_bonus(
    tenths: int, reserve: int, bonus: int, most: int, first: int, answers: int
) -> None:
    budget = RetryBudget(share=tenths / 10, reserve=reserve, bonus=bonus, most=most)
    for _ in range(first):
        budget.earn()
    for _ in range(answers):
        budget.note_answer()

    earned = min(reserve * 10 + tenths * first, max(reserve, most) * 10) // 10
    assert spent(budget) == earned + (bonus if answers else 0)
    budget.note_answer()
    assert spent(budget) == (0 if answers else bonus)


@given(st.lists(st.sampled_from(["first", "answer", "retry"]), max_size=200))
def test_no_order_of_events_allows_more_retries_than_a_tenth_and_one(events: list[str]) -> None:
    budget = RetryBudget()
    retries = 0
    for each in events:
        match each:
            case "first":
                budget.earn()
            case "answer":
                budget.note_answer()
            case _:
                retries += budget.spend()

    assert retries + spent(budget) <= events.count("first") // 10 + ("answer" in events)


@pytest.mark.parametrize(("calls", "retries"), [(1, 1), (8, 1), (9, 2), (19, 3), (39, 5)])
async def test_after_one_answer_an_outage_gets_one_retry_and_one_for_ten_calls(
    client: Make, calls: int, retries: int
) -> None:
    over = Scripted(answer(200, {}), answer(503))
    asking = client(over=over, budget=RetryBudget())
    await asking.ask(CALL, deadline=FAR)
    for _ in range(calls):
        with pytest.raises(ProviderError):
            await asking.ask(CALL, deadline=FAR)

    assert len(over.requests) == 1 + calls + retries


async def test_a_provider_without_a_response_gets_no_retries_in_nine_calls(client: Make) -> None:
    over = Scripted(answer(503))
    asking = client(over=over, budget=RetryBudget())
    for _ in range(9):
        with pytest.raises(ProviderError):
            await asking.ask(CALL, deadline=FAR)

    assert len(over.requests) == 9
