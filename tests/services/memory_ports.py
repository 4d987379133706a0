"""What operators ask for in passing, and the state object, in memory; they pass the suites of the real ones."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconcile.domain.coordination.day_quota import DayUse, ShortDays
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.cadence import CadenceOverride
from reconcile.domain.run.change_hold import ChangeHold
from reconcile.errors import MirrorConflict
from reconcile.ports import Announcement, AppliedAnnotation, StateObject


@dataclass
class MemoryCadences:
    """The port ``Cadences``."""

    stored: CadenceOverride | None = None

    async def override(self) -> CadenceOverride | None:
        return self.stored

    async def set(self, override: CadenceOverride) -> None:
        self.stored = override

    async def clear(self) -> None:
        self.stored = None


@dataclass
class MemoryChangeHolds:
    """The port ``ChangeHolds``; what was changed and checked is set by the test."""

    rows: dict[tuple[Outcome, str], ChangeHold] = field(default_factory=dict)
    changed: Counter[Outcome] = field(default_factory=Counter)
    checked: Mapping[WorkspaceId, int] = field(default_factory=dict)

    async def load(self) -> Sequence[ChangeHold]:
        return [self.rows[key] for key in sorted(self.rows, key=lambda each: each[::-1])]

    async def save(self, hold: ChangeHold) -> None:
        before = self.rows.get((hold.kind, hold.scope))
        if before is not None and before.hash == hold.hash:
            approval = {name: getattr(before, name) for name in ("approved_until", "approved_by", "reason")}
            hold = replace(hold, **approval)
        self.rows[hold.kind, hold.scope] = hold

    async def approve(self, digest: str, *, until: datetime, actor: str, reason: str | None) -> None:
        for key, each in self.rows.items():
            if each.hash == digest:
                self.rows[key] = replace(each, approved_until=until, approved_by=actor, reason=reason)

    async def changed_since(self, _since: datetime) -> Mapping[Outcome, int]:
        return self.changed

    async def checked_since(self, _since: datetime) -> Mapping[WorkspaceId, int]:
        return self.checked


@dataclass
class MemoryOrders:
    """The port ``AppliedAnnotations``."""

    rows: dict[str, AppliedAnnotation] = field(default_factory=dict)

    async def list_all(self) -> Sequence[AppliedAnnotation]:
        return [self.rows[key] for key in sorted(self.rows)]

    async def remember(self, row: AppliedAnnotation) -> None:
        self.rows[row.key] = row

    async def forget(self, key: str) -> None:
        self.rows.pop(key, None)


@dataclass
class MemoryMirror:
    """The port ``StateMirror``; *trouble* is raised once by each call that finds some."""

    annotations: dict[str, str] = field(default_factory=dict)
    version: int = 1
    announced: list[Announcement] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    reads: int = 0
    refused: Sequence[str] = ()

    async def read(self) -> StateObject:
        self.reads += 1
        self._fail()
        return self._now()

    async def forbidden(self) -> Sequence[str]:
        self._fail()
        return self.refused

    async def patch(self, annotations: Mapping[str, str | None], *, version: str) -> StateObject:
        self._fail()
        if version != str(self.version):
            raise MirrorConflict("changed")
        for key, text in annotations.items():
            if text is None:
                self.annotations.pop(key, None)
            else:
                self.annotations[key] = text
        self.version += 1
        return self._now()

    async def announce(self, announcement: Announcement) -> None:
        self._fail()
        self.announced.append(announcement)

    def _fail(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)

    def _now(self) -> StateObject:
        return StateObject(annotations=dict(self.annotations), version=str(self.version))


@dataclass
class MemoryDayQuotas:
    """The port ``DayQuotas``."""

    rows: dict[str, DayUse] = field(default_factory=dict)

    async def load(self, keys: Collection[str]) -> Sequence[DayUse]:
        return [self.rows[key] for key in keys if key in self.rows]

    async def save(self, uses: Sequence[DayUse]) -> None:
        self.rows |= {each.key: each for each in uses}

    async def short(self, *, now: datetime, limit: int) -> Sequence[ShortDays]:
        found = [each for each in self.rows.values() if each.forecast(now=now, every=None)]
        found.sort(key=lambda each: (each.used_up_at or now, each.key))
        by_provider = {name: [each for each in found if each.provider is name] for name in ProviderName}
        return [
            ShortDays(provider=name, count=len(uses), first=uses[:limit]) for name, uses in by_provider.items() if uses
        ]
