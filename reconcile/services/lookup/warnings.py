"""Warnings of a run: counted by kind for its report, and logged."""

from collections import Counter
from collections.abc import Iterable

from reconcile.ports import Telemetry

_MOST_NOTES = 20


class RunWarnings:
    """Warnings by kind, and notes for the report."""

    def __init__(self, telemetry: Telemetry, *, notes: Iterable[str] = ()) -> None:
        self._telemetry = telemetry
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = list(notes)
        """Sentences for the report that do not affect the health of the run."""

    def warn(self, name: str, **facts: object) -> None:
        """Count a warning; only the first of each kind is logged."""
        self.counts[name] += 1
        if self.counts[name] == 1:
            self._telemetry.warning(name, **facts)

    def note(self, text: str) -> None:
        """Add *text* to the report and the log; a report holds a limited number of notes."""
        if text in self.notes or len(self.notes) >= _MOST_NOTES:
            return
        self._telemetry.warning("provider.note", text=text)
        self.notes.append(text)
