"""Calendly's state: users, events and invitees, and their changes."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.simulator.ids import Ids
from reconcile.simulator.records import CalendlyEvent, CalendlyInvitee, CalendlyUser, Cancellation, SubscriptionPlan

HALF_HOUR = timedelta(minutes=30)
ORIGIN = "https://api.calendly.com"


class CalendlyState:
    """Calendly's part of the world; every change sets the record's timestamp from the world's clock."""

    def __init__(self, *, now: Callable[[], datetime], ids: Ids) -> None:
        self._now = now
        self._ids = ids
        self.users: dict[str, CalendlyUser] = {}
        self.events: dict[str, CalendlyEvent] = {}
        self.invitees: dict[str, CalendlyInvitee] = {}
        self.by_token: dict[str, CalendlyUser] = {}
        self._events_by_user: dict[str, list[str]] = defaultdict(list)
        self._events_by_email: dict[str, list[str]] = defaultdict(list)
        self._invitees_by_event: dict[str, list[str]] = defaultdict(list)

    def add_user(  # noqa: PLR0913 - omitted values have defaults
        self,
        *,
        id: str | None = None,  # noqa: A002 - the provider's own word, as in every other record
        token: str | None = None,
        organization_id: str | None = None,
        workspace: str | None = None,
        time_zone: str = "UTC",
        plan: SubscriptionPlan = SubscriptionPlan.PAID,
        is_admin: bool = True,
    ) -> CalendlyUser:
        """Register a user; the default *workspace* is its own id, the default *organization_id* a new one."""
        user_id = id or self._ids.uuid()
        user = CalendlyUser(
            id=user_id,
            organization_id=organization_id or self._ids.uuid(),
            token=token or self._ids.calendly_token(),
            workspace=workspace or user_id,
            email=f"host-{user_id[:8]}@example.com",
            name="Hanna Host",
            time_zone=time_zone,
            created_at=self._now() - timedelta(days=400),
            plan=plan,
            is_admin=is_admin,
        )
        self.users[user.id] = user
        self.by_token[user.token] = user
        return user

    def rotate_token(self, user_id: str, token: str) -> None:
        """Replace a user's token: the old one is answered with 401 from now on."""
        user = self.users[user_id]
        del self.by_token[user.token]
        self.users[user_id] = self.by_token[token] = replace(user, token=token)

    def add_event(  # noqa: PLR0913 - omitted values have defaults
        self,
        user_id: str,
        *,
        starts_at: datetime,
        id: str | None = None,  # noqa: A002
        limit: int = 1,
        lasts: timedelta = HALF_HOUR,
        created_at: datetime | None = None,
    ) -> CalendlyEvent:
        """Add an event without invitees; a *limit* above one makes it a group event."""
        at = created_at or self._now()
        event = CalendlyEvent(
            id=id or self._ids.uuid(),
            user_id=self.users[user_id].id,
            event_type_id=self._ids.uuid(),
            name="30 Minute Meeting",
            starts_at=starts_at,
            ends_at=starts_at + lasts,
            created_at=at,
            updated_at=at,
            limit=limit,
        )
        self.events[event.id] = event
        self._events_by_user[user_id].append(event.id)
        return event

    def invite(
        self,
        event_id: str,
        *,
        email: str,
        id: str | None = None,  # noqa: A002
        name: str = "Ann Example",
        created_at: datetime | None = None,
    ) -> CalendlyInvitee:
        """Add an invitee to an event."""
        at = created_at or self._now()
        invitee = CalendlyInvitee(
            id=id or self._ids.uuid(),
            event_id=self.events[event_id].id,
            email=email,
            name=name,
            created_at=at,
            updated_at=at,
        )
        self.invitees[invitee.id] = invitee
        self._invitees_by_event[event_id].append(invitee.id)
        self._events_by_email[email.lower()].append(event_id)
        return invitee

    def add_booking(
        self, user_id: str, *, email: str, starts_at: datetime, name: str = "Ann Example", at: datetime | None = None
    ) -> CalendlyInvitee:
        """Add a one-to-one event with its invitee."""
        event = self.add_event(user_id, starts_at=starts_at, created_at=at)
        return self.invite(event.id, email=email, name=name, created_at=at)

    def cancel(self, invitee_id: str, *, by: str = "invitee", reason: str | None = None) -> CalendlyInvitee:
        """Cancel one invitee; the event is canceled too if no other invitee is active."""
        invitee, at = self.invitees[invitee_id], self._now()
        event = self.events[invitee.event_id]
        who = invitee.name if by == "invitee" else self.users[event.user_id].name
        cancellation = Cancellation(canceled_by=who, canceler_type=by, created_at=at, reason=reason)
        invitee = self._put(replace(invitee, cancellation=cancellation, updated_at=at))
        if self.active_count(event.id) == 0:
            self.events[event.id] = replace(event, cancellation=cancellation, updated_at=at)
        return invitee

    def reschedule(self, invitee_id: str, starts_at: datetime) -> CalendlyInvitee:
        """Reschedule as Calendly does: cancel, and book a new event and a new invitee that refer to the old ones."""
        old = self.cancel(invitee_id, reason="Meeting conflict")
        event = self.events[old.event_id]
        new = self.add_booking(event.user_id, email=old.email, starts_at=starts_at, name=old.name)
        self.link(old.id, new.id)
        return self.invitees[new.id]

    def link(self, old_id: str, new_id: str) -> None:
        """Record that *old* was rescheduled to *new*; linking a chain to its start makes a loop."""
        self._put(replace(self.invitees[old_id], rescheduled=True, new=new_id))
        self._put(replace(self.invitees[new_id], old=old_id))

    def mark_no_show(self, invitee_id: str) -> CalendlyInvitee:
        """Mark the invitee as a no-show."""
        return self._put(replace(self.invitees[invitee_id], no_show_at=self._now(), updated_at=self._now()))

    def delete(self, event_id: str) -> None:
        """Delete an event and its invitees permanently, as a data deletion request does."""
        event = self.events.pop(event_id)
        self._events_by_user[event.user_id].remove(event_id)
        for invitee_id in self._invitees_by_event.pop(event_id, ()):
            self._events_by_email[self.invitees.pop(invitee_id).email.lower()].remove(event_id)

    def events_of(self, user_ids: Sequence[str]) -> Sequence[CalendlyEvent]:
        """Return the events of some users in the order of insertion."""
        return [self.events[each] for user_id in user_ids for each in self._events_by_user.get(user_id, ())]

    def events_by_email(self, email: str) -> Sequence[CalendlyEvent]:
        """Return the events with *email* as an invitee, case-insensitively."""
        return [self.events[each] for each in dict.fromkeys(self._events_by_email.get(email.lower(), ()))]

    def invitees_of(self, event_id: str) -> Sequence[CalendlyInvitee]:
        """Return an event's invitees in the order of insertion, including canceled ones."""
        return [self.invitees[each] for each in self._invitees_by_event.get(event_id, ())]

    def active_count(self, event_id: str) -> int:
        """Return the number of invitees of an event that are not canceled."""
        return sum(each.cancellation is None for each in self.invitees_of(event_id))

    def uri(self, invitee_id: str) -> str:
        """Return an invitee's URI as Calendly returns it and a customer's database stores it."""
        return f"{ORIGIN}/scheduled_events/{self.invitees[invitee_id].event_id}/invitees/{invitee_id}"

    def _put(self, invitee: CalendlyInvitee) -> CalendlyInvitee:
        self.invitees[invitee.id] = invitee
        return invitee
