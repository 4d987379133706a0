"""The incident drill: the same 15 minutes with guards and without, run by run."""

import argparse
import asyncio
import json
from dataclasses import replace

from reconcile.drill.incident import DrillPlan, DrillResult, Tick, drill


async def _drilled(plan: DrillPlan) -> DrillResult:
    ticks: list[Tick] = [tick async for tick in drill(plan)]
    return DrillResult(ticks=tuple(ticks), plan=plan)


def _table(guarded: DrillResult, unguarded: DrillResult) -> str:
    head = f"{'':4} {'':7} | {'guarded':^42} | {'unguarded':^26}"
    names = f"{'tick':>4} {'GHL':7} | {'checks':>6} {'errors':>6} {'calls':>6} {'wrong':>5} {'health':>15} |"
    rows = [head, f"{names} {'checks':>6} {'errors':>6} {'calls':>6} {'wrong':>5}"]
    for ours, naive in zip(guarded.ticks, unguarded.ticks, strict=True):
        ill = "broken" if ours.is_broken else "well"
        rows.append(
            f"{ours.number:4} {ill:7} | {ours.report.leads_checked:6} {ours.report.errors:6} {ours.provider_calls:6}"
            f" {ours.wrong_writes:5} {ours.report.health:>15} |"
            f" {naive.report.leads_checked:6} {naive.report.errors:6} {naive.provider_calls:6} {naive.wrong_writes:5}"
        )
    return "\n".join(rows)


def main() -> None:
    """Print both side by side, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.incident", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=8)
    parser.add_argument("--leads", type=int, default=50, help="leads per workspace")
    parser.add_argument("--broken-ticks", type=int, default=15)
    wanted = parser.parse_args()
    plan = DrillPlan(
        workspaces=wanted.workspaces,
        leads_per_workspace=wanted.leads,
        broken_ticks=wanted.broken_ticks,
        ticks=wanted.broken_ticks + 9,
    )
    guarded = asyncio.run(_drilled(plan))
    unguarded = asyncio.run(_drilled(replace(plan, is_guarded=False)))
    print(_table(guarded, unguarded))
    tripping = guarded.ticks[plan.breaks_at - 1]
    figures = {
        "errors": guarded.errors,
        "errors_at_trip": tripping.report.errors,
        "calls_in_flight_at_trip": tripping.report.calls_under_way_at_trip,
        "errors_unguarded": unguarded.errors,
        "calls_while_broken": guarded.calls_while_broken,
        "calls_while_broken_unguarded": unguarded.calls_while_broken,
        "max_calls_per_tick_while_open": guarded.max_calls_per_tick_while_open,
        "wrong_writes": guarded.wrong_writes,
        "wrong_writes_unguarded": unguarded.wrong_writes,
        "ticks_to_recover": guarded.ticks_to_recover,
        "starved_leads": guarded.starved_leads,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
