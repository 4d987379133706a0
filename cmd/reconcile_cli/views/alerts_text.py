"""Prints alerts: which are active, since when, which channels have pending notifications."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from reconcile.domain.alert import Severity
from reconcile.domain.formatting import span
from reconcile.services.alerting.channel_test import ChannelTrial
from reconcile.services.alerting.view import AlertLine, AlertsView
from reconcile_cli.terminal import QUIET, ahead, console, grid, lasting, safe

_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow"}


def show(view: AlertsView) -> None:
    """Print each alert, and each channel."""
    out = console()
    standing = [each for each in view.alerts if each.over_at is None]
    if not standing:
        out.print("no active alerts", style="green")
    for each in standing:
        style = _STYLES[each.severity]
        head = Text.assemble(("● ", style), safe(each.alert, "bold"), "  ", (each.severity, style))
        out.print(head.append(f"  {lasting(each.since, view.now)}", QUIET))
        out.print(_rows(each))
    over = grid(QUIET, "", QUIET)
    for each in view.alerts:
        if each.over_at is not None:
            over.add_row("✓ over", safe(each.alert), _ended(each.since, each.over_at, view.now))
    out.print(over)
    channels = grid("bold", "", QUIET)
    for channel in view.channels:
        owed = f"{channel.owed} pending" if channel.owed else "all delivered"
        since = f"{lasting(channel.failing_since, view.now)}: {channel.fault}" if channel.failing_since else ""
        again = f"; next try {ahead(channel.not_before, view.now)}" if channel.not_before and channel.fault else ""
        channels.add_row(channel.channel, owed, safe(f"failing {since}{again}" if since else ""))
    out.print(channels if view.channels else Text("no alert channel is configured: docs/alerts.md", QUIET))


def show_trials(trials: Sequence[ChannelTrial]) -> None:
    """Print each channel's result of a test."""
    rows = grid("", "bold", "", QUIET)
    for each in trials:
        mark = Text("✗", "bold red") if each.fault else Text("✓", "green")
        took = f"after {each.took.total_seconds():.1f} s"
        rows.add_row(mark, each.channel, safe(each.fault or "confirmed the test"), took)
    console().print(rows)


def _rows(each: AlertLine) -> RenderableType:
    rows = grid(QUIET, "")
    rows.add_row("  what", safe(each.text))
    if each.saved_calls:
        rows.add_row("  saved", f"about {each.saved_calls:,} provider calls not made")
    for command in each.commands[:2]:
        rows.add_row("  type", safe(command, "cyan"))
    if each.owed:
        rows.add_row("  untold", safe(", ".join(each.owed)))
    return rows


def _ended(since: datetime, over_at: datetime, now: datetime) -> str:
    return f"{span(now - over_at)} ago, after {span(over_at - since)}"
