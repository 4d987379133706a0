"""Notifies operators: sends each channel the alerts that it has not confirmed."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconcile.domain.alert import Alert, AlertPolicy, Condition, Message, Notice, gravest_first, notice, observed
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.errors import AlertNotDelivered, LeaseHeld, StoreUnavailable
from reconcile.ports import AlertChannel, ChannelState, Clock, Store, Telemetry
from reconcile.redaction import bug_named

DELIVERY = timedelta(seconds=2)
"""Time limit for confirmations; the rest is for storing them."""
_RELEASE_TIMEOUT = timedelta(seconds=0.2)
"""Time for releasing the lease after the other steps have used theirs."""
_LEASE = "alerts"
_LEASE_TTL = timedelta(seconds=10)
"""The next run waits less than this for a killed process's lease."""
_WAIT = timedelta(milliseconds=200)
_REMEMBERED = timedelta(days=7)
"""How long a failing channel is still sent the end of ended alerts."""
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=10)
_MOST_DOUBLINGS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """The configured channels, and the facts of this installation for messages."""

    channels: Sequence[AlertChannel]
    source: str
    runbook: str
    policy: AlertPolicy = field(default_factory=AlertPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    planned: PlannedCadence = field(default_factory=PlannedCadence)
    budget: timedelta = timedelta(seconds=3)
    """Time that alerts may add to a run."""

    def message(self, notices: Iterable[Notice], *, at: datetime) -> Message:
        """Return *notices* as one message."""
        ordered = tuple(sorted(notices, key=lambda each: gravest_first(each.alert)))
        digest = hashlib.sha256("\n".join(each.key for each in ordered).encode()).hexdigest()[:32]
        return Message(key=f"alert-{digest}", source=self.source, runbook=self.runbook, at=at, notices=ordered)


def _always() -> bool:
    return True


async def notify(  # noqa: PLR0913 - the ports, and when to end
    notifier: Notifier | None,
    *,
    holder: str,
    store: Store,
    clock: Clock,
    telemetry: Telemetry,
    may_begin: Callable[[], bool] = _always,
) -> None:
    """Send each channel its pending notifications, within the time limit; every failure becomes a warning.

    No further message is started once *may_begin* returns false: the rest stays pending for the next run.
    """
    if notifier is None or not notifier.channels:
        return
    telemetry.send()
    task = asyncio.create_task(
        _notify(notifier, holder=holder, store=store, clock=clock, telemetry=telemetry, may_begin=may_begin)
    )
    try:
        await asyncio.wait([task], timeout=(notifier.budget - _RELEASE_TIMEOUT).total_seconds())
    finally:
        is_late = task.cancel()
    await asyncio.wait([task], timeout=_RELEASE_TIMEOUT.total_seconds())
    if is_late or task.cancelled():
        telemetry.warning("alerts.out_of_time")
    elif (error := task.exception()) is not None:
        text = str(error) if isinstance(error, StoreUnavailable) else bug_named(error)
        telemetry.warning("alerts.not_told", error=text)


async def _notify(  # noqa: PLR0913 - as ``notify``
    notifier: Notifier, *, holder: str, store: Store, clock: Clock, telemetry: Telemetry, may_begin: Callable[[], bool]
) -> None:
    from reconcile.services.alerting.conditions import conditions  # noqa: PLC0415 - only with a notifier

    now, deadline = clock.now(), clock.monotonic() + DELIVERY.total_seconds()
    current_conditions = await conditions(
        store, now=now, policy=notifier.policy, breaker=notifier.breaker, planned=notifier.planned
    )
    current = await _NotificationRound.of(
        notifier, current_conditions, store=store, clock=clock, telemetry=telemetry, now=now
    )
    if not current_conditions and not current.is_needed():
        return
    while True:
        try:
            lease = await store.leases.acquire(_LEASE, holder=holder, ttl=_LEASE_TTL)
            break
        except LeaseHeld:
            # Another run is sending. Its result may lack what this one has seen, so wait a moment for its lease.
            if not may_begin() or clock.monotonic() + _WAIT.total_seconds() >= deadline:
                return
            await clock.sleep(_WAIT)
    try:
        current = await _NotificationRound.of(
            notifier, current_conditions, store=store, clock=clock, telemetry=telemetry, now=now
        )
        await current.record_conditions()
        await current.deliver(deadline, may_begin=may_begin)
    finally:
        await store.leases.release(lease)


def pending_notices(
    notifier: Notifier, alerts: Sequence[Alert], states: Mapping[str, ChannelState], *, now: datetime
) -> Mapping[str, Sequence[Notice]]:
    """Return the pending notifications of each channel, by its name."""

    def of(name: str) -> list[Notice]:
        known_since = states[name].known_since if name in states else now
        found = (notice(each, name, now=now, policy=notifier.policy, known_since=known_since) for each in alerts)
        return [each for each in found if each is not None]

    return {channel.name: of(channel.name) for channel in notifier.channels}


@dataclass(slots=True, kw_only=True)
class _NotificationRound:
    """The stored alerts and channels, while this process holds the lease."""

    notifier: Notifier
    current_conditions: Sequence[Condition]
    store: Store
    clock: Clock
    telemetry: Telemetry
    now: datetime
    alerts: dict[str, Alert]
    states: dict[str, ChannelState]
    marking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def of(  # noqa: PLR0913 - what it works with
        cls,
        notifier: Notifier,
        current_conditions: Sequence[Condition],
        *,
        store: Store,
        clock: Clock,
        telemetry: Telemetry,
        now: datetime,
    ) -> "_NotificationRound":
        keys = [condition.key for condition in current_conditions]
        remembered = await store.alerts.load(since=now - _REMEMBERED, keys=keys)
        states = dict(await store.alerts.channels())
        return cls(
            notifier=notifier,
            current_conditions=current_conditions,
            store=store,
            clock=clock,
            telemetry=telemetry,
            now=now,
            alerts={alert.key: alert for alert in remembered},
            states=states,
        )

    def is_needed(self) -> bool:
        """Return whether there is anything to store or to deliver although no condition holds."""
        is_unknown = any(channel.name not in self.states for channel in self.notifier.channels)
        is_standing = any(alert.is_standing for alert in self.alerts.values())
        return is_unknown or is_standing or any(self.pending_notices().values())

    def state(self, channel: AlertChannel) -> ChannelState:
        """Return the stored state of *channel*."""
        return self.states.get(channel.name) or ChannelState(name=channel.name, known_since=self.now)

    def pending_notices(self) -> Mapping[str, Sequence[Notice]]:
        """Return the pending notifications of each channel."""
        return pending_notices(self.notifier, list(self.alerts.values()), self.states, now=self.now)

    async def record_conditions(self) -> None:
        """Store changed alerts before any delivery, so that a killed process leaves them pending."""
        await self.save(observed(self.alerts, self.current_conditions, now=self.now))
        for channel in self.notifier.channels:
            if channel.name not in self.states:
                await self.save_channel(self.state(channel))

    async def save(self, moved: Sequence[Alert]) -> None:
        """Store *moved*; an alert that another process has changed meanwhile is dropped here."""
        if not moved:
            return
        saved = await self.store.alerts.save(moved)
        for alert in moved:
            if alert.key in saved:
                self.alerts[alert.key] = alert
            else:
                self.alerts.pop(alert.key, None)

    async def save_channel(self, state: ChannelState) -> None:
        """Store the state of a channel."""
        await self.store.alerts.save_channel(state)
        self.states[state.name] = state

    async def deliver(self, deadline: float, *, may_begin: Callable[[], bool]) -> None:
        """Deliver to all channels concurrently; a bug in one counts as that channel's failure."""
        debts = self.pending_notices()

        def has_time() -> bool:
            return may_begin() and self.clock.monotonic() < deadline

        found = await asyncio.gather(
            *(self._deliver(channel, debts[channel.name], deadline, has_time) for channel in self.notifier.channels),
            return_exceptions=True,
        )
        for channel, error in zip(self.notifier.channels, found, strict=True):
            if isinstance(error, StoreUnavailable):
                raise error
            if isinstance(error, BaseException):
                self.telemetry.warning("alert.bug", channel=channel.name, where=bug_named(error))

    async def _deliver(
        self, channel: AlertChannel, notices: Sequence[Notice], deadline: float, has_time: Callable[[], bool]
    ) -> None:
        state = self.state(channel)
        if not notices or (state.not_before is not None and self.now < state.not_before):
            return
        groups = [notices] if channel.takes_many else [[each] for each in notices]
        for group in groups:
            if not has_time():
                return
            try:
                await channel.deliver(self.notifier.message(group, at=self.now), deadline=deadline)
            except AlertNotDelivered as error:
                self.telemetry.warning("alert.not_delivered", channel=channel.name, fault=str(error))
                await self.save_channel(_failing(state, error, now=self.now))
                return
            await self._confirmed(channel, group)
        if state.failures:
            await self.save_channel(replace(state, failures=0, failing_since=None, fault=None, not_before=None))

    async def _confirmed(self, channel: AlertChannel, group: Sequence[Notice]) -> None:
        async with self.marking:  # merge the confirmations of all channels
            stored = [self.alerts[each.alert.key] for each in group if each.alert.key in self.alerts]
            await self.save([alert.confirmed(channel.name, self.now) for alert in stored])
        self.telemetry.event("alert.delivered", channel=channel.name, notices=len(group))


def _failing(state: ChannelState, error: AlertNotDelivered, *, now: datetime) -> ChannelState:
    """Return *state* after one more failure: the next attempt is delayed longer each time."""
    pause = min(_FIRST_PAUSE * float(2 ** min(state.failures, _MOST_DOUBLINGS)), _LONGEST_PAUSE)
    return replace(
        state,
        failures=state.failures + 1,
        failing_since=state.failing_since or now,
        fault=str(error),
        not_before=now + max(pause, error.retry_after or timedelta(0)),
    )
