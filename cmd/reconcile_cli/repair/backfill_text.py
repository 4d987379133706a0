"""Prints a backfill: progress, changes, next commands; and a progress bar."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from reconcile.domain.backfill.plan import BackfillPlan
from reconcile.domain.formatting import count_of, span
from reconcile.services.backfill.backfill import OnShareProgress, ShareProgress
from reconcile.services.backfill.view import BackfillView
from reconcile_cli.terminal import QUIET, console, grid, listing, safe

_STYLES: Mapping[str, str] = {"held": "bold red", "applied": "green", "ready": "green"}
_LISTED = 20


@contextmanager
def bar(noun: str) -> Iterator[OnShareProgress]:
    """Show a progress bar while the block runs; the yielded function advances it.

    It is hidden if stderr is no terminal.
    """
    columns = (TextColumn(noun), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    out = console(is_stderr=True)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("backfill", total=None)

        def advance(share: ShareProgress) -> None:
            progress.update(task, completed=share.done, total=share.total)

        yield advance


def show(view: BackfillView) -> None:
    """Print one plan."""
    out = console()
    out.print(safe(f"plan {view.plan}: {view.state}", _STYLES.get(view.state, "yellow")))
    facts = grid(QUIET, "")
    facts.add_row("  leads", f"{view.selected} selected; {_listed(view.counts) or 'none checked'}")
    if view.hash is None:
        _add_estimate(facts, view.asked)
    if view.per_minute:
        rest = f", {span(view.eta)} left" if view.eta is not None else ""
        facts.add_row("  rate", f"{view.per_minute} a minute{rest}")
    for name in ("outcomes", "effects", "skipped", "failed"):
        if view.summary.get(name):
            facts.add_row(f"  {name}", safe(_listed(view.summary[name])))
    if view.hash is not None:
        facts.add_row("  hash", view.hash)
    lines = [
        *(("held", reason, "red") for reason in view.held),
        ("next", view.next, "cyan"),
        ("undo", view.undo, "cyan"),
    ]
    for name, text, style in lines:
        if text:
            facts.add_row(f"  {name}", safe(text, style))
    out.print(facts)
    _samples(out, view.summary.get("samples", ()))
    if view.left_alone:
        table = listing("lead", "left alone", "reason")
        for each in view.left_alone[:_LISTED]:
            table.add_row(safe(each.lead_id), each.state, safe(each.reason or "written or verified since"))
        out.print(table)


def show_estimate(plan: BackfillPlan) -> None:
    """Print on stderr what a plan that begins needs of the accounts."""
    if plan.planned_at is None:
        facts = grid(QUIET, "")
        _add_estimate(facts, plan.asked)
        console(is_stderr=True).print(facts)


def _add_estimate(facts: Table, asked: Mapping[str, Any]) -> None:
    estimate = asked.get("estimate")
    if not estimate:
        return
    lasts = span(timedelta(seconds=estimate["lasts"]))
    calls, accounts = count_of(estimate["calls"], "call"), count_of(estimate["accounts"], "account")
    facts.add_row("  estimate", f"at most {calls} with {accounts}, in {lasts}; fewer where lists are read")
    for each in estimate.get("longest", ()):
        of_day = "" if each["leftOfDay"] is None else f", {each['leftOfDay']:,} of the day"
        left = f"calls: {each['calls']:,}; left: {each['left']:,} now{of_day}"
        facts.add_row("", safe(f"workspace {each['workspaceId']} at {each['provider']}: {left}"))


def show_all(views: Sequence[BackfillView]) -> None:
    """Print the latest plans, one per line."""
    out = console()
    if not views:
        out.print("there is no plan", style=QUIET)
        return
    table = listing("plan", "state", "leads", "made")
    for view in views:
        made = f"{view.made_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(safe(view.plan), safe(view.state, _STYLES.get(view.state, "yellow")), str(view.selected), made)
    out.print(table)


def _samples(out: Console, samples: Sequence[Mapping[str, Any]]) -> None:
    if not samples:
        return
    table = listing("sample", "becomes", "what changes")
    for sample in samples:
        before, after = sample["before"] or {}, sample["after"] or {}
        names = [name for name in after if name != "appointments"]
        changes = "\n".join(f"{name}: {before.get(name)} → {after.get(name)}" for name in names)
        table.add_row(safe(sample["leadId"]), sample["outcome"], safe(changes or "its appointments"))
    out.print(table)


def _listed(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())
