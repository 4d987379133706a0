"""Sums over the leads of a batch or of a run, for the report."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.planning.change import Change, EffectKind
from reconcile.domain.planning.outcome import DeferReason, ErrorSignature, Outcome, SkipReason
from reconcile.domain.run.report import ProviderCounts, SignatureCount
from reconcile.domain.run.unconfigured import MissingSetting, missing_setting
from reconcile.domain.workspace import Workspace
from reconcile.services.lookup.lead_check import LeadCheck


@dataclass(slots=True)
class Counts:
    """Sums over leads; every lead is counted once, when its batch is written."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    by_provider: dict[ProviderName, Counter[Outcome]] = field(default_factory=lambda: defaultdict(Counter))
    by_asked: dict[ProviderName, Counter[Outcome]] = field(default_factory=lambda: defaultdict(Counter))
    """A lead that was looked up at two providers counts for both here, and for one of them in *by_provider*."""
    skips: Counter[SkipReason] = field(default_factory=Counter)
    unconfigured: Counter[MissingSetting] = field(default_factory=Counter)
    """The skips because of missing configuration, by the missing setting."""
    unconfigured_in: dict[MissingSetting, set[WorkspaceId]] = field(default_factory=lambda: defaultdict(set))
    defers: Counter[DeferReason] = field(default_factory=Counter)
    mismatches: Counter[MismatchKind] = field(default_factory=Counter)
    signatures: Counter[ErrorSignature] = field(default_factory=Counter)
    failed_in: dict[ErrorSignature, set[WorkspaceId]] = field(default_factory=lambda: defaultdict(set))
    changes: Counter[Outcome] = field(default_factory=Counter)
    """Leads whose rows were changed (in a dry run: would be), by the kind of change."""
    effects: Counter[EffectKind] = field(default_factory=Counter)
    quarantined: int = 0
    disappeared_soon: int = 0
    """Bookings of the next 24 h that are flagged as disappeared, or as another person's."""

    @property
    def checks(self) -> int:
        """How many leads count in the denominator of the error rate."""
        return sum(count for outcome, count in self.outcomes.items() if outcome.is_check)

    def add_lead(self, checked: LeadCheck, workspace: Workspace) -> None:
        """Count a lead by the result of its check."""
        self.outcomes[checked.outcome] += 1
        if checked.lookup is not None:
            self.by_provider[checked.lookup.provider][checked.outcome] += 1
            self.add_check(checked.asked or (checked.lookup.provider,), checked.outcome, of=_owner(checked))
        if isinstance(checked.reason, SkipReason):
            self.skip(checked.lead, workspace, checked.reason)
        if isinstance(checked.reason, DeferReason):
            self.defers[checked.reason] += 1
        if checked.plan is not None and checked.plan.mismatch is not None:
            self.mismatches[checked.plan.mismatch] += 1
        if checked.plan is not None and checked.plan.change is not None:
            self.add_change(checked.plan.change)
        if checked.signature is not None:
            self.fail(checked.signature, checked.lead.workspace_id)

    def add_check(self, providers: Sequence[ProviderName], outcome: Outcome, *, of: ProviderName | None) -> None:
        """Count a check for each provider that was called; the outcome counts for *of*, the booking's own provider."""
        for provider in providers:
            is_its_own = len(providers) == 1 or provider == of
            self.by_asked[provider][outcome if is_its_own or not outcome.is_check else Outcome.UNCHANGED] += 1

    def add_change(self, change: Change) -> None:
        """Count a change and its follow-ups."""
        self.changes[change.kind] += 1
        self.effects.update(each.kind for each in change.effects)

    def skip(self, lead: Lead, workspace: Workspace, reason: SkipReason) -> None:
        """Count a lead that was skipped."""
        self.skips[reason] += 1
        if reason is SkipReason.NOT_CONFIGURED:
            missing = missing_setting(lead, workspace)
            self.unconfigured[missing] += 1
            self.unconfigured_in[missing].add(workspace.id)

    def fail(self, signature: ErrorSignature, workspace_id: WorkspaceId) -> None:
        """Count a failure by its kind."""
        self.signatures[signature] += 1
        self.failed_in[signature].add(workspace_id)

    def add(self, other: "Counts") -> None:
        """Add the sums of *other*."""
        self.outcomes.update(other.outcomes)
        for provider, outcomes in other.by_provider.items():
            self.by_provider[provider].update(outcomes)
        for provider, outcomes in other.by_asked.items():
            self.by_asked[provider].update(outcomes)
        self.skips.update(other.skips)
        self.unconfigured.update(other.unconfigured)
        for missing, workspaces in other.unconfigured_in.items():
            self.unconfigured_in[missing] |= workspaces
        self.defers.update(other.defers)
        self.mismatches.update(other.mismatches)
        self.signatures.update(other.signatures)
        for signature, workspaces in other.failed_in.items():
            self.failed_in[signature] |= workspaces
        self.changes.update(other.changes)
        self.effects.update(other.effects)
        self.quarantined += other.quarantined
        self.disappeared_soon += other.disappeared_soon

    def provider_counts(self) -> dict[ProviderName, ProviderCounts]:
        """Return each provider's sums."""
        return {
            name: ProviderCounts(
                checked=sum(n for outcome, n in outcomes.items() if outcome.is_check),
                booked=outcomes[Outcome.BOOKED],
                canceled=outcomes[Outcome.CANCELED],
                errors=outcomes[Outcome.FAILED],
            )
            for name, outcomes in ((p, self.by_asked[p]) for p in ProviderName)
        }

    def top_signatures(self, limit: int = 5) -> Sequence[SignatureCount]:
        """Return the most frequent kinds of failure."""
        return [
            SignatureCount(key=s.key, count=n, workspaces=len(self.failed_in[s]), shape=s.shape)
            for s, n in self.signatures.most_common(limit)
        ]


def _owner(checked: LeadCheck) -> ProviderName | None:
    """Return the provider of the lead's booking: of the planned one, else of the stored one."""
    change = checked.plan.change if checked.plan is not None else None
    return (change.rollup.provider if change is not None else None) or checked.lead.rollup.provider


@dataclass(slots=True)
class RunTotals:
    """Sums over the batches and follow-ups of a run; only the run itself adds to them."""

    leads: Counts = field(default_factory=Counts)
    visited: set[WorkspaceId] = field(default_factory=set)
    delivered: int = 0
    dropped: int = 0
    """Follow-ups that were given up without an attempt."""
    abandoned_batches: int = 0
    """Batches whose write was refused; a later run checks their leads again."""
