"""Converts a batch to the rows of each table, once it is known which changes still apply."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconcile.domain.appointment import Appointment
from reconcile.domain.backfill.plan import ItemState
from reconcile.domain.ids import AppointmentId, LeadId
from reconcile.domain.lead import Lead, LeadState, LeadStatus
from reconcile.domain.planning.change import AppointmentChange, Change
from reconcile.domain.planning.outcome import ErrorSignature, Outcome
from reconcile.ports import BatchWrite, LeadWrite, PlanMarks
from reconcile.store.leads.change_documents import change_documents
from reconcile.store.mapping.mapping import SchemaMapping

Row = dict[str, Any]
_MOST_FAILURES = 2**31 - 1
_SEEN = ("workspace_id", "seen_at", "count")
Spellings = Mapping[tuple[LeadId, AppointmentId], str]


@dataclass(slots=True)
class BatchRows:
    """Rows by table; an empty list is a statement that is not executed."""

    new_appointments: list[Row] = field(default_factory=list)
    appointments: list[Row] = field(default_factory=list)
    appointment_side_rows: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)
    removed_side_rows: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    states: list[Row] = field(default_factory=list)
    states_with_facts: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    effects: list[Row] = field(default_factory=list)
    signatures: list[Row] = field(default_factory=list)
    signatures_by_run: list[Row] = field(default_factory=list)
    batches: list[Row] = field(default_factory=list)
    marks: list[Row] = field(default_factory=list)
    visits: list[Row] = field(default_factory=list)


def batch_rows(
    batch: BatchWrite, mapping: SchemaMapping, *, drifted: frozenset[LeadId], spellings: Spellings
) -> BatchRows:
    """Return the rows of *batch*, leads in key order, those in *drifted* without their changes."""
    rows = lead_rows(batch, batch.writes, mapping, drifted=drifted, spellings=spellings)
    add_totals(rows, batch, drifted=drifted)
    return rows


def lead_rows(
    batch: BatchWrite,
    writes: Iterable[LeadWrite],
    mapping: SchemaMapping,
    *,
    drifted: AbstractSet[LeadId],
    spellings: Spellings,
) -> BatchRows:
    """Return the rows of some leads of *batch* alone."""
    rows = BatchRows()
    for write in sorted(writes, key=lambda each: each.lead.id):
        is_drifted = write.lead.id in drifted
        state = _state(write.lead, write.state_if_drifted if is_drifted else write.state)
        if write.change is not None and not is_drifted:
            _add_change(rows, batch, write.change, state=state, mapping=mapping, spellings=spellings)
        else:
            rows.states.append(state)
            if write.lead.has_usable_id:
                rows.attempts.append(state)
    return rows


def add_totals(rows: BatchRows, batch: BatchWrite, *, drifted: AbstractSet[LeadId]) -> None:
    """Add the rows of *batch* that do not belong to a lead."""
    signatures: dict[str, tuple[ErrorSignature, int]] = {}
    for write in batch.writes:
        is_moved = write.lead.id in drifted and write.refusal is None
        found = write.signature_if_drifted if is_moved else write.signature
        if found:
            digest = hashlib.sha256(found.key.encode("utf-8", "replace")).hexdigest()
            signatures[digest] = (found, signatures.get(digest, (found, 0))[1] + 1)
    rows.signatures = [_signature(batch, *each, digest=digest) for digest, each in sorted(signatures.items())]
    rows.signatures_by_run = [
        {"digest": row["digest"], "run_id": batch.run_id, **{name: row[name] for name in _SEEN}}
        for row in rows.signatures
    ]
    rows.batches = [
        {
            "run_id": batch.run_id,
            "workspace_id": batch.workspace_id,
            "started_at": batch.started_at,
            "finished_at": batch.finished_at,
            "counts": _counts(batch, drifted),
        }
    ]
    if batch.is_visit:
        rows.visits = [
            {"workspace_id": batch.workspace_id, "visited_at": batch.finished_at, "not_before": batch.not_before}
        ]
    if batch.marks is not None:
        rows.marks = _marks(batch, batch.marks, drifted=drifted)


def _counts(batch: BatchWrite, drifted: AbstractSet[LeadId]) -> dict[str, int]:
    """Return the outcomes of the leads, once it is known which changes were not written."""
    counts = Counter(batch.counts)
    for write in batch.writes:
        if write.lead.id in drifted:
            counts[write.outcome] -= 1
            is_failure = write.refusal is not None or write.signature_if_drifted is not None
            counts[Outcome.FAILED if is_failure else Outcome.DEFERRED] += 1
    return {outcome.value: count for outcome, count in (+counts).items()}


def _add_change(  # noqa: PLR0913 - the batch and its context
    rows: BatchRows, batch: BatchWrite, change: Change, *, state: Row, mapping: SchemaMapping, spellings: Spellings
) -> None:
    facts = _facts(change, mapping)
    rows.states_with_facts.append({**state, **facts["beside"]})
    if _is_lead_changed(change):
        rows.leads.append(
            {**facts["theirs"], "id": change.lead.id, "attempted_at": state["attempted_at"], "at": batch.finished_at}
        )
    else:
        rows.attempts.append(state)
    for each in change.appointments:
        row = _appointment(change.lead, each, mapping, at=batch.finished_at, spellings=spellings)
        (rows.new_appointments if each.before is None else rows.appointments).append(row)
        rows.appointment_side_rows.append({**row, **_appointment_side_row(each.after)})
    for gone in change.removed:
        spelled = spellings.get((change.lead.id, gone.id), gone.id)
        rows.removed.append({"lead_id": change.lead.id, "appointment_id": spelled})
    rows.removed_side_rows = rows.removed
    before, after = change_documents(change)
    rows.changes.append(
        {
            "run_id": batch.run_id,
            "workspace_id": batch.workspace_id,
            "lead_id": change.lead.id,
            "outcome": change.outcome.value,
            "at": batch.finished_at,
            "before": before,
            "after": after,
        }
    )
    rows.effects.extend(
        {
            "key": effect.key,
            "kind": effect.kind.value,
            "workspace_id": batch.workspace_id,
            "lead_id": change.lead.id,
            "appointment_id": effect.appointment_id,
            "run_id": batch.run_id,
            "created_at": batch.finished_at,
        }
        for effect in change.effects
    )


def _marks(batch: BatchWrite, marks: PlanMarks, *, drifted: AbstractSet[LeadId]) -> list[Row]:
    refused = {write.lead.id: write.refusal for write in batch.writes if write.refusal is not None}
    return [
        {
            "plan_id": marks.plan_id,
            "lead_id": lead_id,
            "state": _mark(lead_id, state, drifted=drifted, refused=refused).value,
            "reason": refused.get(lead_id),
            "run_id": batch.run_id,
            "moved_at": batch.finished_at,
        }
        for lead_id, state in sorted(marks.states.items())
    ]


def _mark(
    lead_id: LeadId, state: ItemState, *, drifted: AbstractSet[LeadId], refused: Mapping[LeadId, str]
) -> ItemState:
    if lead_id in refused:
        return ItemState.REFUSED
    return ItemState.DRIFTED if lead_id in drifted else state


def _state(lead: Lead, state: LeadState) -> Row:
    return {
        "lead_id": lead.id,
        "workspace_id": lead.workspace_id,
        "attempted_at": state.attempted_at,
        "verified_at": state.verified_at,
        "next_attempt_at": state.next_attempt_at,
        "failure_count": min(state.failure_count, _MOST_FAILURES),
        "quarantined_at": state.quarantined_at,
        "reason": state.reason,
        "absent_since": state.absent_since,
        "mismatch": state.mismatch.value if state.mismatch else None,
        "mismatch_at": state.mismatch_at,
        "occurrence": state.occurrence,
    }


def _is_lead_changed(change: Change) -> bool:
    lead = change.lead
    return (change.rollup, change.status, change.contact_id) != (lead.rollup, lead.status, lead.contact_id)


def _facts(change: Change, mapping: SchemaMapping) -> dict[str, Row]:
    """Return a changed lead's facts in the customer's words, and those of the side table in our words."""
    rollup = change.rollup
    common = {
        "contact_id": change.contact_id,
        "booking_id": rollup.booking_id,
        "booking_starts_at": rollup.starts_at,
        "booking_ends_at": rollup.ends_at,
        "booking_canceled_at": rollup.canceled_at,
    }
    theirs = {
        "status": mapping.lead_words.encode(change.status),
        "booking_provider": mapping.lead_provider_words.encode(rollup.provider),
        "booking_status": mapping.booking_words.encode(rollup.status),
    }
    ours = {
        "status": None if change.status is LeadStatus.OTHER else change.status.value,
        "booking_provider": rollup.provider.value if rollup.provider else None,
        "booking_status": rollup.status.value if rollup.status else None,
    }
    moved = {"booking_owner": ours["booking_provider"], "former_booking_id": change.lead.rollup.booking_id}
    return {"theirs": {**common, **theirs, **moved}, "beside": {**common, **ours}}


def _appointment(
    lead: Lead, change: AppointmentChange, mapping: SchemaMapping, *, at: datetime, spellings: Spellings
) -> Row:
    after = change.after
    return {
        "lead_id": lead.id,
        "workspace_id": lead.workspace_id,
        "appointment_id": spellings.get((lead.id, after.id), after.id),
        "provider": mapping.appointment_provider_words.encode(after.provider),
        "status": mapping.appointment_words.encode(after.status),
        "starts_at": after.starts_at,
        "ends_at": after.ends_at,
        "canceled_at": after.canceled_at,
        "replaces": after.replaces,
        "at": at,
    }


def _appointment_side_row(after: Appointment) -> Row:
    return {"provider": after.provider.value, "status": after.status.value}


def _signature(batch: BatchWrite, signature: ErrorSignature, count: int, *, digest: str) -> Row:
    return {
        "digest": digest,
        "provider": signature.provider,
        "operation": signature.operation,
        "error_class": signature.error_class.value,
        "message": signature.message,
        "shape": list(signature.shape),
        "seen_at": batch.finished_at,
        "count": count,
        "workspace_id": batch.workspace_id,
    }
