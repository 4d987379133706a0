"""Failures that take seconds: most workspaces stop a provider before all were asked, a few never do."""

import pytest

from benchmarks.attribution.__main__ import judge
from benchmarks.attribution.play import play
from benchmarks.attribution.scenarios import Kind, Order, Scenario
from benchmarks.virtual_time import run_virtually
from tests import samples

SLOW = (Kind.TIMEOUT, Kind.UNAVAILABLE_SLOWLY)


@pytest.mark.parametrize("kind", SLOW)
def test_a_provider_that_most_workspaces_wait_for_is_stopped_before_all_were_asked(kind: Kind) -> None:
    """A repeated look-up that succeeds shows that nothing has changed since, not that most workspaces are served."""
    found = Scenario(kind=kind, failing=40, workspaces=50, leads=1, order=Order.MIXED)
    judged = judge(found, run_virtually(play(found)))

    assert not judged.is_missed
    assert judged.trip_calls is not None
    assert judged.trip_calls < 50


@samples.cells(2)
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("kind", SLOW)
def test_two_slow_workspaces_of_twenty_never_stop_the_others(kind: Kind, order: Order) -> None:
    found = Scenario(kind=kind, failing=2, workspaces=20, leads=5, order=order)
    judged = judge(found, run_virtually(play(found)))

    assert (judged.served, judged.wrong_trips) == (1, 0)


@samples.cells(1)
@pytest.mark.parametrize("order", Order)
def test_half_of_the_workspaces_fail_slowly_and_the_others_are_served_in_every_run(order: Order) -> None:
    found = Scenario(kind=Kind.UNAVAILABLE_SLOWLY, failing=30, workspaces=60, leads=1, order=order)
    judged = judge(found, run_virtually(play(found)))

    assert (judged.served, judged.wrong_trips) == (1, 0)
