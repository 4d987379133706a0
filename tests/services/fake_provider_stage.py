"""The scenes of the contract that every provider passes, as the fake plays them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.evidence.bulk_listing import SweepCost
from reconcile.domain.ids import AppointmentId, Operation, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, ProviderRejected, ProviderUnavailable, RateLimited
from tests.domain.factories import a_lead
from tests.services.fakes import FakeClock, FakeProvider, a_workspace, failure

BOOKED = AppointmentId("booked")


@dataclass(frozen=True)
class FakeStage:
    """The fake with one workspace, and a hand that changes its world."""

    provider: FakeProvider
    workspace: Workspace

    def now(self) -> datetime:
        return self.provider.clock.now()

    def monotonic(self) -> float:
        return self.provider.clock.monotonic()

    def stranger(self) -> Lead:
        return a_lead(email="ann@example.com", workspace_id=self.workspace.id)

    def book(self, starts_at: datetime) -> Lead:
        self.provider.appointments[BOOKED] = Appointment(
            id=BOOKED, provider=self.provider.name, status=AppointmentStatus.CONFIRMED, starts_at=starts_at
        )
        return replace(self.stranger(), rollup=Rollup(booking_id=BOOKED, provider=self.provider.name))

    def cancel(self, booked: Lead) -> None:
        found = self.provider.appointments[BOOKED]
        canceled = replace(found, status=AppointmentStatus.CANCELED, canceled_at=self.now())
        self.provider.appointments[BOOKED] = canceled

    def remove(self, booked: Lead) -> None:
        del self.provider.appointments[BOOKED]

    def refuse(self, *, status: int) -> None:
        name, operation, text = self.provider.name, Operation.APPOINTMENT, f"answered {status}"
        self.provider.on_sweep = self.provider.always = {
            401: ProviderRejected(
                text, provider=name, operation=operation, status=status, error_class=ErrorClass.CREDENTIAL
            ),
            429: RateLimited(text, provider=name, operation=operation, retry_after=timedelta(seconds=30)),
            500: ProviderUnavailable(text, provider=name, operation=operation, status=status),
        }[status]

    def empty_lists(self) -> None:
        self.provider.unlisted.add(BOOKED)

    def lose_ids(self) -> None:
        self.provider.on_sweep = self.provider.always = failure(ErrorClass.CONTRACT)


@asynccontextmanager
async def fake_stage() -> AsyncIterator[FakeStage]:
    """Give the fake as GHL."""
    provider = FakeProvider(ProviderName.HIGHLEVEL, clock=FakeClock())
    provider.cost = SweepCost(fixed=1, lookup=1, past_lookup=1)
    yield FakeStage(provider=provider, workspace=a_workspace(WorkspaceId("ws")))
