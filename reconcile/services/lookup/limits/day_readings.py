"""What the responses of a run say of the days of its accounts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconcile.domain.coordination.day_quota import DayUse
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.ports import Usage


@dataclass(slots=True)
class DayReadings:
    """The last reading of each account, and the calls that the run has made to it."""

    _last: dict[str, DayUse] = field(default_factory=dict)
    _calls: Counter[str] = field(default_factory=Counter)

    def note(self, key: str, usage: Usage, *, workspace_id: WorkspaceId, provider: ProviderName) -> None:
        """Record the usage of the account *key* since the last call of this method."""
        self._calls[key] += usage.calls
        if usage.day is not None:
            self._last[key] = DayUse(key=key, provider=provider, workspace_id=workspace_id, reading=usage.day)

    @property
    def keys(self) -> frozenset[str]:
        """The accounts that were read."""
        return frozenset(self._last)

    def uses(self, stored: Mapping[str, DayUse], *, cadence: str | None, is_own: bool) -> list[DayUse]:
        """Return the accounts' use after this run; *is_own* if the calls are those of the schedule."""
        return [
            stored[key].then(use.reading, own_calls=self._calls[key] if is_own else 0, cadence=cadence)
            if key in stored
            else replace(use, cadence=cadence or "")
            for key, use in self._last.items()
        ]
