"""The naive rule for comparison: a reconciler that believes every response, so that its errors show in the figures.

Any 2xx, 400 or 404 counts as a verification; the second consecutive 404 cancels. It looks up by the stored id, else by
contact, else by e-mail, and takes the first booking.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson

from benchmarks.evidence.company import Company, Member
from benchmarks.virtual_time import VirtualClock
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.domain.ids import LeadId, ProviderName
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.planning.change import EffectKind

GHL = ProviderName.HIGHLEVEL
_GONE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
_CALLED_OFF = frozenset({"cancelled", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    booking_id: str
    status: AppointmentStatus
    starts_at: datetime


class NaiveReconciler:
    """The leads of one company, checked without a doubt."""

    def __init__(self, company: Company, clock: VirtualClock) -> None:
        self._company = company
        self._clock = clock
        self._leads = {each.lead.id: each.lead for each in company.members}
        self._gone: dict[LeadId, int] = {}
        self._effects: dict[LeadId, list[EffectKind]] = {}

    def look(self) -> None:
        """Look up every lead once."""
        for member in self._company.members:
            self._check(member)

    def leads(self) -> Mapping[LeadId, Lead]:
        """Return all leads as they are now."""
        return dict(self._leads)

    def effects(self) -> Mapping[LeadId, list[EffectKind]]:
        """Return the follow-ups that each lead has caused."""
        return self._effects

    def _check(self, member: Member) -> None:
        lead = self._leads[member.lead.id]
        status, body = self._ask(member, lead)
        if status not in _GONE and status != HTTPStatus.OK:
            return
        self._gone[lead.id] = self._gone.get(lead.id, 0) + 1 if status in _GONE else 0
        try:
            found = next(iter(_found(orjson.loads(body), self._zone(member))), None)
        except (ValueError, KeyError, TypeError):
            if status == HTTPStatus.OK:
                return
            found = None
        if found is not None:
            self._adopt(lead, found)
        elif self._gone[lead.id] > 1 and lead.rollup.status is AppointmentStatus.CONFIRMED:
            self._write(lead, replace(lead.rollup, status=AppointmentStatus.CANCELED))
        now = self._clock.now()
        lead = self._leads[lead.id]
        self._leads[lead.id] = replace(lead, state=replace(lead.state, attempted_at=now, verified_at=now))

    def _adopt(self, lead: Lead, found: _Found) -> None:
        rollup = lead.rollup
        if rollup.booking_id is None:
            rollup = replace(rollup, booking_id=found.booking_id)
        rollup = replace(rollup, status=found.status, starts_at=found.starts_at)
        if rollup != lead.rollup:
            self._write(lead, rollup)

    def _write(self, lead: Lead, rollup: Rollup) -> None:
        if rollup.status is not lead.rollup.status:
            is_booking = rollup.status is AppointmentStatus.CONFIRMED
            kind = EffectKind.START_POST_BOOKING_SEQUENCE if is_booking else EffectKind.OPEN_CANCELLATION_TASK
            self._effects.setdefault(lead.id, []).append(kind)
        self._leads[lead.id] = replace(lead, rollup=rollup)

    def _zone(self, member: Member) -> ZoneInfo:
        workspace = next(each for each in self._company.workspaces if each.id == member.lead.workspace_id)
        return ZoneInfo(workspace.timezone or "UTC")

    # --- requests --------------------------------------------------------------------------------------------

    def _ask(self, member: Member, lead: Lead) -> tuple[int, bytes]:
        if self._company.provider is not GHL:
            return self._ask_calendly(member, lead)
        booking_id = lead.rollup.booking_id
        if booking_id and " " not in booking_id:
            return self._get(member, f"/calendars/events/appointments/{booking_id}")
        contact_id = lead.contact_id
        if contact_id is None:
            filters = [{"field": "email", "operator": "eq", "value": member.email}]
            search = orjson.dumps({"locationId": member.account, "pageLimit": 20, "filters": filters})
            status, body = self._get(member, "/contacts/search", method="POST", body=search)
            contacts = _listed(body, "contacts")
            if status != HTTPStatus.OK or not contacts:
                return status, body
            contact_id = contacts[0]["id"]
        return self._get(member, f"/contacts/{contact_id}/appointments")

    def _ask_calendly(self, member: Member, lead: Lead) -> tuple[int, bytes]:
        reference = CalendlyReference.parse(lead.rollup.booking_id or "")
        if reference is None:
            user = f"https://api.calendly.com/users/{member.account}"
            query = f"user={quote(user, safe='')}&invitee_email={quote(member.email)}"
            return self._get(member, f"/scheduled_events?{query}")
        path = f"/scheduled_events/{reference.event}"
        if reference.invitee is None:
            return self._get(member, f"{path}/invitees?email={quote(member.email)}")
        status, invitee = self._get(member, f"{path}/invitees/{reference.invitee}")
        return self._get(member, path) if status == HTTPStatus.OK else (status, invitee)

    def _get(self, member: Member, target: str, *, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        world = self._company.world
        is_ghl = self._company.provider is GHL
        token = (world.ghl.locations if is_ghl else world.calendly.users)[member.account].token
        version = "2021-04-15" if target.startswith("/calendars") else "2021-07-28"
        headers = {"authorization": f"Bearer {token}", "version": version, "content-type": "application/json"}
        reply = self._company.answer(method, target, headers, body)
        return reply.status, reply.body


def _listed(body: bytes, key: str) -> list[dict[str, Any]]:
    try:
        content = orjson.loads(body)
    except ValueError:
        return []
    return list(content.get(key, ())) if isinstance(content, dict) else []


def _found(content: Any, zone: ZoneInfo) -> Iterator[_Found]:  # noqa: ANN401 - JSON
    """Give the bookings in an answer, in its order."""
    if isinstance(content, list):
        for each in content:
            yield from _found(each, zone)
    if not isinstance(content, dict):
        return
    starts = content.get("startTime") or content.get("start_time")
    word = str(content.get("appointmentStatus") or content.get("status"))
    if starts is not None:
        status = AppointmentStatus.CANCELED if word in _CALLED_OFF else AppointmentStatus.CONFIRMED
        starts_at = datetime.fromisoformat(starts)
        if starts_at.tzinfo is None:
            starts_at = starts_at.replace(tzinfo=zone)
        yield _Found(booking_id=str(content.get("id") or content.get("uri")), status=status, starts_at=starts_at)
        return
    for each in content.values():
        yield from _found(each, zone)
