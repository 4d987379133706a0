"""Caps on the changes of a schedule's runs, and the hold on a kind of change that would exceed them. Pure.

The rule is in docs/decisions/0033.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.backfill.plan import ChangeCaps
from reconcile.domain.coordination.annotation import instant
from reconcile.domain.formatting import span
from reconcile.domain.ids import RunId
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import Outcome

WINDOW = timedelta(hours=1)
"""Over how long changes are counted, and how long a hold lasts without a planned change of its kind."""
APPROVAL = timedelta(days=1)
"""How long an approval lasts unless it says otherwise."""
LONGEST_APPROVAL = timedelta(days=7)
EVERYTHING = "all"
"""The scope of a run over all workspaces; its holds and approvals apply to every other scope as well."""
_LEAST_SHIFTED = 3
"""So many changes that move a time by the same offset are no coincidence, if they are half of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCaps(ChangeCaps):
    """The caps of a backfill, for the changes of one kind that runs write within WINDOW; *least* are never held."""

    least: int = 20

    def allowed(self, kind: Outcome, *, checked: int) -> int:
        """Return how many changes of *kind* may be written for so many checked leads."""
        percent = self.canceled_percent if kind is Outcome.CANCELED else self.percent
        return min(self.changes, max(self.least, int(percent * checked / 100)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeHold:
    """A kind of change that is not written in a scope until a person approves it by *hash*.

    *leads* of *checked* had such a change in the run that saw it last. It ends by itself when no run has planned such a
    change for WINDOW. An approval lets the kind pass until *approved_until*.
    """

    kind: Outcome
    scope: str
    since: datetime
    seen_at: datetime
    hash: str
    run_id: RunId
    leads: int = 0
    written: int = 0
    checked: int = 0
    shift: str | None = None
    approved_until: datetime | None = None
    approved_by: str | None = None
    reason: str | None = None

    @classmethod
    def begin(cls, kind: Outcome, *, scope: str, run_id: RunId, now: datetime) -> "ChangeHold":
        """Return a new hold; its hash is its own, so that an approval is never of a later one."""
        text = f"{kind}\n{scope}\n{run_id}\n{now.isoformat()}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return cls(kind=kind, scope=scope, since=now, seen_at=now, hash=digest, run_id=run_id)

    def applies_to(self, scope: str) -> bool:
        """Return whether it is about *scope*."""
        return self.scope in {scope, EVERYTHING}

    def is_in_force(self, now: datetime) -> bool:
        """Return whether its kind is held now."""
        return self.approved_until is None and now - self.seen_at <= WINDOW

    def is_approved(self, now: datetime) -> bool:
        """Return whether its kind may pass now."""
        return self.approved_until is not None and now < self.approved_until

    def sentence(self) -> str:
        """Return what is held, as a clause without an operator's words."""
        shift = f"; {self.shift}" if self.shift else ""
        before = f", after {self.written} within an hour" if self.written else ""
        of_checked = f"of {self.checked} checked " if self.checked else ""
        return f"{self.leads} {of_checked}leads would become {self.kind}{before}, which is above the cap{shift}"

    def document(self) -> dict[str, Any]:
        """Return it in plain JSON types, without the words of the operator."""
        return {
            "kind": self.kind.value,
            "scope": self.scope,
            "since": instant(self.since),
            "hash": self.hash,
            "leads": self.leads,
            "written": self.written,
            "checked": self.checked,
            "shift": self.shift,
        }


def shift_of(change: Change) -> timedelta | None:
    """Return by how much a change moves the start of the booking; None where it does not."""
    before, after = change.lead.rollup.starts_at, change.rollup.starts_at
    if before is None or after is None or before == after:
        return None
    return after - before


def constant_shift(shifts: Mapping[timedelta, int], *, changes: int) -> str | None:
    """Name the offset by which most of so many changes move a time: a wrong time zone, rather than people."""
    offset, count = max(Counter(shifts).items(), key=lambda each: each[1], default=(timedelta(0), 0))
    if count < _LEAST_SHIFTED or 2 * count < changes:
        return None
    sign = "-" if offset < timedelta(0) else "+"
    return f"{count} of {changes} moved by exactly {sign}{span(abs(offset))}"
