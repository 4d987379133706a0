"""Ports that hold a list in memory, as far as the loops over their pages and limits need them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId
from reconcile.domain.ids import AppointmentId, LeadId, RunId, WorkspaceId
from reconcile.domain.planning.change import EffectKind
from reconcile.ports import Backfills, ItemRow, OutboxRow, Store
from tests.services.fakes import START, FakeSink
from tests.services.stub_store import Stub

PLAN = PlanId("plan-1")


@dataclass
class MemoryPlan:
    """The port ``Backfills`` over one plan, as far as adding it up needs it."""

    rows: Sequence[ItemRow]
    stored: BackfillPlan = field(default_factory=lambda: BackfillPlan(id=PLAN, made_at=START, asked={}))

    async def plan(self, plan_id: PlanId) -> BackfillPlan:
        return self.stored

    async def counts(self, plan_id: PlanId) -> Mapping[ItemState, int]:
        return Counter(row.state for row in self.rows)

    async def items(self, plan_id: PlanId, *, limit: int, after: LeadId | None) -> Sequence[ItemRow]:
        return [row for row in self.rows if after is None or row.lead_id > after][:limit]

    async def save(self, plan: BackfillPlan, *, before: BackfillPlan) -> bool:
        self.stored = plan
        return True

    def store(self) -> Store:
        return replace(Stub().store(), backfills=cast("Backfills", self))


@dataclass
class MemoryPrunable:
    """The port ``Ledger``, as far as deleting old rows needs it: two kinds, of which one is longer."""

    left: dict[str, int]
    limits: list[int] = field(default_factory=list)

    async def prune(self, *, before: datetime, limit: int) -> Mapping[str, int]:
        self.limits.append(limit)
        removed = {name: min(count, limit) for name, count in self.left.items()}
        self.left = {name: count - removed[name] for name, count in self.left.items()}
        return removed

    async def prunable(self, *, before: datetime) -> Mapping[str, int]:
        return self.left


@dataclass
class MemoryOutbox:
    """The port ``Outbox``."""

    rows: dict[str, OutboxRow]
    done: list[str] = field(default_factory=list)

    async def pending(self, *, now: datetime, limit: int) -> Sequence[OutboxRow]:
        return [row for key, row in self.rows.items() if key not in self.done][:limit]

    async def mark_delivered(self, keys: Sequence[str], *, at: datetime) -> None:
        self.done += keys

    async def pending_count(self, *, only_tried: bool = False) -> int:
        return 0 if only_tried else len(self.rows) - len(self.done)


def follow_up(number: int, workspace_id: str = "ws") -> OutboxRow:
    return OutboxRow(
        key=f"key-{number:04}",
        kind=EffectKind.OPEN_CANCELLATION_TASK,
        workspace_id=WorkspaceId(workspace_id),
        lead_id=LeadId(f"lead-{number}"),
        appointment_id=AppointmentId(f"appt-{number}"),
        run_id=RunId("run-0"),
        created_at=START,
    )


@dataclass
class PostponingOutbox(MemoryOutbox):
    """Also remembers until when each row was put off, every time that it was."""

    postponements: list[tuple[str, datetime]] = field(default_factory=list)

    given_up: dict[str, str] = field(default_factory=dict)
    held: dict[WorkspaceId, datetime] = field(default_factory=dict)

    async def postpone(self, keys: Sequence[str], *, until: datetime, reason: str) -> None:
        self.postponements += [(key, until) for key in keys]

    async def hold_back(self, workspace_id: WorkspaceId, *, until: datetime) -> None:
        self.held[workspace_id] = until

    async def give_up(self, key: str, *, at: datetime, reason: str) -> None:
        self.given_up[key] = reason


@dataclass
class CountingSink(FakeSink):
    """Also remembers all that it was asked to take."""

    asked: list[str] = field(default_factory=list)

    async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
        self.asked.append(row.key)
        await super().deliver(row, deadline=deadline)


def outbox_of(count: int, *, attempts: int = 0) -> PostponingOutbox:
    rows = [replace(follow_up(number), attempts=attempts) for number in range(count)]
    return PostponingOutbox({row.key: row for row in rows})


class NoPlans:
    """The port ``Backfills`` without a plan."""

    async def plans(self, *, limit: int) -> Sequence[BackfillPlan]:
        return ()
