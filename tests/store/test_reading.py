"""Each column of a row reaches its own field."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.credential import Credential, Token
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, LeadStatus, MismatchKind, Rollup
from reconcile.domain.planning.outcome import ErrorSignature
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass
from reconcile.store.mapping.row_mapper import NO_START, read_appointment, read_lead, read_signature, read_workspace
from tests.stores import DEFAULT

URI = "https://api.calendly.com/scheduled_events/E/invitees/I"


def at(minutes: int) -> datetime:
    """Return an instant of its own for each field."""
    return datetime(2025, 3, 3, tzinfo=UTC) + timedelta(minutes=minutes)


INSTANTS = (
    *("booking_starts_at", "booking_ends_at", "booking_canceled_at", "last_inbound_at", "attempted_at", "verified_at"),
    *("next_attempt_at", "quarantined_at", "absent_since", "mismatch_at"),
)
LEAD_ROW: dict[str, Any] = {
    "occurrence": 4,
    "id": "lead",
    "workspace_id": "workspace",
    "email": "ann@example.com",
    "contact_id": "contact",
    "status": "qualified",
    "booking_id": "booking",
    "booking_provider": "ghl",
    "booking_status": "canceled",
    "booking_status_exact": None,
    "in_sequence": 1,
    "failure_count": 3,
    "reason": "because",
    "mismatch": "status_or_time_differs",
    **{name: at(number) for number, name in enumerate(INSTANTS)},
}
APPOINTMENT_ROW: dict[str, Any] = {
    "appointment_id": "new",
    "provider": "ghl",
    "status": "canceled",
    "status_exact": None,
    "starts_at": at(1),
    "ends_at": at(2),
    "canceled_at": at(3),
    "replaces": "old",
}
APPOINTMENT = Appointment(
    id=AppointmentId("new"),
    provider=ProviderName.HIGHLEVEL,
    status=AppointmentStatus.CANCELED,
    starts_at=at(1),
    ends_at=at(2),
    canceled_at=at(3),
    replaces=AppointmentId("old"),
)
WORKSPACE_ROW: dict[str, Any] = {
    "id": "workspace",
    "timezone": "Europe/Berlin",
    "ghl_token": "ghl",
    "ghl_location_id": "location",
    "calendly_token": "calendly",
    "calendly_user": "user",
    "provider_preference": "calendly",
    "visited_at": at(1),
    "not_before": at(2),
}


def lead(**columns: Any) -> Lead:
    """Read a lead's row with these columns instead of the usual ones."""
    row: Any = LEAD_ROW | columns
    return read_lead(row, [APPOINTMENT], DEFAULT)


def appointment(**columns: Any) -> Appointment | None:
    """Read an appointment's row with these columns instead of the usual ones."""
    row: Any = APPOINTMENT_ROW | columns
    return read_appointment(row, DEFAULT)


def test_each_column_of_a_lead_reaches_its_field() -> None:
    assert lead() == Lead(
        id=LeadId("lead"),
        workspace_id=WorkspaceId("workspace"),
        email="ann@example.com",
        contact_id="contact",
        status=LeadStatus.QUALIFIED,
        rollup=Rollup(
            booking_id="booking",
            provider=ProviderName.HIGHLEVEL,
            status=AppointmentStatus.CANCELED,
            starts_at=at(0),
            ends_at=at(1),
            canceled_at=at(2),
            is_foreign=False,
        ),
        appointments=(APPOINTMENT,),
        in_sequence=True,
        last_inbound_at=at(3),
        state=LeadState(
            attempted_at=at(4),
            verified_at=at(5),
            next_attempt_at=at(6),
            failure_count=3,
            quarantined_at=at(7),
            reason="because",
            absent_since=at(8),
            mismatch=MismatchKind.DIFFERS,
            mismatch_at=at(9),
            occurrence=4,
        ),
    )


def test_a_lead_without_stored_state_has_default_values() -> None:
    empty = dict.fromkeys(LEAD_ROW) | {"id": "lead", "workspace_id": "workspace", "email": ""}

    assert lead(**empty) == Lead(id=LeadId("lead"), workspace_id=WorkspaceId("workspace"), appointments=(APPOINTMENT,))


@pytest.mark.parametrize(
    ("provider", "booking", "is_foreign"),
    [("ghl", "b", False), ("outlook", "b", True), ("outlook", None, False), (None, "b", False), ("", "b", False)],
)
def test_a_booking_of_an_unknown_calendar_is_foreign(
    provider: str | None, booking: str | None, is_foreign: bool
) -> None:
    assert lead(booking_provider=provider, booking_id=booking).rollup.is_foreign is is_foreign


