"""A store in memory that is quick enough for thousands of runs: it keeps what a run of unchanged leads reads again.

Leads, leases and breakers are kept as the database keeps them: it passes the tests of ``tests/contracts`` of what a run
of unchanged leads uses. It keeps no change, no ledger and no follow-up, so it is no store for anything else. A test
plays scenarios on it and on SQLite and compares them tick by tick.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from benchmarks.virtual_time import on_simulated_clock
from reconcile.domain.breaker.breaker import Breaker, BreakerKey
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.coordination.rate_limit import Grant
from reconcile.domain.due import DuePolicy, Priority, due
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.run.report import Freshness
from reconcile.domain.workspace import Workspace
from reconcile.errors import LeaseHeld, LeaseLost
from reconcile.ports import BatchReceipt, BatchWrite, Budgets, Clock, DueWorkspaces, LeaseHolder, Store

_BEFORE = datetime.min.replace(tzinfo=UTC)
_PLENTY = 1_000_000


def memory_store(workspaces: Iterable[Workspace], leads: Iterable[Lead], clock: Clock) -> Store:
    """Return a store that holds these workspaces and leads."""
    leases = _Leases(clock)
    ports: dict[str, object] = {each.name: _Port() for each in fields(Store)}
    ports["damaged_rows"] = _NoDamagedRows()
    ports |= {"leads": _Leads(workspaces, leads, leases), "leases": leases, "breakers": _Breakers()}
    return on_simulated_clock(Store(**cast("dict[str, Any]", ports)), clock, budgets=cast("Budgets", _Budgets()))


_ANSWERS: Mapping[str, object] = {
    "at_risk_count": 0,
    "channels": {},
    "freshness": Freshness(),
    "held": {},
    "load": (),
    "pending": (),
    "pending_count": 0,
    "runs": (),
    "seen": (),
    "ticks": (),
}
"""What an empty database answers, by the method that asks."""


class _Port:
    """A port of which every method answers what an empty database does, or None."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        if name.startswith("_"):
            raise AttributeError(name)

        async def method(*_given: object, **_named: object) -> object:
            return _ANSWERS.get(name)

        return method


class _NoDamagedRows:
    def counts(self) -> Mapping[str, int]:
        return {}


class _Leads(_Port):
    def __init__(self, workspaces: Iterable[Workspace], leads: Iterable[Lead], leases: "_Leases") -> None:
        self._workspaces = {each.id: each for each in workspaces}
        self._leads: dict[WorkspaceId, dict[LeadId, Lead]] = {each: {} for each in self._workspaces}
        for lead in leads:
            self._leads[lead.workspace_id][lead.id] = lead
        self._leases = leases

    async def due_workspaces(
        self,
        *,
        now: datetime,
        policy: DuePolicy,
        limit: int,
        only: WorkspaceId | None = None,
        exclude: frozenset[WorkspaceId] = frozenset(),
        **_narrowed: object,
    ) -> DueWorkspaces:
        found = [
            each
            for each in self._workspaces.values()
            if only in {None, each.id} and self._has_due(each.id, now, policy)
        ]
        visited = [each for each in found if each.id not in exclude and not _waits(each, now)]
        visited.sort(key=lambda each: (each.visited_at or _BEFORE, each.id))
        waiting_count = 0 if visited else len(found)
        return DueWorkspaces(
            workspaces=tuple(visited[:limit]), eligible_count=len(visited), waiting_count=waiting_count
        )

    async def due_leads(
        self,
        workspace_id: WorkspaceId,
        *,
        now: datetime,
        policy: DuePolicy,
        limit: int,
        after: LeadId | None = None,
        **_narrowed: object,
    ) -> Sequence[Lead]:
        found = [
            (found is Priority.WARM, each.state.attempted_at or _BEFORE, each.id, each)
            for each in self._leads.get(workspace_id, {}).values()
            if isinstance(found := due(each, now=now, policy=policy), Priority)
        ]
        if after is not None:  # a cursor goes by id alone
            return sorted((each for *_, each in found if each.id > after), key=lambda each: each.id)[:limit]
        return [each for *_, each in sorted(found, key=lambda one: one[:3])[:limit]]

    async def lead(self, lead_id: LeadId) -> Lead | None:
        return next((some[lead_id] for some in self._leads.values() if lead_id in some), None)

    async def workspace(self, workspace_id: WorkspaceId) -> Workspace | None:
        return self._workspaces.get(workspace_id)

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        self._leases.check(batch.leases)
        leads = self._leads.get(batch.workspace_id, {})
        for each in batch.writes:
            stored = leads[each.lead.id]
            attempted = _latest(each.state.attempted_at, stored.state.attempted_at)
            verified = _latest(each.state.verified_at, stored.state.verified_at)
            leads[stored.id] = replace(stored, state=replace(each.state, attempted_at=attempted, verified_at=verified))
        workspace = self._workspaces.get(batch.workspace_id)
        if workspace is not None:
            visited_at = batch.finished_at if batch.is_visit else workspace.visited_at
            self._workspaces[workspace.id] = replace(workspace, visited_at=visited_at, not_before=batch.not_before)
        for lease in batch.gives_up:
            await self._leases.release(lease)
        return BatchReceipt(gave_up=batch.gives_up)

    def _has_due(self, workspace_id: WorkspaceId, now: datetime, policy: DuePolicy) -> bool:
        leads = self._leads[workspace_id].values()
        return any(isinstance(due(each, now=now, policy=policy), Priority) for each in leads)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _waits(workspace: Workspace, now: datetime) -> bool:
    return workspace.not_before is not None and workspace.not_before > now


class _Leases(_Port):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: dict[str, tuple[Lease, datetime]] = {}
        """The newest lease of each name, and when it ends."""

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        now, token = self._clock.now(), 1
        if name in self._newest:
            newest, ends_at = self._newest[name]
            if ends_at > now:
                raise LeaseHeld(name)
            token = newest.token + 1
        lease = Lease(name=name, holder=holder, token=token)
        self._newest[name] = (lease, now + ttl)
        return lease

    async def release(self, lease: Lease) -> None:
        if self._newest.get(lease.name, (None, None))[0] == lease:
            self._newest[lease.name] = (lease, _BEFORE)

    async def held(self) -> Mapping[str, LeaseHolder]:
        now = self._clock.now()
        return {
            name: LeaseHolder(holder=lease.holder, expires_at=ends_at)
            for name, (lease, ends_at) in self._newest.items()
            if ends_at > now
        }

    def check(self, leases: Iterable[Lease]) -> None:
        """Raise where one of these has been given to somebody else."""
        for lease in leases:
            if self._newest.get(lease.name, (None, None))[0] != lease:
                raise LeaseLost(f"the lease {lease.name} has expired or was taken over")


class _Breakers(_Port):
    def __init__(self) -> None:
        self._stored: dict[BreakerKey, Breaker] = {}

    async def load(self) -> Sequence[Breaker]:
        return [self._stored[key] for key in sorted(self._stored, key=lambda key: (key.scope, key.name))]

    async def get(self, key: BreakerKey) -> Breaker | None:
        return self._stored.get(key)

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        stored = self._stored.get(breaker.key)
        if (stored.generation if stored else 0) != expected_generation:
            return False
        self._stored[breaker.key] = breaker
        return True


class _Budgets(_Port):
    """Accounts that may ask as much as they like."""

    async def reserve(self, _key: str, *, wanted: int, **_limits: object) -> Grant:
        return Grant(granted=wanted, left=_PLENTY)
