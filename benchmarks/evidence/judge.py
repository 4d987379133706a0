"""Compares what was written and verified in a world with its truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.evidence.company import Company, Member
from benchmarks.evidence.records import active
from benchmarks.evidence.statements import KEPT, Evidence, Path, Truth, state_of
from benchmarks.evidence.worlds import Case
from reconcile.domain.ids import LeadId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import EffectKind


@dataclass(slots=True, kw_only=True)
class Result:
    """The result of one world; counts of leads, summed over looks. *faults* name the leads."""

    wrong_writes: int = 0
    wrong_verified: int = 0
    missed: int = 0
    minutes: float = 0.0
    """Minutes from the last look until the last missed change was written; the whole wait if it never was."""
    faults: list[str] = field(default_factory=list)


class Judge:
    """Compares a database with the truth after each look."""

    def __init__(self, case: Case, company: Company) -> None:
        self._case = case
        self._company = company
        self._before = {each.lead.id: each.lead for each in company.members}
        self.result = Result()

    def truth(self, member: Member, look: int) -> Truth:
        """Return the truth of a lead; a change that no evidence can support is allowed and not due."""
        if not member.is_affected:
            # A booking with an unreadable stored id is searched like one without an id.
            return KEPT if self._case.path in READABLE else _found(member)
        truth = self._case.statement.truth(member, look)
        is_unsupported = self._case.statement.evidence is Evidence.NAMED_ABSENT and not self._case.has_control
        return replace(truth, due=None) if is_unsupported and truth.due != state_of(member.lead) else truth

    def judge(self, leads: Mapping[LeadId, Lead], effects: Mapping[LeadId, Sequence[EffectKind]], look: int) -> None:
        """Count what was written or verified against the truth at this look."""
        for member in self._company.members:
            lead_id, truth = member.lead.id, self.truth(member, look)
            before, after = self._before[lead_id], leads[lead_id]
            if wrong := self._wrong_write(member, before, after, truth, effects.get(lead_id, ())):
                self.result.wrong_writes += 1
                self.result.faults.append(f"look {look}: {lead_id} {wrong}")
            if after.state.verified_at != before.state.verified_at and not self._may_verify(
                member, before, after, truth
            ):
                self.result.wrong_verified += 1
                self.result.faults.append(f"look {look}: {lead_id} is verified and was not seen")
            self._company.follow(after)
        self._before = dict(leads)

    def missed(self, leads: Mapping[LeadId, Lead], effects: Mapping[LeadId, Sequence[EffectKind]], look: int) -> int:
        """Return how many changes are due and not written."""
        count = 0
        for member in self._company.members:
            truth, after = self.truth(member, look), leads[member.lead.id]
            is_written = truth.due is None or state_of(after) == truth.due
            wanted = self._case.statement.followups if member.is_affected and self._has_followups(truth) else 0
            count += not is_written or len(effects.get(member.lead.id, ())) < wanted
        return count

    def _has_followups(self, truth: Truth) -> bool:
        is_absent = self._case.statement.evidence is Evidence.NAMED_ABSENT
        return truth.due is not None and (self._case.has_control or not is_absent)

    def _wrong_write(
        self, member: Member, before: Lead, after: Lead, truth: Truth, effects: Sequence[EffectKind]
    ) -> str | None:
        old, new, own = state_of(before), state_of(after), state_of(member.lead)
        if new not in {old, own} and new not in truth.allowed:
            return f"became {new[0]} {new[1] or ''}".rstrip()
        if effects and not truth.allowed and truth.due is None:
            return f"caused {', '.join(effects)}"
        if self._case.statement.forbids_replaces and any(each.replaces for each in after.appointments):
            return "has an appointment that replaces another"
        return None

    def _may_verify(self, member: Member, before: Lead, after: Lead, truth: Truth) -> bool:
        """Tell whether the booking was seen, its absence is real, or there was no booking."""
        company, lead_id = self._company, member.lead.id
        if lead_id in company.seen:
            return True
        if before.rollup.booking_id is None:
            return lead_id in company.searched
        return state_of(after) in truth.allowed and self._case.statement.evidence is Evidence.NAMED_ABSENT


READABLE = frozenset({Path.STORED_ID, Path.LIST, Path.EVENT_ONLY, Path.BARE_UUID})
"""Paths on which the stored id is, or leads to, the booking's own."""


def _found(member: Member) -> Truth:
    """Return the truth of a lead without a stored booking if the provider's responses are complete."""
    return Truth(allowed=frozenset({active(member)}))
