"""A replay as a person reads it: what happened beside what would have, in 80 columns."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from reconcile.domain.formatting import count_of, span
from reconcile.domain.replay.result import BreakerComparison, BreakerTrip, ReplayResult, Thresholds
from reconcile_cli.terminal import NONE, QUIET, console, listing, safe

_BREAKERS_SHOWN = 12
_TRIPS_SHOWN = 8


def show(result: ReplayResult) -> None:
    """Print the thresholds, the sums, each breaker that makes a difference and the newest trips."""
    out: Console = console()
    totals = result.totals
    out.print(
        f"{count_of(totals.runs, 'run')} replayed, {_minute(result.since)} to {_minute(result.until)} UTC",
        style="bold",
    )
    if totals.unrecorded_runs:
        out.print(f"{count_of(totals.unrecorded_runs, 'run')} without a record of calls left out", style="yellow")
    if totals.shadow_runs:
        out.print(f"{count_of(totals.shadow_runs, 'run')} in shadow mode: nothing was refused", style=QUIET)
    out.print(f"replayed with  {_thresholds_text(result.thresholds)}")
    out.print(f"in force now   {_thresholds_text(result.in_force)}", style=QUIET)
    out.print()
    _print_totals(out, result)
    if result.breakers:
        out.print()
        _print_breakers(out, result.breakers)
    if result.replayed or result.happened:
        out.print()
        _print_trips(out, result.replayed[-_TRIPS_SHOWN:], "would have tripped")
        _print_trips(out, result.happened[-_TRIPS_SHOWN:], "did trip")


def _print_totals(out: Console, result: ReplayResult) -> None:
    totals = result.totals
    table = listing("", "happened", "replayed", "of these saved", numbers=("happened", "replayed", "of these saved"))
    rows = (
        ("trips", totals.trips_happened, totals.trips_replayed, ""),
        ("calls", totals.calls, totals.calls - totals.saved_calls, f"{totals.saved_calls:,}"),
        ("errors", totals.errors, totals.errors - totals.saved_errors, f"{totals.saved_errors:,}"),
    )
    for name, happened, replayed, saved in rows:
        table.add_row(name, f"{happened:,}", f"{replayed:,}", saved)
    out.print(table)
    out.print(f"successful checks that it would have cost: {totals.lost_checks:,}")
    if totals.controls:
        out.print(f"controls that it would have made: {totals.controls:,}", style=QUIET)
    if totals.uncertain_trips:
        out.print(f"trips that a control, which is not on record, might have averted: {totals.uncertain_trips:,}")
    if totals.unknown_calls or totals.unknown_runs:
        refused = count_of(totals.unknown_calls, "refused call")
        out.print(f"unknown: {refused} and the rest of {count_of(totals.unknown_runs, 'run')}, which would have been")
        out.print("made; a breaker that was open kept them from being answered")
    if totals.cut_runs:
        out.print(f"{count_of(totals.cut_runs, 'run')} made more calls than are on record", style="yellow")


def _print_breakers(out: Console, breakers: Sequence[BreakerComparison]) -> None:
    heads = ("tripped", "would trip", "errors saved", "calls saved", "checks lost", "calls unknown")
    table = listing("breaker", *heads, numbers=heads)
    for each in breakers[:_BREAKERS_SHOWN]:
        numbers = (
            each.trips_happened,
            each.trips_replayed,
            each.saved_errors,
            each.saved_calls,
            each.lost_checks,
            each.unknown_calls,
        )
        table.add_row(safe(each.breaker), *(f"{number:,}" for number in numbers))
    out.print(table)
    if len(breakers) > _BREAKERS_SHOWN:
        out.print(f"and {count_of(len(breakers) - _BREAKERS_SHOWN, 'breaker')} more: --output json", style=QUIET)


def _print_trips(out: Console, trips: Sequence[BreakerTrip], word: str) -> None:
    if not trips:
        out.print(Text.assemble((word, "bold"), f"  {NONE}"))
        return
    out.print(word, style="bold")
    for each in trips:
        counts = f"{each.errors} of {each.checks} checks failed" if each.checks else "in shadow mode"
        doubt = "" if each.is_certain else ", unless a control had been sound"
        out.print(
            safe(f"  {each.at:%d %b %H:%M:%S}  {each.breaker}  call {each.after_calls} of run {each.run_id}"),
            overflow="fold",
        )
        out.print(safe(f"    {each.reason or ''} {counts}{doubt}".replace("     ", "    "), QUIET))


def _thresholds_text(thresholds: Thresholds) -> str:
    rate = f"{thresholds.error_rate:.0%} of {count_of(thresholds.min_checks, 'check')}"
    workspaces = count_of(thresholds.min_workspaces, "workspace")
    faults = count_of(thresholds.contract_faults, "contract fault")
    return ", ".join([rate, workspaces, faults, f"{span(thresholds.cooldown)} cooldown"])


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
