"""Stores for tests: migrated databases made quickly, and leads, changes and batches with a test's own facts only."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.credential import Credential, Token
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, LeadStatus, Rollup
from reconcile.domain.planning.change import AppointmentChange, Change, Effect, EffectKind
from reconcile.domain.planning.outcome import ErrorSignature, Outcome
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass
from reconcile.ports import BatchWrite, LeadWrite
from reconcile.store.mapping.mapping import load_mapping
from reconcile.store.schema.migrate import migrate
from tests import postgres

NOW = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
POLICY = DuePolicy()
DEFAULT = load_mapping("default")
W1, W2, W3 = (WorkspaceId(f"w{n}") for n in (1, 2, 3))
RUN = RunId("run-1")


@contextmanager
def postgres_template(server: postgres.Server) -> Iterator[str]:
    """Give the name of a migrated database, of which the others are copies."""
    url = server.create_database()
    postgres.in_thread(migrate(url, mapping=DEFAULT))
    yield url.rpartition("/")[2]
    server.drop_database(url)


def sqlite_template(folder: Path) -> Path:
    """Return a migrated file, of which the others are copies."""
    path = folder / "template.db"
    postgres.in_thread(migrate(f"sqlite:///{path}", mapping=DEFAULT))
    return path


def sqlite_copy(template: Path, folder: Path) -> str:
    """Return the URL of a copy of *template*."""
    shutil.copy(template, folder / "reconcile.db")
    return f"sqlite:///{folder}/reconcile.db"


def workspace(workspace_id: str = W1, *, token: str | None = "ghl-token") -> Workspace:
    credentials = {}
    if token is not None:
        name = ProviderName.HIGHLEVEL
        credentials = {name: Credential(provider=name, token=Token(token), account=f"loc-{workspace_id}")}
    return Workspace(id=WorkspaceId(workspace_id), credentials=credentials, timezone="Europe/Berlin")


def lead(lead_id: str = "l1", *, workspace_id: str = W1, **facts: Any) -> Lead:
    """Return a lead that is due: in a sequence, unless *facts* say otherwise."""
    given: dict[str, Any] = {"email": f"{lead_id}@example.org", "in_sequence": True, **facts}
    return Lead(id=LeadId(lead_id), workspace_id=WorkspaceId(workspace_id), **given)


def appointment(appointment_id: str = "A1", **facts: Any) -> Appointment:
    given: dict[str, Any] = {
        "provider": ProviderName.HIGHLEVEL,
        "status": AppointmentStatus.CONFIRMED,
        "starts_at": NOW + timedelta(hours=30),
        "ends_at": NOW + timedelta(hours=31),
        **facts,
    }
    return Appointment(id=AppointmentId(appointment_id), **given)


def booking(of: Lead, booked: Appointment, **facts: Any) -> Change:
    """Return the change that books *booked*, or brings it up to date where the lead has it already."""
    before = next((each for each in of.appointments if each.id == booked.id), None)
    given: dict[str, Any] = {
        "lead": of,
        "outcome": Outcome.BOOKED,
        "rollup": Rollup(
            booking_id=booked.id,
            provider=booked.provider,
            status=booked.status,
            starts_at=booked.starts_at,
            ends_at=booked.ends_at,
            canceled_at=booked.canceled_at,
        ),
        "status": LeadStatus.MEETING_BOOKED,
        "contact_id": of.contact_id,
        "appointments": (AppointmentChange(before=before, after=booked),),
        "effects": (
            Effect(kind=EffectKind.START_POST_BOOKING_SEQUENCE, key=f"start:{booked.id}", appointment_id=booked.id),
        ),
        **facts,
    }
    return Change(**given)


def signature(message: str = "GHL answered 500") -> ErrorSignature:
    return ErrorSignature(provider="ghl", operation="appointment", error_class=ErrorClass.UNAVAILABLE, message=message)


def lead_write(of: Lead, *, change: Change | None = None, at: datetime = NOW, **facts: Any) -> LeadWrite:
    """Return what a decisive outcome leaves behind; refused, the lead is attempted and not verified."""
    attempted = replace(of.state, attempted_at=at)
    given: dict[str, Any] = {
        "outcome": change.outcome if change else Outcome.UNCHANGED,
        "state": replace(attempted, verified_at=at),
        "state_if_drifted": attempted,
        "state_if_refused": replace(attempted, failure_count=of.state.failure_count + 1),
        "change": change,
        **facts,
    }
    return LeadWrite(lead=of, **given)


def batch(writes: Sequence[LeadWrite], *, leases: Sequence[Lease] = (), at: datetime = NOW, **facts: Any) -> BatchWrite:
    counts: dict[Outcome, int] = {}
    for write in writes:
        counts[write.outcome] = counts.get(write.outcome, 0) + 1
    given: dict[str, Any] = {
        "run_id": RUN,
        "workspace_id": writes[0].lead.workspace_id if writes else W1,
        "started_at": at - timedelta(seconds=2),
        "finished_at": at,
        "counts": counts,
        **facts,
    }
    return BatchWrite(writes=tuple(writes), leases=tuple(leases), **given)


def state(**facts: Any) -> LeadState:
    return LeadState(**facts)
