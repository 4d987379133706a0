"""Prints the report of a run, fresh or from the ledger."""

from datetime import timedelta

from rich.console import Console
from rich.text import Text

from reconcile.domain.formatting import count_of, keys, span
from reconcile.domain.run.stored_report import StoredReport
from reconcile_cli.terminal import HEALTH_STYLES, QUIET, STATE_STYLES, console, grid, listing, safe

_ANSWERED = (
    ("booked", "booked_found"),
    ("canceled", "canceled_found"),
    ("rescheduled", "rescheduled"),
    ("updated", "updated"),
    ("unchanged", "no_change"),
    ("absent", "absent"),
    ("disappeared", "disappeared"),
)
_MEANINGS = {
    "absent": "the provider said once that the booking does not exist; a second look-up confirms it",
    "disappeared": "the booking exists no longer at the provider, and nothing proves that it was canceled",
    "deferred": "left for a later run, which checks these leads first",
}
_UNANSWERED = (
    ("failed", "errors"),
    ("skipped", "skipped"),
    ("deferred", "deferred"),
)


def show(report: StoredReport, *, out: Console | None = None) -> None:
    """Print one report."""
    out = out or console()
    style = HEALTH_STYLES.get(report.health, "")
    took = span(report.duration) if report.duration >= timedelta(seconds=1) else "under 1 s"
    out.print(
        Text.assemble(
            ("● ", style),
            (report.health.replace("_", " "), style),
            f"  {count_of(report.leads_checked, 'lead')} checked in "
            f"{count_of(report.workspaces_processed, 'workspace')}, {took}, "
            f"{count_of(report.provider_calls, 'provider call')}",
        )
    )
    if report.dry_run:
        out.print("  dry run: nothing was written", style="bold yellow")
    for reason in report.health_reasons:
        out.print(safe(f"  {reason}"))
    if report.stopped:
        out.print(safe(f"  ended early: {report.stopped.replace('_', ' ')}", "yellow"))
    _outcomes(out, report)
    _providers(out, report)
    _failures(out, report)
    _breakers(out, report)


def _outcomes(out: Console, report: StoredReport) -> None:
    for outcomes in (_ANSWERED, _UNANSWERED):
        line = Text("  ")
        for word, name in outcomes:
            count: int = getattr(report, name)
            style = QUIET if not count else "red" if word == "failed" else "bold"
            line.append(f"{word} {count}   ", style=style)
        out.print(line)
    if report.skip_reasons:
        reasons = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.skip_reasons.items())
        out.print(safe(f"  skipped: {reasons}", QUIET))
    for name, meaning in _MEANINGS.items():
        if getattr(report, name):
            out.print(safe(f"  {name}: {meaning}", QUIET))


def _providers(out: Console, report: StoredReport) -> None:
    numbers = ("checked", "booked", "canceled", "errors")
    table = listing("  provider", *numbers, numbers=numbers)
    for provider, counts in report.by_provider.items():
        style = "" if counts.checked else QUIET
        table.add_row(f"  {provider}", *(str(getattr(counts, name)) for name in numbers), style=style)
    out.print()
    out.print(table)


def _failures(out: Console, report: StoredReport) -> None:
    for each in report.top_signatures:
        out.print()
        out.print(Text.assemble((f"  {each.count} × ", "red"), safe(each.key)))
        shape = f"; {keys(each.shape)}" if each.shape else ""
        out.print(safe(f"    in {count_of(each.workspaces, 'workspace')}{shape}", QUIET))


def _breakers(out: Console, report: StoredReport) -> None:
    rows = grid("", "", QUIET)
    for each in report.breakers:
        coming = f"next probe at {each.next_probe_at:%H:%M:%S} UTC" if each.next_probe_at else ""
        state = safe(each.state.replace("_", " "), STATE_STYLES.get(each.state, ""))
        rows.add_row(safe(f"  {each.name}"), state, f"{each.reason}  {coming}")
    if report.breakers:
        out.print()
        out.print(rows)
    if more := report.more_breakers:
        out.print(safe(f"  and {count_of(more, 'other')}: reconcile breaker show", QUIET))
    for name in report.would_trip:
        out.print(safe(f"  would have tripped: {name}", "yellow"))
    if more := report.more_would_trip:
        out.print(safe(f"  and {count_of(more, 'other')}", "yellow"))


def show_next(report: StoredReport, *, out: Console | None = None) -> None:
    """Print the commands to run next."""
    out = out or console()
    out.print()
    if report.breakers or report.errors:
        out.print(Text.assemble(("  what to do  ", QUIET), ("reconcile status", "cyan")))
    if not report.dry_run:  # a dry run has no ledger row to explain
        out.print(Text.assemble(("  this run    ", QUIET), safe(f"reconcile explain run {report.run_id}", "cyan")))
