"""``reconcile explain``: the state of a lead, workspace, run or failure."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import click

from reconcile import bootstrap
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.services.views.explain import (
    LeadExplanation,
    RunExplanation,
    WorkspaceExplanation,
    explain_lead,
    explain_run,
    explain_workspace,
)
from reconcile.services.views.failure_history import FailureHistory, explain_failure
from reconcile.settings import Settings
from reconcile_cli.options import NonEmptyParam, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.views import explain_text

Story = LeadExplanation | WorkspaceExplanation | RunExplanation | FailureHistory


@click.group()
def command() -> None:
    """Explain why something was or was not done, and what happens next."""


@command.command()
@click.argument("lead_id", type=NonEmptyParam())
@with_settings()
@examples("reconcile explain lead 4711")
def lead(settings: Settings, *, lead_id: str) -> None:
    """Explain one lead: whether it is due, its stored state, its changes."""
    _print_explanation(settings, lambda **facts: explain_lead(LeadId(lead_id), **facts))


@command.command()
@click.argument("workspace_id", type=NonEmptyParam())
@with_settings()
@examples("reconcile explain workspace ws-1")
def workspace(settings: Settings, *, workspace_id: str) -> None:
    """Explain one workspace: whether it is served, and the results of its last batches."""
    _print_explanation(settings, lambda **facts: explain_workspace(WorkspaceId(workspace_id), **facts))


@command.command()
@click.argument("run_id", type=NonEmptyParam())
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Of each list, at most.")
@with_settings()
@examples("reconcile explain run 01JQ8Z", "reconcile explain run 01JQ8Z --limit 1000")
def run(settings: Settings, *, run_id: str, limit: int) -> None:
    """Explain one run: its report, the workspaces that it visited and its changes."""
    _print_explanation(settings, lambda *, store, **_: explain_run(RunId(run_id), store=store, limit=limit))


@command.command()
@click.argument("text", type=NonEmptyParam())
@with_settings()
@examples('reconcile explain failure "missing provider id"')
def failure(settings: Settings, *, text: str) -> None:
    """Explain one kind of failure: first and last time, count, versions, workspaces."""
    _print_explanation(settings, lambda *, store, **_: explain_failure(text, store=store))


def _print_explanation(settings: Settings, explain: Callable[..., Awaitable[Story]]) -> None:
    explanation = asyncio.run(_explanation(settings, explain))
    if is_text(settings):
        explain_text.show(explanation)
    else:
        print_json(explanation)


async def _explanation(settings: Settings, explain: Callable[..., Awaitable[Story]]) -> Story:
    async with bootstrap.open_database(settings) as opened:
        facts: dict[str, Any] = {
            "store": opened.store,
            "now": opened.clock.now(),
            "policy": settings.due_policy(),
            "breaker": settings.breaker_policy(),
        }
        return await explain(**facts)
