"""Whether a provider's operations have shown in this run that they find what exists."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.booking_reference import refers_to
from reconcile.domain.change import Answer
from reconcile.domain.evidence import Evidence, evidence, stored_booking
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.lookup import Lookup

SEVERAL = 3
"""So many bookings that exist and that a kind of list leaves out, while it shows none, are no coincidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedControl:
    """A kind of list that has shown none of *missing* bookings that exist and have to be in it."""

    lookup: Lookup
    missing: int

    def __str__(self) -> str:
        name = f"{self.lookup.provider}/{self.lookup.operation}"
        return f"control failed: {name} was answered without any of {self.missing} bookings that have to be in it"


@dataclass(slots=True)
class Controls:
    """What the answers of one run prove of the operations that gave them. No breaker has a part in it."""

    _proven: set[tuple[WorkspaceId, Lookup]] = field(default_factory=set)
    _returned: Counter[Lookup] = field(default_factory=Counter)
    _silent: Counter[Lookup] = field(default_factory=Counter)
    _left_out: dict[LeadId, set[Lookup]] = field(default_factory=lambda: defaultdict(set))

    def note(self, lead: Lead, lookup: Lookup, answer: Answer) -> None:
        """Take in what *lookup* of *lead* was answered with."""
        for operation in answer.returned:
            returned = Lookup(provider=lookup.provider, operation=operation)
            self._proven.add((lead.workspace_id, returned))
            self._returned[returned] += 1
        for operation in answer.silent:
            self._silent[Lookup(provider=lookup.provider, operation=operation)] += 1
        booking, found = stored_booking(lead), evidence(lead, answer)
        if booking is None or lead.rollup.status is not AppointmentStatus.CONFIRMED:
            return
        if found is Evidence.NOT_MENTIONED and not answer.appointments and not answer.absent:
            self._silent[lookup] += 1
        elif any(refers_to(booking, a.id) and a.status is AppointmentStatus.CONFIRMED for a in answer.appointments):
            self._silent.update(self._left_out.pop(lead.id, ()))

    def note_list(self, lookup: Lookup, wanted: Iterable[Lead], *, mentioned: int) -> None:
        """Take in a list of a whole account: of *wanted*, whose bookings have to be in it, it *mentioned* so many.

        Of those that it leaves out, each that is found to stand by itself afterwards counts.
        """
        if mentioned:
            self._returned[lookup] += mentioned
            return
        for lead in wanted:
            self._left_out[lead.id].add(lookup)

    def has_proven(self, workspace_id: WorkspaceId, lookup: Lookup) -> bool:
        """Tell whether the operation has returned an appointment of this workspace in this run."""
        return (workspace_id, lookup) in self._proven

    def failed(self) -> tuple[FailedControl, ...]:
        """Return the lists that show nothing of what has to be in them."""
        return tuple(
            FailedControl(lookup=lookup, missing=missing)
            for lookup, missing in sorted(self._silent.items(), key=lambda each: str(each[0]))
            if missing >= SEVERAL and not self._returned[lookup]
        )

    def has_failed(self, provider: ProviderName) -> bool:
        """Tell whether nothing follows from an empty list of this provider."""
        return any(each.lookup.provider is provider for each in self.failed())
