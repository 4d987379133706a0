"""Creates the leads of one world with the provider's records of them, before the first event."""

from dataclasses import replace
from datetime import timedelta

from benchmarks.evidence.company import APIS, MEETING, Company, Member
from benchmarks.evidence.records import GHL
from benchmarks.evidence.statements import Path
from benchmarks.evidence.worlds import Case, Share
from benchmarks.virtual_time import START, VirtualClock
from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.credential import Credential, Token
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadStatus, Rollup
from reconcile.domain.workspace import Workspace
from reconcile.drill.company import CALENDLY_USERS
from reconcile.simulator import World


def company_of(case: Case, clock: VirtualClock) -> Company:
    """Return the company of a world, as it is before the first look and before anything is said."""
    world = World(now=clock.now, seed=1)
    company = Company(provider=case.provider, world=world)
    company.script = case.statement.script or company.script
    company.hides_sights = case.statement.hides_sights
    number = 0
    for index in range(case.size.workspaces):
        workspace, account = _workspace(company, index)
        company.workspaces.append(workspace)
        for position in range(case.size.leads):
            path = _path(case, position)
            member = _member(company, account, workspace.id, number=number, path=path)
            member.is_affected = _is_affected(case, index, position)
            if member.is_affected:
                member.lead = case.statement.store(member.lead)
            company.add(member)
            number += 1
    return company


def _path(case: Case, position: int) -> Path:
    """Return how the lead at *position* in its workspace is looked up."""
    if case.path is not Path.BESIDE:
        return case.path
    if position == 0:
        return Path.STORED_ID
    return Path.CONTACT if case.provider is GHL else Path.EMAIL


def _is_affected(case: Case, workspace: int, position: int) -> bool:
    match case.share:
        case Share.ALL:
            return True
        case Share.ACCOUNTS:
            return workspace < max(1, case.size.workspaces // 6)
        case Share.ONE:
            return workspace == position == 0


def _workspace(company: Company, index: int) -> tuple[Workspace, str]:
    workspace_id, provider = WorkspaceId(f"w{index:03}"), company.provider
    if provider is GHL:
        location = company.world.ghl.add_location(workspace=workspace_id)
        token, account, own = location.token, location.id, location.id
    else:
        user = company.world.calendly.add_user(workspace=workspace_id)
        token, account, own = user.token, CALENDLY_USERS + user.id, user.id
    credential = Credential(provider=provider, token=Token.parse(token, where=APIS[provider]), account=account)
    return Workspace(id=workspace_id, timezone="UTC", credentials={provider: credential}), own


def _member(company: Company, account: str, workspace_id: WorkspaceId, *, number: int, path: Path) -> Member:
    """Enter one person with a confirmed meeting at the provider, and return it with the lead as it is stored."""
    email, starts_at = f"lead-{number}@example.com", MEETING + timedelta(hours=number)
    lead = Lead(
        id=LeadId(f"lead-{number:04}"),
        workspace_id=workspace_id,
        email=email,
        status=LeadStatus.QUALIFIED,
        in_sequence=True,
        last_inbound_at=START - timedelta(days=1),
    )
    member = Member(lead=lead, account=account, email=email, starts_at=starts_at)
    if company.provider is GHL:
        state = company.world.ghl
        member.contact = state.add_contact(account, email=email).id
        member.booking = state.add_booking(member.contact, starts_at=starts_at).id
        if path is not Path.EMAIL:
            member.lead = replace(lead, contact_id=member.contact)
    else:
        invitee = company.world.calendly.add_booking(account, email=email, starts_at=starts_at)
        member.booking, member.event = invitee.id, invitee.event_id
    booking_id = _stored_id(company, member, path)
    if booking_id is not None:
        member.lead = _booked(member, booking_id, company.provider)
    return member


def _stored_id(company: Company, member: Member, path: Path) -> str | None:
    uri = f"https://api.calendly.com/scheduled_events/{member.event}"
    match path:
        case Path.STORED_ID | Path.LIST:
            return member.booking if company.provider is GHL else f"{uri}/invitees/{member.booking}"
        case Path.EVENT_ONLY:
            return uri
        case Path.BARE_UUID:
            return member.event
        case Path.UNREADABLE_ID:
            return f"appointment no. {member.booking[:4]}"
        case _:
            return None


def _booked(member: Member, booking_id: str, provider: ProviderName) -> Lead:
    ends_at = member.starts_at + timedelta(minutes=30)
    rollup = Rollup(
        booking_id=booking_id,
        provider=provider,
        status=AppointmentStatus.CONFIRMED,
        starts_at=member.starts_at,
        ends_at=ends_at,
    )
    appointment = Appointment(
        id=AppointmentId(booking_id),
        provider=provider,
        status=AppointmentStatus.CONFIRMED,
        starts_at=member.starts_at,
        ends_at=ends_at,
    )
    has_row = member.booking in booking_id
    return replace(
        member.lead, rollup=rollup, status=LeadStatus.MEETING_BOOKED, appointments=(appointment,) if has_row else ()
    )
