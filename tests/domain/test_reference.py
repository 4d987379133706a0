"""What a stored booking id means, and that nothing else of it survives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.evidence.booking_reference import CalendlyReference, canonical, provider_of, refers_to
from reconcile.domain.ids import AppointmentId, ProviderName

EVENT = "https://api.calendly.com/scheduled_events/EV"


@pytest.mark.parametrize(
    ("text", "event", "invitee"),
    [
        (EVENT, "EV", None),
        (f"{EVENT}/invitees/INV", "EV", "INV"),
        (f"{EVENT}/invitees/INV/", "EV", "INV"),
        ("https://evil.example/scheduled_events/EV/invitees/INV?x=1#y", "EV", "INV"),
        ("http://user:pw@evil.example:99/scheduled_events/EV", "EV", None),
        ("scheduled_events/EV", "EV", None),
        ("/scheduled_events/EV/invitees/INV", "EV", "INV"),
    ],
)
def test_the_uuids_are_taken_out_wherever_the_uri_points(text: str, event: str, invitee: str | None) -> None:
    assert CalendlyReference.parse(text) == CalendlyReference(event=event, invitee=invitee)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EV",
        f"{EVENT}/../users",
        f"{EVENT}/invitees/a%2F..",
        "scheduled_events/",
        f"{EVENT}\nX",
        "scheduled_events/é",
    ],
)
def test_anything_else_is_no_reference(text: str) -> None:
    assert CalendlyReference.parse(text) is None


@given(st.text())
def test_any_text_has_a_canonical_form_that_stays(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


def test_an_events_uri_means_each_of_its_invitees() -> None:
    assert refers_to(EVENT, AppointmentId(f"{EVENT}/invitees/INV"))
    assert not refers_to(f"{EVENT}/invitees/INV", AppointmentId(f"{EVENT}/invitees/OTHER"))
    assert not refers_to(EVENT, AppointmentId(f"{EVENT}2/invitees/INV"))


UUID, OTHER = "5f0e7a34-9b1c-4a55-8d3e-1c2b3a495867", "9b1c4a55-5f0e-4a55-8d3e-1c2b3a495867"
_ORIGIN = "https://api.calendly.com/scheduled_events"


@pytest.mark.parametrize(
    "stored", [UUID, f" {UUID} ", f"https://calendly.com/events/{UUID}/", f"/cancellations/{UUID}?a=1"]
)
def test_a_uuid_without_its_uri_means_the_event_or_the_invitee_that_has_it(stored: str) -> None:
    assert refers_to(stored, AppointmentId(f"{_ORIGIN}/{UUID}/invitees/{OTHER}"))
    assert refers_to(stored, AppointmentId(f"{_ORIGIN}/{OTHER}/invitees/{UUID}"))
    assert refers_to(stored, AppointmentId(f"{_ORIGIN}/{UUID}"))
    assert not refers_to(stored, AppointmentId(f"{_ORIGIN}/{OTHER}/invitees/{OTHER}"))
    assert not refers_to(stored, AppointmentId(f"{UUID}-not-of-calendly"))


@pytest.mark.parametrize("stored", ["EVENT", "events/EVENT", f"not an id {UUID}", f"{UUID} "[1:-1], ""])
def test_short_or_other_text_means_no_event(stored: str) -> None:
    assert not refers_to(stored, AppointmentId(f"{_ORIGIN}/{UUID}/invitees/EVENT"))
    assert not refers_to(stored, AppointmentId(f"{_ORIGIN}/EVENT/invitees/{UUID}"))


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        (EVENT, ProviderName.CALENDLY),
        ("ocQHyuzHvysMo5N5VsXc", ProviderName.HIGHLEVEL),
        ("ocQHyuzHvysMo5N5VsXc_1729821600000_1800", ProviderName.HIGHLEVEL),
        ("not an id", None),
        ("https://evil.example/x", None),
    ],
)
def test_the_form_of_an_id_decides_its_provider(text: str, provider: ProviderName | None) -> None:
    assert provider_of(text) is provider
