"""Whether a provider's operations have returned existing bookings in this run."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.booking_reference import provider_of, refers_to
from reconcile.domain.evidence.evidence import Evidence, evidence, stored_booking
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer

MIN_OMITTED_BOOKINGS = 3
"""The number of existing bookings that lists of one kind must omit, returning none, to be unreliable."""


_MOST_NAMED = 5
"""Workspaces that a failed control names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedControl:
    """A kind of list that returned none of *missing* existing bookings.

    *workspaces* are those in which a control found a known booking missing; others follow from answers about leads.
    """

    lookup: Lookup
    missing: int
    workspaces: tuple[WorkspaceId, ...] = ()

    def __str__(self) -> str:
        name = f"{self.lookup.provider}/{self.lookup.operation}"
        what = f"any of {self.missing} bookings that have" if self.missing > 1 else "a known booking that has"
        more = len(self.workspaces) - _MOST_NAMED
        named = [*self.workspaces[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
        where = f" (workspaces: {', '.join(named)})" if named else ""
        return f"control failed: {name} was answered without {what} to be in it{where}"


@dataclass(slots=True)
class Controls:
    """Evidence of one run on which operations return existing bookings; independent of breakers."""

    _proven: set[tuple[WorkspaceId, Lookup]] = field(default_factory=set)
    _returned: Counter[Lookup] = field(default_factory=Counter)
    _silent: Counter[Lookup] = field(default_factory=Counter)
    _left_out: dict[LeadId, set[Lookup]] = field(default_factory=lambda: defaultdict(set))
    _contradicted: set[tuple[WorkspaceId, Lookup]] = field(default_factory=set)
    """Lists of one workspace in which a control found a known booking missing."""

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
        if (lead.rollup.provider or provider_of(booking)) not in {None, lookup.provider}:
            return  # a search at the other provider: its lists need not have this booking
        if found is Evidence.NOT_MENTIONED and not answer.appointments and not answer.absent:
            self._silent[lookup] += 1
        elif any(refers_to(booking, a.id) and a.status is AppointmentStatus.CONFIRMED for a in answer.appointments):
            self._silent.update(self._left_out.pop(lead.id, ()))

    def note_list(self, lookup: Lookup, wanted: Iterable[Lead], *, mentioned: int) -> None:
        """Record a list of a whole account, which *mentioned* so many of the *wanted* leads' bookings.

        Each omitted booking that a later look-up finds active counts against the list.
        """
        if mentioned:
            self._returned[lookup] += mentioned
            return
        for lead in wanted:
            self._left_out[lead.id].add(lookup)

    def note_control(self, workspace_id: WorkspaceId, lists: Lookup, answer: Answer) -> None:
        """Record whether a control found a known booking in *lists* of one workspace."""
        for operation in answer.returned:
            self._proven.add((workspace_id, Lookup(provider=lists.provider, operation=operation)))
        if lists.operation in answer.returned:
            self._returned[lists] += 1
        elif lists.operation in answer.silent:
            self._contradicted.add((workspace_id, lists))

    def wants_control(self, workspace_id: WorkspaceId, lists: Lookup) -> bool:
        """Return whether an empty list of this workspace needs a control before it is believed."""
        return not {(workspace_id, lists)} & (self._proven | self._contradicted)

    def has_returned(self, lookup: Lookup) -> bool:
        """Return whether the operation has returned an appointment of any workspace in this run."""
        return self._returned[lookup] > 0

    def has_proven(self, workspace_id: WorkspaceId, lookup: Lookup) -> bool:
        """Return whether the operation has returned an appointment of this workspace in this run."""
        return (workspace_id, lookup) in self._proven

    def failed(self) -> tuple[FailedControl, ...]:
        """Return the kinds of list that omit existing bookings."""
        missing = Counter({each: count for each, count in self._silent.items() if not self._returned[each]})
        found: list[FailedControl] = []
        for lookup in sorted({*missing, *(each for _, each in self._contradicted)}, key=str):
            workspaces = self._contradicted_in(lookup)
            if workspaces or missing[lookup] >= MIN_OMITTED_BOOKINGS:
                count = max(missing[lookup], len(workspaces))
                found.append(FailedControl(lookup=lookup, missing=count, workspaces=workspaces))
        return tuple(found)

    def has_failed(self, provider: ProviderName, workspace_id: WorkspaceId) -> bool:
        """Return whether an empty list of this provider in this workspace is not believed.

        If one workspace's list omits an existing booking, and no other workspace's list has returned any, no list of
        this kind is believed.
        """
        return any(
            workspace_id in each.workspaces or not self._returned[each.lookup]
            for each in self.failed()
            if each.lookup.provider is provider
        )

    def _contradicted_in(self, lookup: Lookup) -> tuple[WorkspaceId, ...]:
        return tuple(sorted(where for where, each in self._contradicted - self._proven if each == lookup))
