"""All statements that are tried: booking seen, named absent, or not mentioned."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.evidence import records, replies
from benchmarks.evidence.company import Reply, Topic
from benchmarks.evidence.records import GHL
from benchmarks.evidence.statements import Evidence, Path, Statement, due
from reconcile.domain.ids import ProviderName

BY_ID = frozenset({Path.STORED_ID, Path.LIST})
_BOOKINGS = frozenset({Topic.BOOKING})
_CONTACTS = frozenset({Topic.CONTACT})
TEXTS_404: Mapping[str, Reply] = {
    "404 version header was not found.": replies.refusal("version header was not found."),
    "404 Location not found": replies.refusal("Location not found"),
    "404 Token not found": replies.refusal("Token not found"),
    "404 Calendar not found": replies.refusal("Calendar not found"),
    "404 Route GET:/… not found": replies.refusal("Route GET:/calendars/events/appointments not found"),
    "404 default backend": replies.refusal("default backend - 404"),
    "404 default backend, as text": replies.PLAIN_404,
    "404 {}": replies.EMPTY_OBJECT_404,
    "400 Location not found": replies.refusal("Location not found", status=400),
}
_BODIES_200: Mapping[str, Reply] = {
    "200 web page": replies.PAGE_200,
    "200 without a body": replies.EMPTY_BODY_200,
    "200 {}": replies.EMPTY_OBJECT_200,
}


def paths_of(provider: ProviderName) -> Sequence[Path]:
    """Return the ways by which a provider's leads are looked up."""
    if provider is GHL:
        return Path.STORED_ID, Path.LIST, Path.UNREADABLE_ID, Path.CONTACT, Path.EMAIL
    return Path.STORED_ID, Path.LIST, Path.EVENT_ONLY, Path.BARE_UUID, Path.EMAIL


def statements(provider: ProviderName) -> Sequence[Statement]:
    """Return everything that *provider* may say."""
    own = _of_ghl() if provider is GHL else _of_calendly()
    return [*_seen(provider), *_absent(provider), *_not_mentioned(provider), *own]


def _seen(provider: ProviderName) -> Iterator[Statement]:
    stored = BY_ID if provider is GHL else BY_ID | {Path.EVENT_ONLY, Path.BARE_UUID}
    searched = frozenset({Path.CONTACT, Path.EMAIL}) if provider is GHL else frozenset({Path.EMAIL})
    seen = Evidence.SEEN
    yield Statement(name="confirmed as stored", evidence=seen, paths=stored)
    canceled = due(records.canceled)
    yield Statement(name="canceled", evidence=seen, paths=stored, prepare=records.cancel, truth=canceled, followups=1)
    yield Statement(name="moved", evidence=seen, paths=stored, prepare=records.move, truth=due(records.moved))
    yield Statement(name="booked", evidence=seen, paths=searched, truth=due(records.active), followups=1)


def _absent(provider: ProviderName) -> Iterator[Statement]:
    paths = BY_ID if provider is GHL else BY_ID | {Path.EVENT_ONLY}
    named = Evidence.NAMED_ABSENT
    yield Statement(name="deleted", evidence=named, paths=paths, prepare=records.delete, truth=records.gone)
    yield Statement(
        name="deleted for two looks, then there again",
        evidence=named,
        paths=paths,
        prepare=records.delete,
        later={3: records.book_again},
        truth=records.gone_and_back,
        looks=(3,),
        store=records.out_of_sequence,
        followups=2,
    )
    text = "Appointment not found" if provider is GHL else "The server could not find the requested resource."
    yield Statement(
        name="all of an account named absent, though all are there",
        evidence=named,
        paths=BY_ID,
        script=replies.first_of(replies.always(replies.refusal(text), _BOOKINGS), replies.lists_are_empty),
        is_of_account=True,
    )


def _not_mentioned(provider: ProviderName) -> Iterator[Statement]:
    every = frozenset(paths_of(provider))
    nothing = Evidence.NOT_MENTIONED
    for name, reply in TEXTS_404.items():
        yield Statement(name=name, evidence=nothing, paths=every, script=replies.always(reply))
    narrow = BY_ID if provider is GHL else BY_ID | {Path.EVENT_ONLY}
    for name in ("404 Location not found", "404 {}"):
        script = replies.first_of(replies.always(TEXTS_404[name], _BOOKINGS), replies.lists_are_empty)
        yield Statement(name=f"{name}; lists empty", evidence=nothing, paths=narrow, script=script)
    yield Statement(name="lists empty", evidence=nothing, paths=every, script=replies.lists_are_empty)
    for name, reply in _BODIES_200.items():
        yield Statement(name=name, evidence=nothing, paths=every, script=replies.always(reply))
    yield Statement(name="200 cut", evidence=nothing, paths=every, script=replies.truncate(replies.EVERYTHING))
    lacks_id = replies.altered(id=None) if provider is GHL else replies.altered(uri=None)
    yield Statement(name="200 without the id", evidence=nothing, paths=narrow, script=lacks_id)


