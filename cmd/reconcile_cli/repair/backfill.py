"""``reconcile backfill``: plan a repair of many leads, review it, apply it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from reconcile import bootstrap
from reconcile.bootstrap import backfill as wiring
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
from reconcile_cli.repair import backfill_text
from reconcile_cli.repair.job import job_options, print_job

STALE = "stale"
"""What --stale-booked means without a value: not verified for the time after which a lead is due again."""


def selecting(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags that select leads."""
    options: Sequence[Decorator] = (
        click.option(
            "--workspace",
            "workspaces",
            type=NonEmptyParam(),
            multiple=True,
            metavar="ID",
            help="Leads of this workspace. May be repeated.",
        ),
        click.option("--since", type=InstantParam(), metavar="TIME", help="Leads that were attempted since then."),
        click.option(
            "--status",
            "statuses",
            type=click.Choice([status.value for status in AppointmentStatus]),
            multiple=True,
            help="Leads whose booking has this status. May be repeated.",
        ),
        click.option(
            "--provider",
            type=click.Choice([name.value for name in ProviderName]),
            help="Leads whose booking is at this provider.",
        ),
        click.option("--signature", metavar="TEXT", help="Leads whose last failure contains this text."),
        click.option(
            "--stale-booked",
            type=InstantParam(word=STALE),
            is_flag=False,
            flag_value=STALE,
            metavar="[TIME]",
            help="Leads with a booking that was not verified since then. [without a value: for RECONCILE_STALE_DAYS]",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Plan a repair of many leads, review it, and apply it.

    A TIME is a date, a time like 2026-03-01T09:30Z, or an age like 36h.
    """


@command.command()
@selecting
@click.option(
    "--within",
    type=DurationParam(),
    default="6h",
    show_default=True,
    help="Refuse the plan if the rate limits need more time.",
)
@click.option(
    "--name",
    type=KindParam(Label()),
    metavar="NAME",
    help="Name of the plan. [default: the Job's name, or a generated one]",
)
@with_settings(EVERYTHING)
@examples(
    "reconcile backfill plan --stale-booked 36h --within 10m",
    "reconcile backfill plan --workspace ws-1 --status canceled",
)
def plan(settings: Settings, *, within: timedelta, name: str | None, **criteria: Any) -> None:  # noqa: ANN401
    """Look up many leads and store the planned changes; no lead is written.

    The same --name continues an unfinished plan.
    """
    ended = asyncio.run(_planned(settings, within, name or settings.job_name, criteria))
    _print_end(settings, *ended)


@command.command()
@click.argument("name", metavar="PLAN")
@click.option("--approve", metavar="HASH", help="Apply a held plan: the hash that status shows.")
@with_settings(EVERYTHING)
@examples("reconcile backfill apply PLAN", "reconcile backfill apply PLAN --approve HASH")
def apply(settings: Settings, *, name: str, approve: str | None) -> None:
    """Apply a plan; leads that have changed since are skipped and listed."""
    if is_text(settings):
        with backfill_text.bar("leads") as on_share_progress:
            ended = asyncio.run(_applied(settings, name, approve, on_share_progress=on_share_progress))
    else:
        ended = asyncio.run(_applied(settings, name, approve))
    _print_end(settings, *ended)


@command.command()
@click.argument("name", metavar="[PLAN]", required=False)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of leads to list."
)
@with_settings()
@examples("reconcile backfill status")
def status(settings: Settings, *, name: str | None, limit: int) -> None:
    """Show the progress of a plan and the leads that it skipped; without PLAN, the latest plans."""
    views = asyncio.run(_views(settings, name, limit))
    if is_text(settings):
        if name:
            backfill_text.show(views[0])
        else:
            backfill_text.show_all(views)
    else:
        print_json(views[0] if name else {"plans": views})


@command.command()
@selecting
@click.option("--dry-run", is_flag=True, help="Print the number of leads; write nothing.")
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
@click.option("--plan", "plan_id", required=True, metavar="PLAN", help="The plan that the Job applies.")
@click.option("--approve", metavar="HASH", help="The hash that apply takes.")
@job_options
@examples("reconcile backfill manifest --plan PLAN --name repair --release rec --shards 4")
def manifest(*, plan_id: str, approve: str | None, **facts: Any) -> None:  # noqa: ANN401
    """Print a Job that applies a plan; with shards, each pod applies its own."""
    print_job(("backfill", "apply", plan_id, *(("--approve", approve) if approve else ())), **facts)


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
        with backfill_text.bar("leads") as on_share_progress:
            made, trouble = await wiring.plan(
                settings, wanted, on_begin=backfill_text.show_estimate, on_share_progress=on_share_progress
            )
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
        return await view(
            plan,
            backfills=opened.store.backfills,
            now=opened.clock.now(),
            shards=settings.shard.total if settings.shard else 1,
            place=wiring.job_place(settings),
        )


async def _views(settings: Settings, name: str | None, limit: int) -> Sequence[BackfillView]:
    async with bootstrap.open_database(settings) as opened:
        backfills, now = opened.store.backfills, opened.clock.now()
        plans = [await known_plan(PlanId(name), backfills)] if name else await backfills.plans()
        place = wiring.job_place(settings)
        return [await view(each, backfills=backfills, now=now, limit=limit, place=place) for each in plans]


async def _reset(settings: Settings, criteria: Mapping[str, Any], *, dry_run: bool) -> tuple[int, int]:
    await _check_workspaces(settings, criteria["workspaces"])
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        selection = _selection(criteria, settings, now=now)
        if selection.is_empty:
            raise RequestError("select leads, for example with --stale-booked or --workspace ID")
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
    """Return the options as typed: pods of one Job have the same options, read at different times."""
    spelled = {key: value.text if isinstance(value, TypedInstant) else value for key, value in criteria.items()}
    return {key: sorted(value) if isinstance(value, tuple) else value for key, value in spelled.items() if value}


def _print_end(settings: Settings, view: BackfillView, trouble: RunReport | None) -> None:
    if is_text(settings):
        backfill_text.show(view)
    else:
        print_json(view)
    if trouble is not None:
        is_ended = trouble.stopped == "sigterm"
        click.get_current_context().exit(ExitCode.TERMINATED if is_ended else ExitCode.FAILED)
