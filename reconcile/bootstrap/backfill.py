"""Wires a backfill: rounds of one process, each an ordinary run over a plan's leads."""

from collections.abc import Callable
from dataclasses import replace

from reconcile import bootstrap
from reconcile.domain.backfill.plan import BackfillPlan, ChangeCaps, ItemState, PlanId
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.domain.run.request import Progress, RunRequest
from reconcile.ports import Store
from reconcile.services.backfill import backfill
from reconcile.services.backfill.apply import Applying
from reconcile.services.backfill.backfill import ROUND, BackfillRequest, OnShareProgress, ShareProgress
from reconcile.services.backfill.commands import JobPlace
from reconcile.services.backfill.planning import OwnBreakers, carrying_out, planning
from reconcile.services.run.context import Dependencies, RunPolicy
from reconcile.settings import Settings

_EVERYTHING = 1_000_000
_ASKED_TOGETHER = 50
_WRITTEN_TOGETHER = 200
"""Leads in one transaction; their rows are locked until it commits."""


async def plan(
    settings: Settings,
    request: BackfillRequest,
    *,
    on_begin: Callable[[BackfillPlan], None] | None = None,
    on_share_progress: OnShareProgress | None = None,
) -> tuple[BackfillPlan, RunReport | None]:
    """Plan a backfill, or this process's shard; also return the report of a run that was stopped.

    *on_begin* is called with the plan's estimate before the first call to a provider.
    """
    async with bootstrap.open_database(settings) as opened:
        store, clock = opened.store, opened.clock
        made = await backfill.begin(request, store=store, clock=clock)
        if on_begin is not None:
            on_begin(made)
        own = OwnBreakers(store.breakers)

        def adapt(deps: Dependencies, policy: RunPolicy) -> tuple[Dependencies, RunPolicy]:
            own_store = planning(deps.store, made.id, clock=deps.clock, breakers=own)
            policy = replace(policy, rate_share=settings.backfill_rate_share, caps=None)
            return _apart(deps, own_store), replace(policy, budget=ROUND)

        trouble = None
        if made.planned_at is None:
            work = _Rounds(
                settings, store, made, adapt=adapt, batch=_ASKED_TOGETHER, on_share_progress=on_share_progress
            )
            trouble = await work.off(ItemState.SELECTED)
        if trouble is not None and trouble.circuit_broken:
            await backfill.hold(made.id, backfill.trouble_of(trouble), backfills=store.backfills)
        return await backfill.complete(made.id, store=store, caps=caps(settings), clock=clock), trouble


async def apply(
    settings: Settings, plan_id: PlanId, *, approve: str | None = None, on_share_progress: OnShareProgress | None = None
) -> tuple[BackfillPlan, RunReport | None]:
    """Apply a plan, or this process's shard; also return the report of a run that was stopped."""
    async with bootstrap.open_database(settings) as opened:
        store, clock = opened.store, opened.clock
        admitted = await backfill.admitted(
            plan_id,
            approve=approve,
            backfills=store.backfills,
            shards=settings.shard.total if settings.shard else 1,
            place=job_place(settings),
        )
        applying, own = Applying(plan_id), OwnBreakers(None)

        def adapt(deps: Dependencies, policy: RunPolicy) -> tuple[Dependencies, RunPolicy]:
            own_store = carrying_out(deps.store, plan_id, breakers=own)
            return replace(_apart(deps, own_store), batch_handler=applying), replace(policy, budget=ROUND, caps=None)

        work = _Rounds(
            settings, store, admitted, adapt=adapt, batch=_WRITTEN_TOGETHER, on_share_progress=on_share_progress
        )
        trouble = await work.off(ItemState.PLANNED)
        if applying.trouble is not None:
            await backfill.hold(plan_id, applying.trouble, backfills=store.backfills)
        await backfill.conclude(plan_id, backfills=store.backfills, now=clock.now())
        return await backfill.known_plan(plan_id, store.backfills), trouble


def job_place(settings: Settings) -> JobPlace | None:
    """Return the Job of the chart that this process runs in; None elsewhere."""
    if settings.job_name is None or settings.cronjob is None or settings.namespace is None:
        return None
    return JobPlace(job=settings.job_name, cronjob=settings.cronjob, namespace=settings.namespace)


def caps(settings: Settings) -> ChangeCaps:
    """Return the limits of a plan without approval."""
    return ChangeCaps(
        changes=settings.backfill_max_changes,
        percent=settings.backfill_max_percent,
        canceled_percent=settings.backfill_max_canceled_percent,
    )


def _apart(deps: Dependencies, store: Store) -> Dependencies:
    """Return *parts* for a run that writes only to the ledger: state object and alerts are the schedule's."""
    return replace(deps, store=store, sink=None, mirror=None, notifier=None)


class _Rounds:
    """The rounds of one process."""

    def __init__(  # noqa: PLR0913 - what they share
        self,
        settings: Settings,
        store: Store,
        plan: BackfillPlan,
        *,
        adapt: Callable[[Dependencies, RunPolicy], tuple[Dependencies, RunPolicy]],
        batch: int,
        on_share_progress: OnShareProgress | None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._plan = plan
        self._adapt = adapt
        self._on_share_progress = on_share_progress
        self._share = ShareProgress(done=0, total=plan.selected)
        self._request = RunRequest(
            workspace_limit=_EVERYTHING,
            leads_per_workspace=batch,
            whole_set=True,
            trigger=Trigger.BACKFILL,
            shard=settings.shard,
        )

    async def off(self, state: ItemState) -> RunReport | None:
        """Process the remaining leads in *state*."""
        return await backfill.work_off(
            self._plan.id,
            state,
            store=self._store,
            clock=bootstrap.SystemClock(),
            shard=self._settings.shard,
            once=self._once,
            on_share_progress=self._start_share,
        )

    async def _once(self) -> RunReport:
        on_progress = self._advanced if self._on_share_progress else None
        return await bootstrap.run_of_several(self._settings, self._request, on_progress=on_progress, adapt=self._adapt)

    def _start_share(self, share: ShareProgress) -> None:
        self._share = share
        if self._on_share_progress is not None:
            self._on_share_progress(share)

    def _advanced(self, step: Progress) -> None:
        if self._on_share_progress is not None:
            done = min(self._share.done + step.leads_done, self._share.total)
            self._on_share_progress(replace(self._share, done=done))