HIDDEN = Statement(
    name="lists empty, though what exists has to be in them",
    evidence=Evidence.NOT_MENTIONED,
    paths=frozenset({Path.BESIDE}),
    script=replies.lists_hide,
)
"""Statements of both providers. A known booking shows that these lists are incomplete."""


def _status(word: str) -> Mapping[str, str]:
    return {"appointmentStatus": word, "appoinmentStatus": word, "status": word}


def _of_ghl() -> Iterator[Statement]:
    yield from _ghl_changes()
    yield from _ghl_doubts()
    yield from _ghl_persons()


def _ghl_changes() -> Iterator[Statement]:
    seen = Evidence.SEEN
    yield Statement(
        name="canceled, then confirmed again",
        evidence=seen,
        paths=BY_ID,
        prepare=records.cancel,
        later={2: records.confirm},
        truth=records.canceled_and_back,
        looks=(2,),
        store=records.out_of_sequence,
        followups=2,
    )
    yield Statement(
        name="booked, canceled, confirmed again",
        evidence=seen,
        paths=frozenset({Path.CONTACT, Path.EMAIL}),
        later={2: records.cancel, 3: records.confirm},
        truth=records.booked_canceled_and_back,
        looks=(3,),
        followups=3,
    )
    yield Statement(
        name="canceled, and a new one; neither has dates",
        evidence=seen,
        paths=frozenset({Path.STORED_ID}),
        prepare=records.cancel_and_book_another,
        script=replies.without("dateAdded", "dateUpdated"),
        truth=due(records.moved),
        forbids_replaces=True,
    )
    yield Statement(
        name="naive times, and the workspace's zone is wrong",
        evidence=seen,
        paths=frozenset({Path.CONTACT}),
        prepare=records.move_account_to_new_york,
        truth=due(records.active),
        is_of_account=True,
    )


def _ghl_doubts() -> Iterator[Statement]:
    nothing = Evidence.NOT_MENTIONED
    for word in ("invalid", "pending", "scheduled"):
        script = replies.altered(**_status(word))
        yield Statement(name=f"status {word}", evidence=nothing, paths=BY_ID, script=script)
    yield Statement(
        name="status invalid, another meeting ahead",
        evidence=Evidence.SEEN,
        paths=BY_ID,
        prepare=records.book_another,
        script=replies.altered(**_status("invalid")),
        truth=due(records.moved),
    )
    script = replies.altered(endTime="2026-03-01T00:00:00Z")
    yield Statement(name="an end before its start", evidence=nothing, paths=BY_ID, script=script)


def _ghl_persons() -> Iterator[Statement]:
    nothing, contact_gone = Evidence.NOT_MENTIONED, replies.refusal("Contact not found", status=400)
    for word in ("cancelled", "confirmed"):
        yield Statement(
            name=f"another contact's, {word}",
            evidence=nothing,
            paths=BY_ID,
            prepare=records.give_away,
            script=replies.altered(**_status(word)),
            hides_sights=True,
        )
    yield Statement(
        name="another contact's and moved, own contact gone",
        evidence=nothing,
        paths=BY_ID,
        prepare=records.give_away_later,
        script=replies.always(contact_gone, _CONTACTS),
        hides_sights=True,
    )
    yield Statement(
        name="contact gone, booked again under its e-mail",
        evidence=Evidence.SEEN,
        paths=frozenset({Path.CONTACT}),
        prepare=records.book_under_second_contact,
        script=replies.always(contact_gone, _CONTACTS),
        truth=due(records.moved, after=2),
        followups=1,
    )


def _of_calendly() -> Iterator[Statement]:
    for name, change, truth in (
        ("canceled", records.cancel, due(records.canceled)),
        ("moved", records.move, due(records.moved)),
    ):
        yield Statement(
            name=f"the event is {name}, its invitee has another e-mail",
            evidence=Evidence.SEEN,
            paths=frozenset({Path.EVENT_ONLY}),
            prepare=records.of_another_address(change),
            truth=truth,
        )
    yield Statement(
        name="status pending",
        evidence=Evidence.NOT_MENTIONED,
        paths=BY_ID | {Path.EVENT_ONLY},
        script=replies.altered(status="pending"),
    )
