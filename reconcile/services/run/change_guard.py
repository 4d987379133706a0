"""Withholds changes of a kind that exceed the caps: a circuit breaker for writes.

Before a batch is written, its changes are added, by kind, to those that runs have written within the last hour. Once
the sum exceeds the cap, the run withholds all further changes of that kind; the leads stay due.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import CHANGING, DeferReason, Outcome
from reconcile.domain.run.change_hold import EVERYTHING, WINDOW, ChangeHold, RunCaps, constant_shift, shift_of
from reconcile.domain.run.request import RunRequest
from reconcile.ports import ChangeHolds, Clock
from reconcile.services.lookup.lead_check import LeadCheck


class ChangeGuard:
    """Counts one run's changes by kind. Without *caps* it only counts; *is_applied* is false in a dry run."""

    def __init__(  # noqa: PLR0913 - the inputs of a hold
        self, caps: RunCaps | None, *, stored: ChangeHolds, clock: Clock, run_id: RunId, scope: str, is_applied: bool
    ) -> None:
        self._caps = caps
        self._stored = stored
        self._clock = clock
        self._run_id = run_id
        self._scope = scope
        self._is_applied = is_applied
        self._holds: dict[Outcome, ChangeHold] | None = None
        self._approved: frozenset[Outcome] = frozenset()
        self._before: Counter[Outcome] = Counter()
        self._written: Counter[Outcome] = Counter()
        self._held: Counter[Outcome] = Counter()
        self._shifts: dict[Outcome, Counter[timedelta]] = defaultdict(Counter)
        self._checked: Counter[WorkspaceId] = Counter()
        self._checked_before: Mapping[WorkspaceId, int] | None = None

    async def withhold(
        self, changes: Sequence[Change], *, workspace_id: WorkspaceId, checked: int
    ) -> frozenset[Outcome]:
        """Return the kinds of *changes* that must not be written; the changes of other kinds count as written."""
        self._checked[workspace_id] += checked
        if self._caps is None or not changes:
            return frozenset()
        counts = Counter(each.kind for each in changes)
        if self._holds is None:
            await self._load()
        if self._checked_before is None and any(
            self._planned(kind, n) > self._caps.least for kind, n in counts.items()
        ):
            self._checked_before = await self._stored.checked_since(self._clock.now() - WINDOW)
        # No await from here on: concurrent batches are decided one after the other.
        held = frozenset(kind for kind, count in counts.items() if self._is_held(kind, count))
        for each in changes:
            if (shift := shift_of(each)) is not None:
                self._shifts[each.kind][shift] += 1
        for kind, count in counts.items():
            (self._held if kind in held else self._written)[kind] += count
        return held if self._is_applied else frozenset()

    async def settle(self) -> tuple[ChangeHold, ...]:
        """Store the holds of this run; return all holds that are in force in its scope."""
        if self._caps is None:
            return ()
        if self._holds is None:
            await self._load()
        holds, now = dict(self._holds or {}), self._clock.now()
        for kind, count in self._held.items():
            hold = holds.get(kind) or ChangeHold.begin(kind, scope=self._scope, run_id=self._run_id, now=now)
            changes = count + self._written[kind]
            hold = replace(
                hold,
                seen_at=now,
                run_id=self._run_id,
                leads=count,
                written=self._before[kind] + self._written[kind],
                checked=self._checked_leads(),
                shift=constant_shift(self._shifts[kind], changes=changes),
            )
            if self._is_applied:
                await self._stored.save(hold)
            holds[kind] = hold
        return tuple(holds[kind] for kind in CHANGING if kind in holds)

    async def _load(self) -> None:
        now = self._clock.now()
        holds = [each for each in await self._stored.load() if each.applies_to(self._scope)]
        since = now - WINDOW
        before = Counter(await self._stored.changed_since(since))
        for each in holds:  # changes written under an approval no longer count after its end
            if each.approved_until is not None and since < each.approved_until <= now:
                before[each.kind] = (await self._stored.changed_since(each.approved_until)).get(each.kind, 0)
        self._approved = frozenset(each.kind for each in holds if each.is_approved(now))
        self._before = before
        self._holds = {each.kind: each for each in holds if each.is_in_force(now) and each.kind not in self._approved}

    def _is_held(self, kind: Outcome, count: int) -> bool:
        if self._caps is None or kind in self._approved:
            return False
        if self._held[kind] or kind in (self._holds or {}):
            return True
        return self._planned(kind, count) > self._caps.allowed(kind, checked=self._checked_leads())

    def _planned(self, kind: Outcome, count: int) -> int:
        return self._before[kind] + self._written[kind] + count

    def _checked_leads(self) -> int:
        """Return a lower bound of the leads checked: for each workspace, its largest earlier visit or this run."""
        before = self._checked_before or {}
        return sum(max(before.get(each, 0), self._checked[each]) for each in before.keys() | self._checked.keys())


def scope_of(request: RunRequest) -> str:
    """Return the scope of a run's holds."""
    return str(request.workspace or request.shard or EVERYTHING)


def held_sentences(holds: Sequence[ChangeHold], *, dry_run: bool) -> tuple[str, ...]:
    """Return a sentence for each hold, with the command that approves it."""
    if dry_run:
        return tuple(f"held: {each.sentence()}; a run would write few of them and wait for approval" for each in holds)
    return tuple(f"held: {each.sentence()}; `reconcile approve {each.hash}` lets them pass" for each in holds)


async def withhold_held(
    checked: Sequence[LeadCheck], workspace_id: WorkspaceId, *, guard: ChangeGuard
) -> list[LeadCheck]:
    """Defer the leads whose planned change is of a held kind; they stay due."""
    changes = [each.plan.change for each in checked if each.plan is not None and each.plan.change is not None]
    checks = sum(each.outcome.is_check for each in checked)
    held = await guard.withhold(changes, workspace_id=workspace_id, checked=checks)
    return [
        each.as_deferred(DeferReason.HELD)
        if each.plan is not None and each.plan.change is not None and each.plan.change.kind in held
        else each
        for each in checked
    ]
