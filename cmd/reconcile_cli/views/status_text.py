"""Prints the overview: the most severe problems first, with commands."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconcile.domain.formatting import ago, count_of, keys, span
from reconcile.domain.views.page import OverallStatus
from reconcile.services.views.status import Overview
from reconcile_cli.control import cadence_text
from reconcile_cli.control.breaker_text import block, show_causes
from reconcile_cli.terminal import HEALTH_STYLES, QUIET, ahead, console, grid, listing, safe


def show(view: Overview) -> None:
    """Print the overview."""
    out = console()
    is_well = view.standing is OverallStatus.WELL
    out.print(Text.assemble(("● ", "green" if is_well else "bold red"), safe(view.verdict, "bold")))
    facts = grid(QUIET, "")
    facts.add_row("  last healthy run", ago(view.last_success_at, view.now))
    for claim in view.at_work:
        until = ahead(claim.expires_at, view.now)
        facts.add_row("  running now", Text.assemble(safe(claim.holder), (f"  its lease ends {until}", QUIET)))
    cadence_text.add(facts, view.cadence, now=view.now)
    if view.pending_effects:
        facts.add_row("  follow-ups", f"{view.pending_effects} not delivered yet")
    _short_days(facts, view)
    said = next((run.health_reasons for run in view.runs if run.finished_at), ())
    if said:
        facts.add_row("  the last run reported", Text("\n").join(safe(each) for each in said))
    out.print(facts)
    for each in view.breakers:
        out.print()
        out.print(block(each, now=view.now))
    if view.hidden_count:
        out.print()
        show_causes(out, view.parked_causes, now=view.now, hidden_count=view.hidden_count)
    if view.chores:
        _title(out, "Waiting for a person")
        chores = grid("", "cyan")
        for chore in view.chores:
            chores.add_row(safe(f"  {chore.text}"), safe(chore.command))
        out.print(chores)
    _title(out, "Freshness of bookings")
    out.print(_freshness(view))
    if view.runs:
        _title(out, "Last runs")
        _runs(out, view)
    if view.signatures:
        _title(out, "Failures of the last 24 hours")
        _failures(out, view)


def _short_days(facts: Table, view: Overview) -> None:
    """Add the accounts whose calls are used up first; the sentence about them is above."""
    for short in view.short_days:
        accounts = [
            f"workspace {each.workspace_id} at {each.used_up_at:%H:%M} UTC; calls left: {each.left:,} "
            f"({ago(each.read_at, view.now)})"
            for each in short.accounts
        ]
        more = short.count - len(accounts)
        accounts += [f"and {count_of(more, 'other account')}"] if more else []
        facts.add_row("  used up first", Text("\n").join(safe(each, "yellow") for each in accounts))


def _title(out: Console, text: str) -> None:
    out.print()
    out.print(text, style="bold underline")


def _freshness(view: Overview) -> Text:
    fresh = view.freshness
    verified = "no booking verified yet"
    if fresh.median is not None and fresh.oldest is not None:
        verified = f"bookings verified {span(fresh.median)} ago at the median, {span(fresh.oldest)} at the worst"
    return Text.assemble(
        f"  {verified}; leads never verified: {fresh.never_verified}; ",
        f"due now: {fresh.due}; ",
        (f"at risk in the next 24 h: {view.at_risk_count}", "bold yellow" if view.at_risk_count else ""),
    )


def _runs(out: Console, view: Overview) -> None:
    numbers = ("checked", "errors", "calls")
    table = listing("started", "health", "checked", "errors", "calls", "stopped", "run", numbers=numbers, gap=1)
    for run in view.runs:
        table.add_row(
            ago(run.started_at, view.now, units=1),
            safe(run.health.replace("_", " "), HEALTH_STYLES.get(run.health, "")),
            str(run.leads_checked),
            str(run.errors),
            str(run.provider_calls),
            safe(run.stopped or ""),
            safe(run.run_id, QUIET),
        )
    out.print(table)


def _failures(out: Console, view: Overview) -> None:
    table = listing("last", "first", "times", "in", "what", numbers=("times",))
    for row in view.signatures:
        what = safe(row.signature.key)
        if row.signature.shape:
            what.append("\n").append_text(safe(keys(row.signature.shape), QUIET))
        table.add_row(
            ago(row.last_seen_at, view.now),
            ago(row.first_seen_at, view.now),
            str(row.count),
            safe(row.last_workspace_id),
            what,
        )
    out.print(table)
