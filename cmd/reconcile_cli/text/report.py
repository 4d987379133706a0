"""Prints the report of a run from its JSON document, fresh or from the ledger."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from reconcile.domain.formatting import count_of, keys, span
from reconcile_cli.text.terminal import HEALTH_STYLES, QUIET, STATE_STYLES, console, grid, listing, safe

_ANSWERED = (
    ("booked", "bookedFound"),
    ("canceled", "canceledFound"),
    ("rescheduled", "rescheduled"),
    ("updated", "updated"),
    ("unchanged", "noChange"),
    ("absent", "absent"),
)
_UNANSWERED = (
    ("failed", "errors"),
    ("skipped", "skipped"),
    ("deferred", "deferred"),
)


def show(document: Mapping[str, Any], *, out: Console | None = None) -> None:
    """Print one report."""
    out = out or console()
    health = str(document["health"])
    style = HEALTH_STYLES.get(health, "")
    took = span(timedelta(milliseconds=document["durationMs"])) if document["durationMs"] >= 1000 else "under 1 s"  # noqa: PLR2004
    out.print(
        Text.assemble(
            ("● ", style),
            (health.replace("_", " "), style),
            f"  {count_of(document['leadsChecked'], 'lead')} checked in "
            f"{count_of(document['workspacesProcessed'], 'workspace')}, {took}, "
            f"{count_of(document['providerCalls'], 'provider call')}",
            ("  dry run: nothing was written" if document["dryRun"] else "", "bold yellow"),
        )
    )
    for reason in document["healthReasons"]:
        out.print(safe(f"  {reason}"))
    if document["stopped"]:
        out.print(safe(f"  ended early: {str(document['stopped']).replace('_', ' ')}", "yellow"))
    _outcomes(out, document)
    _providers(out, document)
    _failures(out, document)
    _breakers(out, document)


def _outcomes(out: Console, document: Mapping[str, Any]) -> None:
    for outcomes in (_ANSWERED, _UNANSWERED):
        line = Text("  ")
        for word, name in outcomes:
            count = document[name]
            style = QUIET if not count else "red" if word == "failed" else "bold"
            line.append(f"{word} {count}   ", style=style)
        out.print(line)


def _providers(out: Console, document: Mapping[str, Any]) -> None:
    numbers = ("checked", "booked", "canceled", "errors")
    table = listing("  provider", *numbers, numbers=numbers)
    for provider, counts in document["byProvider"].items():
        style = "" if counts["checked"] else QUIET
        table.add_row(f"  {provider}", *(str(counts[name]) for name in numbers), style=style)
    out.print()
    out.print(table)


def _failures(out: Console, document: Mapping[str, Any]) -> None:
    for each in document["topSignatures"]:
        out.print()
        out.print(Text.assemble((f"  {each['count']} × ", "red"), safe(each["signature"])))
        shape = f"; {keys(each['shape'])}" if each["shape"] else ""
        out.print(safe(f"    in {count_of(each['workspaces'], 'workspace')}{shape}", QUIET))


def _breakers(out: Console, document: Mapping[str, Any]) -> None:
    rows = grid("", "", QUIET)
    for each in document["breakers"]:
        state = str(each["state"])
        coming = f"next probe at {each['nextProbeAt'][11:19]} UTC" if each["nextProbeAt"] else ""
        told = safe(state.replace("_", " "), STATE_STYLES.get(state, ""))
        rows.add_row(safe(f"  {each['breaker']}"), told, f"{each['reason']}  {coming}")
    if document["breakers"]:
        out.print()
        out.print(rows)
    if more := document.get("moreBreakers"):
        out.print(safe(f"  and {count_of(more, 'other')}: reconcile breaker show", QUIET))
    for name in document["wouldTrip"]:
        out.print(safe(f"  would have tripped: {name}", "yellow"))
    if more := document.get("moreWouldTrip"):
        out.print(safe(f"  and {count_of(more, 'other')}", "yellow"))


def show_next(document: Mapping[str, Any]) -> None:
    """Print the commands to run next."""
    out = console()
    out.print()
    if document["breakers"] or document["errors"]:
        out.print(Text.assemble(("  what to do  ", QUIET), ("reconcile status", "cyan")))
    if not document["dryRun"]:  # a dry run has no ledger row to explain
        out.print(Text.assemble(("  this run    ", QUIET), safe(f"reconcile explain run {document['runId']}", "cyan")))
