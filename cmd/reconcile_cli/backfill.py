"""``reconcile backfill``: a repair over many leads, planned, looked at, carried out."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from reconcile import bootstrap
from reconcile.bootstrap import backfill as wiring
from reconcile.bootstrap import jobs
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.plan import BackfillPlan, PlanId, Selection
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.run.report import RunReport
from reconcile.errors import RequestError
from reconcile.services.backfill.backfill import BackfillRequest, OnShareProgress, known_plan
from reconcile.services.backfill.view import BackfillView, view
from reconcile.services.views.explain import known_workspace
from reconcile.settings import Settings
from reconcile.settings.cluster import Label
from reconcile_cli.job import job_options
from reconcile_cli.main import ExitCode
from reconcile_cli.options import (
    EVERYTHING,
    Decorator,
    DurationParam,
    InstantParam,
    KindParam,
    NonEmptyParam,
    TypedInstant,
    examples,
    with_settings,
)
from reconcile_cli.output import is_text, print_json
from reconcile_cli.text import backfill as text

STALE = "stale"
"""What --stale-booked means alone: not verified for as long as lets a lead be due again."""


def selecting(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags that select leads."""
    options: Sequence[Decorator] = (
        click.option(
            "--workspace",
            "workspaces",
            type=NonEmptyParam(),
            multiple=True,
            metavar="ID",
            help="Of this one. May be repeated.",
        ),
        click.option("--since", type=InstantParam(), metavar="TIME", help="Attempted since then."),
        click.option(
            "--status",
            "statuses",
            type=click.Choice([status.value for status in AppointmentStatus]),
            multiple=True,
            help="Whose booking has this status. May be repeated.",
        ),
        click.option(
            "--provider", type=click.Choice([name.value for name in ProviderName]), help="Whose booking is there."
        ),
        click.option("--signature", metavar="TEXT", help="Left with a failure in which this text is."),
        click.option(
            "--stale-booked",
            type=InstantParam(word=STALE),
            is_flag=False,
            flag_value=STALE,
            metavar="[TIME]",
            help="That hold a booking and were not verified since then; alone, for RECONCILE_STALE_DAYS.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Plan a repair over many leads, review it, and apply it.

    A TIME is a date, an instant like 2026-03-01T09:30Z, or how long ago, like 36h.
    """


@command.command()
@selecting
@click.option(
    "--within",
    type=DurationParam(),
    default="6h",
    show_default=True,
    help="Refuse where the accounts' limits let it take longer.",
)
@click.option("--name", type=KindParam(Label()), metavar="NAME", help="Its name. [default: the Job's, or one made up]")
@with_settings(EVERYTHING)
@examples(
    "reconcile backfill plan --stale-booked 36h --within 10m",
    "reconcile backfill plan --workspace ws-1 --status canceled",
)
def plan(settings: Settings, *, within: timedelta, name: str | None, **criteria: Any) -> None:  # noqa: ANN401
    """Look up many leads and store what would be changed; no lead is written.

    A plan that was left half made is gone on with by its --name.
    """
    ended = asyncio.run(_planned(settings, within, name or settings.job_name, criteria))
    _tell_end(settings, *ended)


@command.command()
@click.argument("name", metavar="PLAN")
@click.option("--approve", metavar="HASH", help="Carry it out although it is held: the hash of what was looked at.")
@with_settings(EVERYTHING)
@examples("reconcile backfill apply PLAN", "reconcile backfill apply PLAN --approve HASH")
def apply(settings: Settings, *, name: str, approve: str | None) -> None:
    """Apply a plan: leads that have changed since are skipped and listed."""
    if is_text(settings):
        with text.bar("leads") as on_share_progress:
            ended = asyncio.run(_applied(settings, name, approve, on_share_progress=on_share_progress))
    else:
        ended = asyncio.run(_applied(settings, name, approve))
    _tell_end(settings, *ended)


@command.command()
@click.argument("name", metavar="[PLAN]", required=False)
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Leads listed at most.")
@with_settings()
@examples("reconcile backfill status")
def status(settings: Settings, *, name: str | None, limit: int) -> None:
    """Show the progress of a plan and the leads it skipped; without PLAN, the latest plans."""
    views = asyncio.run(_views(settings, name, limit))
    if is_text(settings):
        if name:
            text.show(views[0])
        else:
            text.show_all(views)
    else:
        print_json(views[0] if name else {"plans": views})


@command.command()
@selecting
@click.option("--dry-run", is_flag=True, help="Say how many; write nothing.")
@with_settings(("stale_days", "database_url", "schema_mapping", "log_level", "log_format", "output"))
@examples("reconcile backfill reset --workspace ws-1 --dry-run")
def reset(settings: Settings, *, dry_run: bool, **criteria: Any) -> None:  # noqa: ANN401
    """Move watermarks back, so that the schedule checks these leads again."""
    selected, moved = asyncio.run(_reset(settings, criteria, dry_run=dry_run))
    if is_text(settings):
        click.echo(f"selected: {selected} leads; {'would be' if dry_run else 'were'} moved back: {moved}")
    else:
        print_json({"selected": selected, "reset": moved, "dryRun": dry_run})


@command.command()
@click.option("--plan", "plan_id", required=True, metavar="PLAN", help="The plan that its pods carry out.")
@click.option("--approve", metavar="HASH", help="As apply takes it.")
@job_options
@examples("reconcile backfill manifest --plan PLAN --name repair --image reconcile:1.0.0 --release rec --shards 4")
def manifest(*, plan_id: str, approve: str | None, form: str, **facts: object) -> None:
    """Print an Indexed Job in which each pod handles its shard of a plan."""
    words = ("backfill", "apply", plan_id, *(("--approve", approve) if approve else ()))
    job = jobs.job_manifest(command=words, **facts)
    click.echo(json.dumps(job, indent=2) if form == "json" else jobs.as_yaml(job).rstrip())


async def _planned(
    settings: Settings, within: timedelta, name: str | None, criteria: Mapping[str, Any]
) -> tuple[BackfillView, RunReport | None]:
    clock = bootstrap.SystemClock()
    await _check_workspaces(settings, criteria["workspaces"])
    wanted = BackfillRequest(
        name=PlanId(name or bootstrap.new_run_id(clock.now()).lower()),
        selection=_selection(criteria, settings, now=clock.now()),
        asked=_typed_words(criteria),
        within=within,
        share=settings.backfill_rate_share,
    )
    if is_text(settings):
        with text.bar("leads") as on_share_progress:
            made, trouble = await wiring.plan(settings, wanted, on_share_progress=on_share_progress)
    else:
        made, trouble = await wiring.plan(settings, wanted)
    return await _view(settings, made), trouble


async def _applied(
    settings: Settings, name: str, approve: str | None, *, on_share_progress: OnShareProgress | None = None
) -> tuple[BackfillView, RunReport | None]:
    plan, trouble = await wiring.apply(settings, PlanId(name), approve=approve, on_share_progress=on_share_progress)
    return await _view(settings, plan), trouble


async def _view(settings: Settings, plan: BackfillPlan) -> BackfillView:
    async with bootstrap.open_database(settings) as opened:
        return await view(plan, backfills=opened.store.backfills, now=opened.clock.now())


async def _views(settings: Settings, name: str | None, limit: int) -> Sequence[BackfillView]:
    async with bootstrap.open_database(settings) as opened:
        backfills, now = opened.store.backfills, opened.clock.now()
        plans = [await known_plan(PlanId(name), backfills)] if name else await backfills.plans()
        return [await view(each, backfills=backfills, now=now, limit=limit) for each in plans]


async def _reset(settings: Settings, criteria: Mapping[str, Any], *, dry_run: bool) -> tuple[int, int]:
    await _check_workspaces(settings, criteria["workspaces"])
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        selection = _selection(criteria, settings, now=now)
        if selection.is_empty:
            raise RequestError("say which leads are meant, like --stale-booked or --workspace ID")
        due_before = now - settings.due_policy().stale - timedelta(seconds=1)
        before = min(due_before, selection.stale_booked or due_before)
        return await opened.store.backfills.reset(selection, verified_before=before, dry_run=dry_run)


async def _check_workspaces(settings: Settings, workspaces: Sequence[str]) -> None:
    if workspaces:
        async with bootstrap.open_database(settings) as opened:
            for each in workspaces:
                await known_workspace(WorkspaceId(each), store=opened.store)


def _selection(criteria: Mapping[str, Any], settings: Settings, *, now: datetime) -> Selection:
    since, stale = criteria["since"], criteria["stale_booked"]
    stale_at = now - settings.due_policy().stale
    return Selection(
        workspaces=tuple(WorkspaceId(each) for each in sorted(criteria["workspaces"])),
        since=since.at if since else None,
        statuses=tuple(AppointmentStatus(each) for each in criteria["statuses"]),
        provider=ProviderName(criteria["provider"]) if criteria["provider"] else None,
        signature=criteria["signature"],
        stale_booked=(stale.at or stale_at) if stale else None,
    )


def _typed_words(criteria: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the words that were typed: pods of one Job have typed the same, at different times."""
    spelled = {key: value.text if isinstance(value, TypedInstant) else value for key, value in criteria.items()}
    return {key: sorted(value) if isinstance(value, tuple) else value for key, value in spelled.items() if value}


def _tell_end(settings: Settings, told: BackfillView, trouble: RunReport | None) -> None:
    if is_text(settings):
        text.show(told)
    else:
        print_json(told)
    if trouble is not None:
        is_ended = trouble.stopped == "sigterm"
        click.get_current_context().exit(ExitCode.TERMINATED if is_ended else ExitCode.FAILED)
