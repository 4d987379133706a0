"""Scenarios in which some workspaces or records fail: who is blamed, by the product and by three known policies."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from benchmarks.attribution.play import play
from benchmarks.attribution.policies import play_policy, policies
from benchmarks.attribution.scenarios import TICKS, Scenario, Tick, sample, scenarios
from benchmarks.virtual_time import percentile, run_virtually

OURS = "this program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one policy made of one scenario, held against who is to blame."""

    wrong_trips: int
    """Breakers of the provider, an operation or the run that opened while it was not to blame, and those of workspaces
    in which nothing fails."""
    is_missed: bool
    """The provider is to blame and no wide breaker opened in any tick."""
    served: float | None
    """The least part of the sound leads that was served in any tick; None where the provider is to blame in some."""
    wasted_calls: int
    """Calls that failed."""
    trip_calls: int | None
    """Calls until the first wide breaker opened, in the tick in which it did; None where it should not have."""


def judge(scenario: Scenario, ticks: Sequence[Tick]) -> Verdict:
    """Hold the ticks of one scenario against who is to blame in it."""
    wrong = sum(0 if scenario.is_provider_to_blame(each.number) else each.wide_trips for each in ticks)
    at_trip = [each.calls_at_trip for each in ticks if each.calls_at_trip is not None]
    is_blamed = scenario.is_provider_to_blame(1)
    return Verdict(
        wrong_trips=wrong + sum(each.healthy_parked for each in ticks),
        is_missed=scenario.must_trip and not at_trip,
        served=None if is_blamed or not scenario.sound_count else min(each.share for each in ticks),
        wasted_calls=sum(each.failed for each in ticks),
        trip_calls=at_trip[0] if scenario.must_trip and at_trip else None,
    )


def judge_all(names: Sequence[str]) -> list[tuple[str, Mapping[str, Verdict]]]:
    """Play the named scenarios with every policy."""
    by_name = {each.name: each for each in scenarios()}
    found: list[tuple[str, Mapping[str, Verdict]]] = []
    for name in names:
        scenario = by_name[name]
        verdicts = {OURS: judge(scenario, run_virtually(play(scenario)))}
        for policy_name, policy in policies(scenario).items():
            verdicts[policy_name] = judge(scenario, play_policy(scenario, policy))
        found.append((name, verdicts))
    return found


def figures(verdicts: Iterable[Verdict]) -> dict[str, float | None]:
    """Return the figures of one policy over several scenarios."""
    found = list(verdicts)
    served = [each.served for each in found if each.served is not None]
    return {
        "wrong_trips": sum(each.wrong_trips for each in found),
        "missed_trips": sum(each.is_missed for each in found),
        "healthy_served_min": round(min(served), 4) if served else None,
        "wasted_calls": sum(each.wasted_calls for each in found),
        "trip_calls_p95": percentile([each.trip_calls for each in found if each.trip_calls is not None], 0.95),
    }


def summary(judged: Sequence[tuple[str, Mapping[str, Verdict]]]) -> dict[str, object]:
    """Return the product's figures, and the other policies' beside them."""
    by_policy = {name: figures(verdicts[name] for _, verdicts in judged) for name in judged[0][1]}
    return {"scenarios": len(judged), **by_policy.pop(OURS), "others": by_policy}


def table(judged: Sequence[tuple[str, Mapping[str, Verdict]]]) -> str:
    """Return a line for each kind of failure and each policy, and one for all of a policy."""
    names = list(judged[0][1])
    kinds = dict.fromkeys(name.split(" | ")[1] for name, _ in judged)
    titles = ("scenarios", "wrong trips", "missed", "least served", "wasted calls", "calls to trip, p95")
    rows = ["  ".join([f"{'kind':16}", f"{'policy':22}", *titles])]
    for kind in [*kinds, "all"]:
        some = [each for each in judged if kind in {"all", each[0].split(" | ")[1]}]
        for policy in names:
            found = figures(verdicts[policy] for _, verdicts in some).values()
            cells = [f"{_shown(value):>{len(title)}}" for value, title in zip((len(some), *found), titles, strict=True)]
            rows.append("  ".join([f"{kind:16}", f"{policy:22}", *cells]))
    return "\n".join(rows)


def failures(judged: Iterable[tuple[str, Mapping[str, Verdict]]], *, least_served: float = 0.99) -> Iterable[str]:
    """Give a line for each scenario in which the product blames wrongly, or serves too few."""
    for name, verdicts in judged:
        ours = verdicts[OURS]
        faults = [
            f"{ours.wrong_trips} wrong trips" if ours.wrong_trips else "",
            "no trip" if ours.is_missed else "",
            f"least served {ours.served:.2f}" if ours.served is not None and ours.served < least_served else "",
        ]
        if any(faults):
            yield f"{name}: {', '.join(filter(None, faults))}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _judged(
    names: Sequence[str], jobs: int, judge_part: Callable[[Sequence[str]], list[tuple[str, Mapping[str, Verdict]]]]
) -> list[tuple[str, Mapping[str, Verdict]]]:
    if jobs == 1:
        return judge_part(names)
    with ProcessPoolExecutor(jobs) as pool:
        parts = pool.map(judge_part, [names[start::jobs] for start in range(jobs)])
        return [each for part in parts for each in part]


def main(words: Sequence[str] | None = None) -> None:
    """Print a table, the scenarios that failed, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attribution", description=f"{__doc__} {TICKS} ticks.")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="only so many scenarios, drawn by --seed; none is large"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only those with it in their name")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON alone")
    wanted = parser.parse_args(words)
    found = [each for each in scenarios() if all(text in each.name for text in wanted.only)]
    if wanted.sample is not None:
        found = list(sample(found, wanted.sample, seed=wanted.seed))
    if not found:
        parser.error("there is no such scenario")
    judged = _judged([each.name for each in found], wanted.jobs, judge_all)
    if not wanted.json:
        print(table(judged), "", *failures(judged), sep="\n")
    print(json.dumps(summary(judged)))


if __name__ == "__main__":
    main()
