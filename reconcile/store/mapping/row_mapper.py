"""Converts rows to leads, appointments and workspaces; an unknown value is a named case."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import RowMapping

from reconcile.domain.appointment import Appointment
from reconcile.domain.credential import Credential, Token
from reconcile.domain.evidence.booking_reference import canonical, provider_of
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, MismatchKind, Rollup
from reconcile.domain.planning.outcome import ErrorSignature
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, SettingsError
from reconcile.ports import TokenSource
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.mapping.readable import NO_KEY, readable, spelled_out

Word = TypeVar("Word", bound=StrEnum)
Row = RowMapping | Mapping[str, Any]

NO_START = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a missing start of a customer's appointment: it differs from any answer, so it is repaired."""


def word(kind: type[Word], text: str | None) -> Word | None:
    """Return the member of *kind* that *text* spells, or None: another version may have written it."""
    try:
        return None if text is None else kind(text)
    except ValueError:
        return None


def read_signature(row: RowMapping) -> ErrorSignature:
    """Return the kind of failure in *row*."""
    return ErrorSignature(
        provider=row["provider"],
        operation=row["operation"],
        error_class=word(ErrorClass, row["error_class"]) or ErrorClass.REJECTED,
        message=row["message"],
        shape=tuple(row["shape"]),
    )


def read_lead(
    stored: Row, appointments: Iterable[Appointment], mapping: SchemaMapping, *, faults: Sequence[str] = ()
) -> Lead:
    """Return the lead that a row of ``lead_query`` holds; *faults* are those of its appointments' rows."""
    row, fault = readable(stored, mapping.lead, beside="reconcile_lead_state")
    said = row["booking_provider"]
    provider = mapping.lead_provider_words.decode(said)
    return Lead(
        id=LeadId(row["id"]),
        workspace_id=WorkspaceId(row["workspace_id"]),
        email=row["email"] or None,
        contact_id=row["contact_id"],
        status=mapping.lead_words.decode(row["status"]),
        rollup=Rollup(
            booking_id=row["booking_id"],
            provider=provider,
            status=mapping.booking_words.decode(row["booking_status"], remembered=row["booking_status_exact"]),
            starts_at=row["booking_starts_at"],
            ends_at=row["booking_ends_at"],
            canceled_at=row["booking_canceled_at"],
            is_foreign=bool(said and row["booking_id"]) and provider is None,
        ),
        appointments=tuple(appointments),
        in_sequence=bool(row["in_sequence"]),
        last_inbound_at=row["last_inbound_at"],
        state=read_state(row),
        fault="; ".join([fault, *faults] if fault else faults) or None,
    )


def read_unusable_lead(stored: Row, mapping: SchemaMapping) -> Lead:
    """Return the lead of a row whose id cannot be used in a statement."""
    lead = read_lead(stored, (), mapping)
    fault = lead.fault or f"{mapping.lead}.{mapping.lead.columns['id']} {NO_KEY}"
    return replace(lead, id=LeadId(spelled_out(stored["id"])), fault=fault, has_usable_id=False)


def read_state(row: Row) -> LeadState:
    """Return the stored state of a lead."""
    return LeadState(
        attempted_at=row["attempted_at"],
        verified_at=row["verified_at"],
        next_attempt_at=row["next_attempt_at"],
        failure_count=row["failure_count"] or 0,
        quarantined_at=row["quarantined_at"],
        reason=row["reason"],
        absent_since=row["absent_since"],
        mismatch=word(MismatchKind, row["mismatch"]),
        mismatch_at=row["mismatch_at"],
        occurrence=row["occurrence"] or 0,
    )


def read_appointment(row: Row, mapping: SchemaMapping) -> Appointment | None:
    """Return the appointment in *row*, or None if it belongs to another calendar or has no id."""
    stored_id = row["appointment_id"]
    if not stored_id:
        return None
    said = row["provider"]
    provider = provider_of(stored_id) if said is None else mapping.appointment_provider_words.decode(said)
    status = mapping.appointment_words.decode(row["status"], remembered=row["status_exact"])
    if provider is None or status is None:
        return None
    return Appointment(
        id=canonical(stored_id),
        provider=provider,
        status=status,
        starts_at=row["starts_at"] or NO_START,
        ends_at=row["ends_at"],
        canceled_at=row["canceled_at"],
        replaces=AppointmentId(row["replaces"]) if row["replaces"] else None,
    )


def read_workspace(stored: Row, mapping: SchemaMapping, tokens: TokenSource | None) -> Workspace:
    """Return the workspace in a row; an unusable credential becomes a fault of this workspace only."""
    row, fault = readable(stored, mapping.workspace, beside="reconcile_workspace_state")
    workspace_id = WorkspaceId(row["id"])
    mounted, faults = tokens.of(workspace_id) if tokens else ({}, ())
    found = dict(mounted)
    sentences = [*faults, *([f"workspace {workspace_id}: {fault}; correct the value"] if fault else [])]
    for provider in ProviderName:
        text = row[_TOKENS[provider]]
        if provider in found or text is None:
            continue
        try:
            found[provider] = Token.parse(text, where=f"{provider} token of workspace {workspace_id}")
        except SettingsError as error:
            sentences.extend(error.faults)
    said = row["provider_preference"]
    preferred = mapping.provider_words.decode(said)
    if said and preferred is None:
        sentences.append(_NO_PREFERENCE.format(workspace=workspace_id, mapping=mapping.name))
    return Workspace(
        id=workspace_id,
        credentials={
            provider: Credential(provider=provider, token=token, account=row[_ACCOUNTS[provider]] or None)
            for provider, token in found.items()
        },
        timezone=row["timezone"] or None,
        visited_at=row["visited_at"],
        not_before=row["not_before"],
        faults=tuple(sentences),
        preferred=preferred,
    )


_NO_PREFERENCE = (
    "workspace {workspace}: provider_preference holds a word that [provider] of {mapping} does not name, "
    "so no provider is preferred; correct the value or the mapping"
)
_TOKENS = {ProviderName.HIGHLEVEL: "ghl_token", ProviderName.CALENDLY: "calendly_token"}
_ACCOUNTS = {ProviderName.HIGHLEVEL: "ghl_location_id", ProviderName.CALENDLY: "calendly_user"}
