"""Prints explanations of leads, workspaces and runs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import singledispatch

from rich.console import Console
from rich.text import Text

from reconcile.domain.formatting import ago, keys, span
from reconcile.domain.run.report_document import read_report
from reconcile.ports import BatchRow, ChangeRow
from reconcile.services.views.explain import LeadExplanation, RunExplanation, WorkspaceExplanation
from reconcile.services.views.failure_history import FailureHistory
from reconcile.services.views.next_steps import Advice
from reconcile_cli.control.breaker_text import block
from reconcile_cli.terminal import HEALTH_STYLES, NONE, QUIET, ahead, console, grid, lasting, listing, safe
from reconcile_cli.views import report_text


def show(
    shown: LeadExplanation | WorkspaceExplanation | RunExplanation | FailureHistory, *, now: datetime | None = None
) -> None:
    """Print an explanation."""
    out, at = console(), now or datetime.now(UTC)
    _print(shown, out, at)
    out.print()
    for command in shown.commands:
        out.print(Text.assemble(("what to type  ", QUIET), safe(command, "cyan")))


@singledispatch
def _print(shown: object, out: Console, now: datetime) -> None:
    raise NotImplementedError(type(shown).__name__, out, now)


@_print.register
def _(shown: LeadExplanation, out: Console, now: datetime) -> None:
    out.print(Text.assemble("lead ", safe(shown.lead_id, "bold"), " in ", safe(shown.workspace_id, "bold")))
    out.print(Text.assemble(("● ", "cyan"), safe(shown.verdict.replace("_", " "), "bold"), "  ", safe(shown.why)))
    facts = grid(QUIET, "")
    if shown.next_at:
        facts.add_row("  due again", ahead(shown.next_at, now))
    facts.add_row("  booking", safe(_booking(shown)))
    facts.add_row("  attempted", ago(shown.state.attempted_at, now))
    facts.add_row("  verified", ago(shown.state.verified_at, now))
    if shown.state.reason and not shown.state.failure_count:
        facts.add_row("  not verified", safe(shown.state.reason.replace("_", " ")))
    if shown.state.failure_count:
        facts.add_row("  failures in a row", str(shown.state.failure_count))
    if shown.state.mismatch:
        facts.add_row("  not repaired", safe(f"{shown.state.mismatch}, found {ago(shown.state.mismatch_at, now)}"))
    if shown.state.absent_since:
        facts.add_row("  reported absent", f"{lasting(shown.state.absent_since, now)}, to be confirmed")
    out.print(facts)
    _breakers(out, shown.breakers, now)
    _changes(out, shown.changes, now)


def _booking(shown: LeadExplanation) -> str:
    if not shown.has_booking:
        return "none is stored"
    booking = f"{shown.provider or 'unknown provider'}, {shown.booking_status or 'status unknown'}"
    return f"{booking}, {shown.starts_at:%Y-%m-%d %H:%M} UTC" if shown.starts_at else booking


@_print.register
def _(shown: FailureHistory, out: Console, now: datetime) -> None:
    for row in shown.sightings:
        out.print(Text.assemble((f"● {row.count} × ", "red"), safe(row.signature.key, "bold")))
        facts = grid(QUIET, "")
        facts.add_row("  in version", safe(row.version or NONE))
        facts.add_row("  first seen", ago(row.first_seen_at, now))
        facts.add_row("  last seen", ago(row.last_seen_at, now))
        facts.add_row("  runs", str(row.runs))
        more = ", …" if row.workspace_count > len(row.workspaces) else ""
        facts.add_row("  workspaces", safe(f"{row.workspace_count}: {', '.join(row.workspaces)}{more}"))
        if row.signature.shape:
            facts.add_row("  sample", safe(keys(row.signature.shape)))
        out.print(facts)


@_print.register
def _(shown: WorkspaceExplanation, out: Console, now: datetime) -> None:
    out.print(Text.assemble("workspace ", safe(shown.workspace_id, "bold")))
    facts = grid(QUIET, "")
    facts.add_row("  credentials", safe(", ".join(shown.providers) or "none usable"))
    for fault in shown.faults:
        facts.add_row("", safe(fault, "red"))
    facts.add_row("  last visit", ago(shown.visited_at, now))
    if shown.not_before:
        facts.add_row("  rate limited", f"next visit {ahead(shown.not_before, now)}")
    more = " or more" if shown.due_count >= shown.due_limit else ""
    facts.add_row("  leads due now", f"{shown.due_count}{more}")
    for day in shown.days:
        rate = ""
        if day.calls_per_hour is not None:
            rate = f"; an hour: {day.calls_per_hour:,.0f}, by scheduled runs {day.own_calls_per_hour:,.0f}"
        used_up = f"; used up {ahead(day.used_up_at, now)}" if day.used_up_at else ""
        left = f"{day.left:,} left {ago(day.read_at, now)}, renewed {ahead(day.renewed_at, now)}"
        facts.add_row(f"  day at {day.provider}", f"{left}{rate}{used_up}")
    facts.add_row("  quarantined leads", str(shown.quarantined_count))
    facts.add_row("  time zone", safe(shown.timezone or "the provider's"))
    if shown.preferred_provider is not None:
        facts.add_row("  preferred", shown.preferred_provider)
    out.print(facts)
    _breakers(out, shown.breakers, now)
    _batches(out, shown.batches, now)


@_print.register
def _(shown: RunExplanation, out: Console, now: datetime) -> None:
    run = shown.run
    out.print(Text.assemble("run ", safe(run.run_id, "bold"), (f"  started {ago(run.started_at, now)}", QUIET)))
    if shown.report is None:
        out.print(Text.assemble(("● ", HEALTH_STYLES[run.health]), (run.health, "bold"), "  no report yet"))
    else:
        report_text.show(read_report(shown.report), out=out)
    _batches(out, shown.batches, now)
    _say_more(out, f"the last {len(shown.batches):,} batches", has_more=shown.has_more_batches)
    _changes(out, shown.changes, now)
    _say_more(out, f"the last {len(shown.changes):,} changes", has_more=shown.has_more_changes)


def _say_more(out: Console, what: str, *, has_more: bool) -> None:
    if has_more:
        out.print(f"{what}; there are more: raise --limit", style=QUIET)


def _breakers(out: Console, breakers: Sequence[Advice], now: datetime) -> None:
    for each in breakers:
        out.print()
        out.print(block(each, now=now))


def _batches(out: Console, batches: Sequence[BatchRow], now: datetime) -> None:
    if not batches:
        return
    table = listing("visited", "took", "workspace", "what came of it", "run", numbers=("took",))
    for row in batches:
        counts = ", ".join(f"{outcome} {count}" for outcome, count in row.counts.items() if count)
        took = span(row.finished_at - row.started_at)
        table.add_row(ago(row.started_at, now), took, safe(row.workspace_id), counts or NONE, safe(row.run_id, QUIET))
    out.print()
    out.print(table)


def _changes(out: Console, changes: Sequence[ChangeRow], now: datetime) -> None:
    if changes:
        out.print()
        out.print("Changes", style="bold")
    for row in changes:
        run = (f"  run {row.run_id}", QUIET)
        out.print(Text.assemble(f"{ago(row.at, now)}  ", (row.outcome, "bold"), "  ", safe(row.lead_id), run))
        for key in row.after:
            if row.before.get(key) != row.after[key]:
                out.print(safe(f"  {key}: {_value(row.before.get(key))} → {_value(row.after[key])}"))


def _value(value: object) -> str:
    """Return a stored value in short form; of an appointment, the fields that identify it."""
    match value:
        case None:
            return NONE
        case Mapping():
            texts = [value[key] for key in ("status", "starts_at") if key in value] or list(value.values())
            return " ".join(_value(each) for each in texts)
        case str():
            return value
        case Sequence():
            return ", ".join(_value(each) for each in value)
        case _:
            return str(value)
