"""``reconcile report``: the last run's report, or a page of recent history."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from reconcile import bootstrap
from reconcile.domain.run.report_document import read_report
from reconcile.errors import RequestError
from reconcile.settings import Settings
from reconcile_cli.options import COMMON, DurationParam, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.views import report_text

_LOOKED_AT = 50
"""How many of the newest runs are searched for a report; others are in progress or were killed."""
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=90)


@click.command()
@click.option("--html", "target", metavar="FILE", help="Write a page with charts to FILE, - for stdout.")
@click.option("--since", type=DurationParam(), help="Period that the page covers, up to now. [default: 1d]")
@with_settings((*COMMON, "schedule", "time_zone", "cadence_auto"))
@examples("reconcile report", "reconcile report --html history.html --since 7d")
def command(settings: Settings, *, target: str | None, since: timedelta | None) -> None:
    """Print the last run's report, or write an HTML page of recent history."""
    if target is None:
        if since is not None:
            raise click.UsageError("--since needs --html FILE")
        _print_report(settings, asyncio.run(_last(settings)))
        return
    span = since or timedelta(days=1)
    if not _SHORTEST <= span <= _LONGEST:
        raise click.UsageError("--since must be from 1m to 90d")
    from reconcile.bootstrap import page  # noqa: PLC0415 - imports the template engine and the charts

    found = asyncio.run(page.facts(settings, span=span))
    text = page.html(found)
    if target == "-":
        click.echo(text)
        return
    page.keep(text, Path(target))
    click.echo(f"{target}: {found.headline}", err=True)


async def _last(settings: Settings) -> Mapping[str, Any]:
    async with bootstrap.open_database(settings) as opened:
        rows = await opened.store.ledger.runs(limit=_LOOKED_AT)
    report = next((row.report for row in rows if row.report is not None), None)
    if report is None:
        raise RequestError("there is no report yet: start a run with reconcile run")
    return report


def _print_report(settings: Settings, report: Mapping[str, Any]) -> None:
    if is_text(settings):
        report_text.show(read_report(report))
    else:
        print_json(report)
