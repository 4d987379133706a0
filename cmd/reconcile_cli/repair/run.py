"""``reconcile run``: one run, from its arguments to the exit code."""

import asyncio
from collections.abc import Collection

import click
from click.core import ParameterSource

from reconcile import bootstrap
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.run.report import Health, RunReport
from reconcile.domain.run.report_document import document, read_report
from reconcile.domain.run.request import RunRequest
from reconcile.settings import Settings
from reconcile_cli.main import ExitCode
from reconcile_cli.options import EVERYTHING, NonEmptyParam, examples, with_settings
from reconcile_cli.output import is_text, print_json

LEASE_HELD = "lease-held"
_AT_LEAST = {"degraded": Health.DEGRADED, "unhealthy": Health.UNHEALTHY, "circuit-broken": Health.CIRCUIT_BROKEN}


@click.command()
@click.option("--workspace", type=NonEmptyParam(), metavar="ID", help="Check only this workspace.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Plan and report all due leads, or as many as the limits in flags allow; write nothing.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*_AT_LEAST, LEASE_HELD]),
    multiple=True,
    help="Exit with 1 if the health is this or worse, or if another run held the lease. May be repeated.",
)
@with_settings(EVERYTHING)
@examples("reconcile run --dry-run", "reconcile run --workspace ws-1 --output text")
def command(settings: Settings, *, workspace: str | None, dry_run: bool, fail_on: Collection[str]) -> None:
    """Check due leads and repair differences."""
    request = RunRequest(
        workspace_limit=settings.workspace_limit,
        leads_per_workspace=settings.leads_per_workspace,
        workspace=WorkspaceId(workspace) if workspace else None,
        dry_run=dry_run,
        whole_set=dry_run and not _is_limited(),
        trigger=settings.trigger,
        shard=settings.shard,
    )
    if is_text(settings):
        from reconcile_cli.repair import progress  # noqa: PLC0415 - rich, for a person only
        from reconcile_cli.views import report_text  # noqa: PLC0415

        with progress.bar() as advance:
            report = asyncio.run(bootstrap.run(settings, request, on_progress=advance))
        shown = read_report(document(report))
        report_text.show(shown)
        report_text.show_next(shown)
    else:
        report = asyncio.run(bootstrap.run(settings, request))
        print_json(document(report))
    click.get_current_context().exit(_exit_code(report, fail_on))


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
    is_held = LEASE_HELD in fail_on and report.stopped == "lease_held"
    return ExitCode.FAILED if is_worse or is_held or not report.success else ExitCode.DONE
