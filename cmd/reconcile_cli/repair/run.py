"""``reconcile run``: one run, from its arguments to the exit code."""

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import IO

import click
from click.core import ParameterSource

from reconcile import bootstrap
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.planning.listed_change import ListedChange
from reconcile.domain.run.report import Health, RunReport
from reconcile.domain.run.report_document import document, read_report
from reconcile.domain.run.request import RunRequest
from reconcile.domain.run.stop_reason import LEASE_HELD
from reconcile.settings import Output, Settings
from reconcile_cli.main import ExitCode
from reconcile_cli.options import EVERYTHING, NonEmptyParam, examples, with_settings
from reconcile_cli.output import is_text, print_json

_LEASE_HELD_FLAG = "lease-held"
_AT_LEAST = {"degraded": Health.DEGRADED, "unhealthy": Health.UNHEALTHY, "circuit-broken": Health.CIRCUIT_BROKEN}


@click.command()
@click.option("--workspace", type=NonEmptyParam(), metavar="ID", help="Check only this workspace.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Plan and report all due leads, or as many as the limits in flags allow; write nothing.",
)
@click.option(
    "--changes",
    type=click.File("w", encoding="utf-8"),
    metavar="FILE",
    help="With --dry-run: write each planned change to FILE as a line of JSON. - is stdout; the report, as text, then "
    "goes to stderr.",
)
@click.option(
    "--limit",
    type=click.IntRange(0, 10_000),
    default=50,
    show_default=True,
    help="With --dry-run: changes that the text lists at most.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*_AT_LEAST, _LEASE_HELD_FLAG]),
    multiple=True,
    help="Exit with 1 if the health is this or worse, or if another run held the lease. May be repeated.",
)
@with_settings(EVERYTHING)
@examples(
    "reconcile run --dry-run",
    "reconcile run --dry-run --changes planned.jsonl",
    "reconcile run --workspace ws-1 --output text",
)
def command(
    settings: Settings,
    *,
    workspace: str | None,
    dry_run: bool,
    changes: IO[str] | None,
    limit: int,
    fail_on: Collection[str],
) -> None:
    """Check due leads and repair differences."""
    takes_stdout = changes is not None and changes.name in {"-", "<stdout>"}
    if changes is not None and not dry_run:
        raise click.UsageError("--changes needs --dry-run; reconcile explain run lists what a run has changed")
    if takes_stdout and settings.output is Output.JSON:
        raise click.UsageError("--changes - and --output json both need stdout: name a file, or --output text")
    request = RunRequest(
        workspace_limit=settings.workspace_limit,
        leads_per_workspace=settings.leads_per_workspace,
        workspace=WorkspaceId(workspace) if workspace else None,
        dry_run=dry_run,
        whole_set=dry_run and not _is_limited(),
        trigger=settings.trigger,
        shard=settings.shard,
    )
    planned = _PlannedChanges(file=changes, limit=limit)
    if changes is not None:
        changes.write("")  # opens it: a file that cannot be written is refused before the first call
    on_change = planned.add if dry_run else None

    def is_failed(report: RunReport) -> bool:
        return _exit_code(report, fail_on) is ExitCode.FAILED

    if is_text(settings) or takes_stdout:
        from reconcile_cli.repair import progress, run_text  # noqa: PLC0415 - rich, for a person only
        from reconcile_cli.terminal import console  # noqa: PLC0415
        from reconcile_cli.views import report_text  # noqa: PLC0415

        with progress.bar() as advance:
            report = asyncio.run(
                bootstrap.run(settings, request, on_progress=advance, on_change=on_change, is_failed=is_failed)
            )
        shown, out = read_report(document(report)), console(is_stderr=takes_stdout)
        report_text.show(shown, out=out)
        if dry_run:
            run_text.show_changes(planned.listed, count=planned.count, out=out)
        report_text.show_next(shown, out=out)
    else:
        report = asyncio.run(bootstrap.run(settings, request, on_change=on_change, is_failed=is_failed))
        print_json(document(report))
    click.get_current_context().exit(_exit_code(report, fail_on))


@dataclass(slots=True)
class _PlannedChanges:
    """The first changes of a dry run; each is written to *file* at once, so that none is kept for it."""

    file: IO[str] | None
    limit: int
    count: int = 0
    listed: list[ListedChange] = field(default_factory=list)

    def add(self, change: ListedChange) -> None:
        self.count += 1
        if len(self.listed) < self.limit:
            self.listed.append(change)
        if self.file is not None:
            self.file.write(json.dumps(change.document(), separators=(",", ":")) + "\n")


def _is_limited() -> bool:
    """Return whether a limit was given as a flag. A limit in the environment does not apply to dry runs."""
    source = click.get_current_context().get_parameter_source
    return ParameterSource.COMMANDLINE in {source("workspace_limit"), source("leads_per_workspace")}


def _exit_code(report: RunReport, fail_on: Collection[str]) -> ExitCode:
    if report.stopped == "sigterm":
        return ExitCode.TERMINATED
    order = list(Health)
    levels = [order.index(level) for word, level in _AT_LEAST.items() if word in fail_on]
    is_worse = bool(levels) and order.index(report.health) >= min(levels)
    is_held = _LEASE_HELD_FLAG in fail_on and report.stopped == LEASE_HELD
    return ExitCode.FAILED if is_worse or is_held or not report.success else ExitCode.DONE
