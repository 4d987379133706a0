"""``reconcile undo``: revert the changes of a run or a backfill."""

import asyncio

import click

import reconcile
from reconcile import bootstrap
from reconcile.domain.backfill.plan import PlanId
from reconcile.domain.ids import RunId
from reconcile.services.backfill.undo import Undo, Undoing, undo
from reconcile.settings import Settings
from reconcile_cli.options import examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.repair import undo_text


@click.command()
@click.option("--run", "run_id", metavar="RUN_ID", help="Run whose changes are reverted.")
@click.option("--plan", metavar="PLAN", help="Backfill plan whose changes are reverted, in all its runs.")
@click.option("--dry-run", is_flag=True, help="Print what would be reverted; write nothing.")
@with_settings()
@examples("reconcile undo --run 01JQ8Z --dry-run")
def command(settings: Settings, *, run_id: str | None, plan: str | None, dry_run: bool) -> None:
    """Revert the changes of a run or a backfill, except leads that were written since.

    Hold the breaker first: the next run makes the same changes again while the providers' answers stay the same.
    """
    if (run_id is None) is (plan is None):
        raise click.UsageError("give one of --run and --plan")
    done = asyncio.run(_undone(settings, run_id, plan, dry_run=dry_run))
    if is_text(settings):
        undo_text.show(done)
    else:
        print_json(done)


async def _undone(settings: Settings, run_id: str | None, plan: str | None, *, dry_run: bool) -> Undoing:
    async with bootstrap.open_database(settings) as opened:
        request = Undo(
            run_id=bootstrap.new_run_id(opened.clock.now()),
            undone_run=None if run_id is None else RunId(run_id),
            undone_plan=None if plan is None else PlanId(plan),
            dry_run=dry_run,
            version=reconcile.__version__,
        )
        return await undo(request, store=opened.store, clock=opened.clock)