def test_the_exact_status_of_a_booking_is_read_from_the_side_table() -> None:
    mapping = DEFAULT.booking_words

    assert mapping.decode("canceled", remembered="canceled") is AppointmentStatus.CANCELED
    assert lead(booking_status="rescheduled").rollup.status is AppointmentStatus.RESCHEDULED
    assert lead(booking_status="a word of a later version").rollup.status is AppointmentStatus.UNKNOWN


def test_each_column_of_an_appointment_reaches_its_field() -> None:
    assert appointment() == APPOINTMENT


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"appointment_id": None}, None),
        ({"appointment_id": ""}, None),
        ({"provider": "outlook"}, None),
        ({"status": None}, None),
        ({"provider": None, "appointment_id": "no id of any provider"}, None),
        ({"provider": None}, ProviderName.HIGHLEVEL),
        ({"provider": None, "appointment_id": URI}, ProviderName.CALENDLY),
        ({"provider": "calendly"}, ProviderName.CALENDLY),
    ],
)
def test_an_appointment_is_read_only_with_known_id_status_and_provider(
    columns: dict[str, Any], expected: ProviderName | None
) -> None:
    found = appointment(**columns)

    assert (found and found.provider) == expected


def test_an_appointment_has_a_canonical_id_and_a_missing_start_equals_no_other() -> None:
    found = appointment(appointment_id="/scheduled_events/E/invitees/I", starts_at=None, replaces="")

    assert found is not None
    assert (found.id, found.starts_at, found.replaces) == (URI, NO_START, None)


class Mounted:
    """Tokens that lie outside the database."""

    def of(self, workspace_id: WorkspaceId) -> tuple[dict[ProviderName, Token], tuple[str, ...]]:
        return {ProviderName.HIGHLEVEL: Token(f"mounted for {workspace_id}")}, ("one cannot be read",)


def workspace(tokens: Mounted | None = None, **columns: Any) -> Workspace:
    """Read a workspace's row with these columns instead of the usual ones."""
    row: Any = WORKSPACE_ROW | columns
    return read_workspace(row, DEFAULT, tokens)


def credentials(ghl: str | None, calendly: str | None) -> dict[ProviderName, Credential]:
    """Return the credentials of the usual accounts with these tokens."""
    found = {ProviderName.HIGHLEVEL: (ghl, "location"), ProviderName.CALENDLY: (calendly, "user")}
    return {
        provider: Credential(provider=provider, token=Token(token), account=account)
        for provider, (token, account) in found.items()
        if token is not None
    }


def test_each_column_of_a_workspace_reaches_its_field() -> None:
    assert workspace() == Workspace(
        id=WorkspaceId("workspace"),
        credentials=credentials("ghl", "calendly"),
        timezone="Europe/Berlin",
        preferred=ProviderName.CALENDLY,
        visited_at=at(1),
        not_before=at(2),
    )


def test_a_token_from_a_file_wins_over_the_one_in_the_database() -> None:
    found = workspace(Mounted(), ghl_token="not a token")

    assert found.credentials == credentials("mounted for workspace", "calendly")
    assert found.faults == ("one cannot be read",)


def test_a_token_that_cannot_be_used_is_a_fault_and_the_other_provider_works() -> None:
    found = workspace(Mounted(), calendly_token="two words", timezone="")

    assert found.credentials == credentials("mounted for workspace", None)
    assert found.timezone is None
    assert [each.partition(" has ")[0] for each in found.faults] == [
        "one cannot be read",
        "calendly token of workspace workspace",
    ]


def test_a_workspace_without_tokens_and_accounts_has_no_credentials() -> None:
    assert workspace(ghl_token=None, calendly_token=None).credentials == {}
    assert workspace(calendly_user="").credentials[ProviderName.CALENDLY].account is None


@pytest.mark.parametrize("error_class", [*ErrorClass, "of a later version"])
def test_each_column_of_a_signature_reaches_its_field(error_class: str) -> None:
    row: Any = {
        "provider": "calendly",
        "operation": "list",
        "error_class": error_class,
        "message": "text",
        "shape": ["a", "b"],
    }

    assert read_signature(row) == ErrorSignature(
        provider="calendly",
        operation="list",
        error_class=ErrorClass(error_class) if error_class in set(ErrorClass) else ErrorClass.REJECTED,
        message="text",
        shape=("a", "b"),
    )
