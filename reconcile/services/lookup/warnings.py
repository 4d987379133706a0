"""Troubles that a run survives: counted by kind for its report, and logged."""

from collections import Counter
from collections.abc import Iterable

from reconcile.ports import Telemetry

_MOST_NOTES = 20


class RunWarnings:
    """What a run reports besides its counts: warnings by kind, and notes in words."""

    def __init__(self, telemetry: Telemetry, *, notes: Iterable[str] = ()) -> None:
        self._telemetry = telemetry
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = list(notes)
        """What the report says besides, without thinking the worse of the run."""

    def warn(self, name: str, **facts: object) -> None:
        """Count a trouble that the run survives; only the first of each kind is an event."""
        self.counts[name] += 1
        if self.counts[name] == 1:
            self._telemetry.warning(name, **facts)

    def note(self, text: str) -> None:
        """Say *text* in the report and the log; a report has room for a few such notes."""
        if text in self.notes or len(self.notes) >= _MOST_NOTES:
            return
        self._telemetry.warning("provider.note", text=text)
        self.notes.append(text)
