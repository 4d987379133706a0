"""The command that a plan says is next can be typed where its line is read: in a shell, or in the log of a Job."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconcile.domain.backfill.plan import BackfillPlan, ItemState
from reconcile.domain.ids import LeadId
from reconcile.errors import RequestError
from tests.services.backfilling import a_plan
from tests.use_cases import BackfillView, JobPlace, backfill, backfill_view

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB = JobPlace(job="first-look", cronjob="reconciler", namespace="calendars")
RELEASE = "--release reconciler --namespace calendars"
APPLY = "kubectl apply --filename -"
PIPE = f"{RELEASE} | {APPLY}"
BEING_PLANNED = replace(a_plan(), planned_at=None, hash=None, held=(), approved_hash=None, applied_at=None)
READY = replace(BEING_PLANNED, planned_at=NOON, hash="f00d")
HELD = replace(READY, held=("too many",))


class _Counted:
    """Backfills of which only the counts are known."""

    def __init__(self, **counts: int) -> None:
        self._counts = {ItemState(state): count for state, count in counts.items()}

    async def counts(self, _: object) -> dict[ItemState, int]:
        return self._counts

    async def moved(self, _: object, **__: object) -> int:
        return 0

    async def items(self, _: object, **__: object) -> tuple[LeadId, ...]:
        return ()


async def shown(plan: BackfillPlan, *, shards: int = 1, place: JobPlace | None = None, **counts: int) -> BackfillView:
    backfills: object = _Counted(**counts)
    return await backfill_view(plan, backfills=backfills, now=NOON, shards=shards, place=place)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "command"),
    [
        (BEING_PLANNED, "reconcile backfill plan --name plan-1"),
        (READY, "reconcile backfill apply plan-1"),
        (HELD, "reconcile backfill apply plan-1 --approve f00d"),
    ],
)
async def test_in_a_shell_it_is_the_command(plan: BackfillPlan, command: str) -> None:
    assert (await shown(replace(plan, id=a_plan().id))).next == command.replace("plan-1", a_plan().id)


@pytest.mark.parametrize(
    ("plan", "shards", "command"),
    [
        (
            BEING_PLANNED,
            1,
            f"reconcile job manifest --name {{}}-more {RELEASE} -- backfill plan --name {{}} | {APPLY}",
        ),
        (READY, 1, f"reconcile backfill manifest --plan {{}} --name {{}}-apply {PIPE}"),
        (HELD, 4, f"reconcile backfill manifest --plan {{}} --approve f00d --name {{}}-apply --shards 4 {PIPE}"),
    ],
)
async def test_in_the_log_of_a_job_it_is_a_job_for_kubectl(plan: BackfillPlan, shards: int, command: str) -> None:
    name = a_plan().id

    assert (await shown(plan, shards=shards, place=JOB)).next == command.replace("{}", name)


@pytest.mark.parametrize(
    ("place", "command"),
    [
        (None, f"reconcile backfill status {a_plan().id}"),
        (JOB, "kubectl --namespace calendars wait --for=condition=complete job/first-look"),
    ],
)
async def test_a_shard_that_ends_before_the_others_says_to_wait_for_them(place: JobPlace | None, command: str) -> None:
    planning = await shown(BEING_PLANNED, shards=4, place=place, selected=3)
    applying = await shown(READY, shards=4, place=place, applied=1, planned=3)

    assert (planning.next, applying.next) == (command, command)


async def test_the_undo_of_a_job_is_a_job() -> None:
    plan = replace(READY, summary={"outcomes": {"canceled": 1}}, applied_at=NOON)
    told = await shown(plan, place=JOB, applied=1)

    assert told.next is None
    assert told.undo == (
        f"reconcile job manifest --name {plan.id}-undo --release reconciler --namespace calendars "
        f"-- undo --plan {plan.id} --dry-run | kubectl apply --filename -"
    )


class _Kept(_Counted):
    """Backfills of which only one plan is known."""

    def __init__(self, plan: BackfillPlan) -> None:
        super().__init__()
        self._plan = plan

    async def plan(self, _: object) -> BackfillPlan:
        return self._plan


async def refusal(plan: BackfillPlan, *, place: JobPlace | None) -> str:
    """Return what is said to somebody who applies a plan that may not be applied."""
    backfills: object = _Kept(plan)
    with pytest.raises(RequestError) as caught:
        await backfill.admitted(plan.id, approve=None, backfills=backfills, place=place)  # type: ignore[arg-type]
    return str(caught.value)


NOTHING = hashlib.sha256(f"{HELD.id}\n{HELD.made_at.isoformat()}\n".encode()).hexdigest()
"""The hash of a plan without leads."""
AWAITING = replace(HELD, hash=NOTHING)


async def test_a_held_plan_that_is_applied_names_the_commands_of_a_shell() -> None:
    name = a_plan().id

    assert await refusal(AWAITING, place=None) == (
        f"the plan {name} is held: too many. Review it: reconcile backfill status {name}; "
        f"to apply it: reconcile backfill apply {name} --approve {NOTHING}"
    )
    assert (await refusal(BEING_PLANNED, place=None)).endswith(f"To continue it: reconcile backfill plan --name {name}")


async def test_in_the_log_of_a_job_a_held_plan_names_jobs_for_kubectl() -> None:
    name = a_plan().id

    assert await refusal(AWAITING, place=JOB) == (
        f"the plan {name} is held: too many. "
        f"Review it: reconcile job manifest --name {name}-status {RELEASE} -- backfill status {name} | {APPLY}; "
        f"to apply it: reconcile backfill manifest --plan {name} --approve {NOTHING} --name {name}-apply {PIPE}"
    )
    assert (await refusal(BEING_PLANNED, place=JOB)).endswith(
        f"To continue it: reconcile job manifest --name {name}-more {RELEASE} -- backfill plan --name {name} | {APPLY}"
    )


async def test_a_jobs_name_has_63_characters_at_most() -> None:
    long = "a" * 56 + "-bcdefg"
    told = await shown(replace(READY, id=type(READY.id)(long)), place=JOB)

    assert told.next is not None
    name = told.next.split("--name ")[1].split()[0]
    assert (len(name), name[-7:]) == (62, "a-apply")
