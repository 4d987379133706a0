"""The benchmark of attribution counts what it says: scenarios judged by hand, and policies that are known to fail."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.attribution.__main__ import Verdict, figures, judge, main
from benchmarks.attribution.play import play
from benchmarks.attribution.policies import OneBreaker, OutlierDetection, play_policy, policies
from benchmarks.attribution.scenarios import TICKS, Kind, Order, Scenario, Tick, sample, scenarios
from benchmarks.virtual_time import run_virtually
from reconcile import bootstrap
from tests import samples


def scenario(failing: int, workspaces: int, kind: Kind = Kind.UNAVAILABLE, leads: int = 5) -> Scenario:
    return Scenario(kind=kind, failing=failing, workspaces=workspaces, leads=leads, order=Order.FIRST)


def ticks(change: Callable[[Tick], None] = lambda _: None, *, sound: int = 10) -> list[Tick]:
    """Return ten ticks in which every sound lead is served, the first one changed."""
    found = [Tick(number=number, sound=sound, served=sound) for number in range(1, TICKS + 1)]
    change(found[0])
    return found


def test_there_are_at_least_three_hundred_scenarios_of_every_kind_and_order() -> None:
    found = scenarios()

    assert len(found) >= 300
    assert {each.kind for each in found} == set(Kind)
    assert {each.order for each in found} == set(Order)
    assert {each.leads for each in found} == {1, 5, 50}
    assert {(each.failing, each.workspaces) for each in found} >= {(1, 1), (1, 2), (2, 60), (10, 20), (250, 500)}


def test_the_page_on_performance_names_how_many_scenarios_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()

    assert f"`python -m benchmarks.attribution` simulates {len(scenarios())} scenarios" in page


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    drawn = [[each.name for each in sample(scenarios(), 20, seed=seed)] for seed in (1, 1, 2)]

    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("failing", "workspaces", "kind", "leads", "is_to_blame"),
    [
        (1, 1, Kind.RESET, 5, True),
        (1, 2, Kind.RESET, 5, False),
        (10, 20, Kind.RESET, 5, False),
        (11, 20, Kind.RESET, 5, True),
        (20, 20, Kind.RATE_LIMITED, 5, False),
        (20, 20, Kind.CONTRACT_100, 5, True),
        (20, 20, Kind.CONTRACT_50, 50, False),
        (20, 20, Kind.CONTRACT_1, 1, False),
    ],
)
def test_a_provider_is_to_blame_where_most_workspaces_fail_wholly(
    failing: int, workspaces: int, kind: Kind, leads: int, is_to_blame: bool
) -> None:
    assert scenario(failing, workspaces, kind, leads).is_provider_to_blame(1) is is_to_blame


@pytest.mark.parametrize(("leads", "order"), [(5, Order.FIRST), (1, Order.LAST)])
def test_a_provider_that_lets_three_quarters_wait_trips_within_ten_runs(leads: int, order: Order) -> None:
    found = Scenario(kind=Kind.TIMEOUT, failing=45, workspaces=60, leads=leads, order=order)

    assert not judge(found, run_virtually(play(found))).is_missed


@pytest.mark.parametrize(("failing", "workspaces"), [(30, 60), (250, 500)])
def test_half_of_the_workspaces_time_out_first_in_line_and_the_others_are_served_in_every_run(
    failing: int, workspaces: int, *, is_thorough: bool
) -> None:
    if workspaces > 60 and not is_thorough:
        pytest.skip("takes seconds")
    found = scenario(failing, workspaces, Kind.TIMEOUT, leads=1)
    judged = judge(found, run_virtually(play(found)))

    assert (judged.served, judged.wrong_trips) == (1, 0)


@pytest.mark.parametrize("failing", [11, 15])
@pytest.mark.parametrize("order", Order)
def test_a_provider_that_most_workspaces_fail_at_trips_where_each_has_one_record(failing: int, order: Order) -> None:
    found = Scenario(kind=Kind.CONTRACT_100, failing=failing, workspaces=20, leads=1, order=order)

    assert not judge(found, run_virtually(play(found))).is_missed


@pytest.mark.parametrize(
    ("found", "must_trip"),
    [
        (scenario(1, 1, Kind.TIMEOUT), False),
        (scenario(1, 1, Kind.RESET), True),
        (scenario(1, 1, Kind.RESET, leads=1), False),
        (scenario(2, 2, Kind.TIMEOUT), True),
        (scenario(2, 20, Kind.RESET), False),
    ],
    ids=str,
)
def test_a_provider_has_to_be_stopped_where_five_calls_can_fail_in_a_tick(found: Scenario, must_trip: bool) -> None:
    assert found.must_trip is must_trip


def test_a_flapping_provider_is_to_blame_in_every_other_tick() -> None:
    flapping = scenario(20, 20, Kind.FLAPPING)

    assert [flapping.is_provider_to_blame(tick) for tick in (1, 2, 3)] == [True, False, True]


@pytest.mark.parametrize(("order", "places"), [(Order.FIRST, [0, 1]), (Order.LAST, [4, 5]), (Order.MIXED, [1, 4])])
def test_bad_workspaces_stand_where_the_order_says(order: Order, places: list[int]) -> None:
    found = Scenario(kind=Kind.RESET, failing=2, workspaces=6, leads=1, order=order)

    assert sorted(found.failing_workspaces) == places


@pytest.mark.parametrize(
    ("kind", "leads", "odd"), [(Kind.CONTRACT_1, 50, 1), (Kind.CONTRACT_10, 50, 10), (Kind.CONTRACT_50, 5, 5)]
)
def test_odd_records_are_shared_out_among_the_failing_workspaces(kind: Kind, leads: int, odd: int) -> None:
    by_workspace = Counter(workspace for workspace, _ in scenario(2, 20, kind, leads).bad)

    assert by_workspace.total() == odd
    assert max(by_workspace.values()) - min(by_workspace.values()) <= 1


def trip(tick: Tick) -> None:
    tick.wide_trips, tick.calls_at_trip = 1, 7


def park(tick: Tick) -> None:
    tick.healthy_parked = 1


def starve(tick: Tick) -> None:
    tick.served = 5


@pytest.mark.parametrize(
    ("failing", "change", "verdict"),
    [
        (2, lambda _: None, (0, False, 1.0, None)),
        (2, trip, (1, False, 1.0, None)),
        (2, park, (1, False, 1.0, None)),
        (2, starve, (0, False, 0.5, None)),
        (20, lambda _: None, (0, True, None, None)),
        (20, trip, (0, False, None, 7)),
    ],
)
def test_ticks_are_held_against_who_is_to_blame(
    failing: int, change: Callable[[Tick], None], verdict: tuple[int, bool, float | None, int | None]
) -> None:
    found = judge(scenario(failing, 20), ticks(change))

    assert (found.wrong_trips, found.is_missed, found.served, found.trip_calls) == verdict


def test_the_least_served_scenario_counts() -> None:
    verdicts = [
        Verdict(wrong_trips=1, is_missed=False, served=served, wasted_calls=3, trip_calls=calls)
        for served, calls in ((1.0, 4), (0.25, None), (None, 9))
    ]

    assert figures(verdicts) == {
        "wrong_trips": 3,
        "missed_trips": 0,
        "healthy_served_min": 0.25,
        "wasted_calls": 9,
        "trip_calls_p95": 9,
    }


@pytest.mark.parametrize("name", ["rate rule", "consecutive failures"])
def test_one_breaker_for_all_stops_a_provider_for_what_some_workspaces_do(name: str) -> None:
    """So that a wrong trip can be seen: ten of twenty fail, all of them at first."""
    found = scenario(10, 20)

    assert judge(found, play_policy(found, policies(found)[name])).wrong_trips > 0


def test_outlier_detection_stops_no_provider() -> None:
    """So that a missed trip can be seen."""
    found = scenario(20, 20)

    assert judge(found, play_policy(found, policies(found)["outlier detection"])).is_missed


def test_a_breaker_opens_waits_probes_and_closes() -> None:
    breaker = OneBreaker(lambda one: one.in_a_row >= 2)

    assert [breaker.record(0, 0, failed=True) for _ in range(2)] == [False, True]
    assert not breaker.allows(0, 44)
    assert [breaker.allows(0, 45) for _ in range(4)] == [True, True, True, False]
    assert [breaker.record(0, 46, failed=False) for _ in range(3)] == [False] * 3
    assert breaker.allows(0, 46)


def test_no_more_than_a_tenth_of_the_workspaces_is_ejected_at_a_time() -> None:
    detection = OutlierDetection(20)
    for workspace in range(4):
        for _ in range(5):
            detection.record(workspace, 0, failed=True)

    assert [detection.allows(workspace, 29) for workspace in range(4)] == [False, False, True, True]
    assert detection.allows(0, 30)


@samples.cells(2)
@pytest.mark.parametrize(
    "found",
    [
        scenario(1, 3),
        scenario(3, 3, Kind.UNAVAILABLE_SLOWLY),
        scenario(1, 4, Kind.CONTRACT_10),
        scenario(1, 2, Kind.RATE_LIMITED),
        scenario(1, 8, Kind.UNAUTHORIZED),
        scenario(2, 4, Kind.CONTRACT_50),
        scenario(2, 3, Kind.FLAPPING),
    ],
    ids=lambda each: each.name,
)
def test_a_scenario_goes_the_same_way_in_memory_as_on_sqlite(found: Scenario, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'scenario.db'}"
    run_virtually(_migrate(url))

    assert run_virtually(play(found)) == run_virtually(play(found, url))


async def _migrate(url: str) -> None:
    await bootstrap.migrate_url(url)


def test_where_nothing_fails_for_long_everything_else_is_served() -> None:
    found = run_virtually(play(scenario(1, 20, Kind.RESET)))

    assert min(each.share for each in found) == 1
    assert sum(each.failed for each in found) > 0


def test_the_figures_are_printed_with_the_other_policies_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--only", "10 of 20 | reset | 1 leads", "--jobs", "1"])

    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(printed["others"]) == {"rate rule", "consecutive failures", "outlier detection"}
    assert {"scenarios", "wrong_trips", "missed_trips", "healthy_served_min", "wasted_calls"} <= set(printed)
