"""Bounds of benchmark figures: for each benchmark, the arguments of a small run and the highest allowed figures.

Figures are counts, memory, and ratios of CPU within a run, never times, which differ between machines. A bound is the
measured figure plus what a busy machine adds. Lower the bound when a figure improves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Result = Mapping[str, Any]
"""The last line of a benchmark, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The *most* that a figure may be."""

    figure: str
    of: Callable[[Result], float]
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """Arguments with which a benchmark takes less than a minute, and its bounds."""

    arguments: tuple[str, ...] = ()
    bounds: tuple[Bound, ...]


def _ours(result: Result, concurrency: int, figure: str) -> float:
    rows = [each for each in result["rows"] if each["client"] == "ours, whole" and each["concurrency"] == concurrency]
    return float(rows[0][figure])


def _by(result: Result, by: str, figure: str) -> float:
    return float(next(each[figure] for each in (result, *result["others"]) if each["by"] == by))


BENCHMARKS: Mapping[str, Small] = {
    "incident": Small(
        bounds=(
            Bound(figure="errors when it stops", of=lambda r: r["errors_at_trip"], most=6),
            Bound(figure="other calls under way then", of=lambda r: r["calls_in_flight_at_trip"] or 0, most=3),
            Bound(figure="calls a tick while open", of=lambda r: r["max_calls_per_tick_while_open"], most=3),
            Bound(figure="errors in all", of=lambda r: r["errors"], most=50),
            Bound(figure="wrong writes", of=lambda r: r["wrong_writes"], most=0),
            Bound(figure="ticks to recover", of=lambda r: r["ticks_to_recover"], most=3),
            Bound(figure="starved leads", of=lambda r: r["starved_leads"], most=0),
        ),
    ),
    "runs": Small(
        arguments=("--workspaces=50", "--latency-ms=5", "--database=postgresql"),
        bounds=(
            Bound(figure="calls a lead, by lists", of=lambda r: _by(r, "lists", "calls_per_lead"), most=0.05),
            Bound(figure="calls a lead, by look-ups", of=lambda r: _by(r, "look-ups", "calls_per_lead"), most=1.02),
            Bound(
                figure="CPU by lists, over look-ups",
                of=lambda r: _by(r, "lists", "cpu_ms_per_lead") / _by(r, "look-ups", "cpu_ms_per_lead"),
                most=0.7,
            ),
            Bound(figure="peak memory in MB", of=lambda r: _by(r, "look-ups", "peak_rss_mb"), most=100),
            Bound(figure="peak memory with nothing due, in MB", of=lambda r: r["idle_rss_mb"], most=64),
            Bound(figure="leads changed again", of=lambda r: _by(r, "lists", "changed"), most=0),
        ),
    ),
    "waiting": Small(
        arguments=("--workspaces=10",),
        bounds=(
            Bound(
                figure="simulated seconds, first run of Calendly",
                of=lambda r: r["Calendly, standing"][0]["seconds"],
                most=2,
            ),
            Bound(
                figure="429 answers of Calendly's free plan",
                of=lambda r: r["Calendly, a tenth on the free plan"][0]["answered_429"],
                most=0,
            ),
            Bound(
                figure="leads deferred on Calendly's free plan",
                of=lambda r: r["Calendly, a tenth on the free plan"][0]["deferred"],
                most=2,
            ),
            Bound(
                figure="calls a lead at GHL, over or canceled",
                of=lambda r: r["GHL, over or canceled"][0]["calls_per_lead"],
                most=0.11,
            ),
        ),
    ),
    "growth": Small(
        arguments=("--leads", "10", "50000"),
        bounds=(
            # Of 20 workspaces: what providers leave of the day is read and stored once in a run.
            Bound(figure="statements a workspace", of=lambda r: r["statements_per_workspace"], most=8.2),
            Bound(
                figure="the same, over few leads in the tables",
                of=lambda r: r["statements_per_workspace"] / r["others"][0]["statements_per_workspace"],
                most=1,
            ),
            Bound(
                figure="CPU a due lead, over few leads in the tables",
                of=lambda r: r["cpu_ms_per_due_lead"] / r["others"][0]["cpu_ms_per_due_lead"],
                most=1.3,
            ),
            Bound(
                figure="peak memory, over few leads in the tables",
                of=lambda r: r["peak_rss_mb"] / r["others"][0]["peak_rss_mb"],
                most=1.1,
            ),
        ),
    ),
    "writes": Small(
        arguments=("--workspaces=20", "--leads=100"),
        bounds=(Bound(figure="tuples updated by unchanged rows", of=lambda r: r["tuples_updated_unchanged"], most=0),),
    ),
    "http": Small(
        arguments=(
            "--concurrency",
            "10",
            "200",
            "--requests=500",
            "--repeat=2",
            "--clients",
            "aiohttp",
            "httpx",
            "ours, whole",
        ),
        bounds=(
            Bound(figure="CPU over a bare client's, 10 at once", of=lambda r: _ours(r, 10, "cpu_ratio"), most=2.3),
            Bound(figure="CPU over a bare client's, 200 at once", of=lambda r: _ours(r, 200, "cpu_ratio"), most=2.7),
            Bound(
                figure="CPU at 200 at once, over 10",
                of=lambda r: _ours(r, 200, "cpu_us") / _ours(r, 10, "cpu_us"),
                most=1.7,
            ),
            Bound(figure="ends that were not clean", of=lambda r: r["abnormal_endings"]["ours, whole"], most=0),
        ),
    ),
    "backfill": Small(
        arguments=("--workspaces=20", "--leads=25", "--hot=5", "--kill-every=10"),
        bounds=(
            Bound(figure="calls a lead", of=lambda r: r["calls_per_lead"], most=0.25),
            Bound(figure="leads that were not verified", of=lambda r: r["unverified"], most=0),
            Bound(figure="leads changed twice", of=lambda r: r["changed_twice"], most=0),
            Bound(figure="follow-ups doubled", of=lambda r: r["effects_doubled"], most=0),
            Bound(figure="follow-ups missing", of=lambda r: r["effects_missing"], most=0),
        ),
    ),
    "telemetry": Small(
        arguments=("--workspaces=5", "--rounds=3"),
        bounds=(
            Bound(figure="CPU with it, over CPU without", of=lambda r: 1 + r["cpu_cost"], most=1.3),
            Bound(figure="modules of it where it is off", of=lambda r: r["modules_off"], most=0),
        ),
    ),
    "recording": Small(
        arguments=("--rounds=5",),
        bounds=(
            Bound(figure="CPU of recording calls, over a run's", of=lambda r: r["recorder_share"], most=0.02),
            # Whole processes differ by more than the recorder costs; its own share is held above.
            Bound(figure="CPU with it, over CPU without", of=lambda r: 1 + r["cpu_cost"], most=1.3),
            Bound(figure="bytes a call", of=lambda r: r["bytes_per_call"], most=8),
        ),
    ),
    "evidence": Small(
        arguments=("--sample=40", "--seed=1", "--jobs=1"),
        bounds=(
            Bound(figure="wrong writes", of=lambda r: r["wrong_writes"], most=0),
            Bound(figure="leads verified unseen", of=lambda r: r["wrong_verified"], most=0),
            Bound(figure="missed changes", of=lambda r: r["missed_changes"], most=0),
            Bound(
                figure="no wrong write of the control", of=lambda r: float(r["control"]["wrong_writes"] == 0), most=0
            ),
        ),
    ),
    "attribution": Small(
        arguments=("--sample=60", "--seed=1", "--jobs=1"),
        bounds=(
            Bound(figure="wrong trips", of=lambda r: r["wrong_trips"], most=0),
            Bound(figure="missed trips", of=lambda r: r["missed_trips"], most=0),
            Bound(figure="sound leads not served, at worst", of=lambda r: 1 - r["healthy_served_min"], most=0.01),
            Bound(figure="calls to a trip, p95", of=lambda r: r["trip_calls_p95"], most=120),
            Bound(
                figure="wasted calls, over the rate rule's",
                of=lambda r: r["wasted_calls"] / r["others"]["rate rule"]["wasted_calls"],
                most=0.6,
            ),
        ),
    ),
}
