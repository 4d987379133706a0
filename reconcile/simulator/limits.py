"""The published request limits, counted per location or user in fixed windows of simulated time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconcile.simulator.faults.effects import number_of
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.records import CalendlyUser, Location, SubscriptionPlan
from reconcile.simulator.wire import Api

_GHL_WINDOW = timedelta(seconds=10)
_GHL_PER_WINDOW = 100
_GHL_PER_DAY = 200_000
_CALENDLY_WINDOW = timedelta(seconds=60)
_CALENDLY_PER_WINDOW = {SubscriptionPlan.FREE: 50, SubscriptionPlan.PAID: 500}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """The state of a caller after a request: whether it exceeded the limit, and the rate-limit headers."""

    exceeded: bool
    headers: dict[str, str]


@dataclass(slots=True)
class _Window:
    start: datetime
    used: int = 0


@dataclass(slots=True, kw_only=True)
class Limits:
    """Counts requests and decides which exceed the limit; with *enforced* off it only sets the headers."""

    enforced: bool = False
    _windows: dict[tuple[str, timedelta], _Window] = field(default_factory=dict)

    def count(self, api: Api, owner: Location | CalendlyUser, now: datetime, effects: Effects) -> LimitStatus:
        """Count one request; a limit set by a fault applies even if the published ones are not enforced."""
        own = number_of(effects, FaultKind.RATE_LIMIT)
        if api is Api.CALENDLY and isinstance(owner, CalendlyUser):
            return self._calendly(owner, now, own)
        own_daily = number_of(effects, FaultKind.DAILY_LIMIT)
        says_reset = effects.get(FaultKind.DAILY_RESET) == "on"
        return self._ghl(owner.id, now, own, own_daily, says_reset=says_reset)

    def _calendly(self, owner: CalendlyUser, now: datetime, own: float | None) -> LimitStatus:
        published = _CALENDLY_PER_WINDOW[owner.plan]
        limit = published if own is None else int(own)
        window = self._use(owner.id, _CALENDLY_WINDOW, now)
        reset = -(-(window.start + _CALENDLY_WINDOW - now) // timedelta(seconds=1))
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - window.used)),
            "X-RateLimit-Reset": str(reset),
        }
        return LimitStatus((self.enforced or own is not None) and window.used > limit, headers)

    def _ghl(
        self, location_id: str, now: datetime, own: float | None, own_daily: float | None, *, says_reset: bool
    ) -> LimitStatus:
        daily = _GHL_PER_DAY if own_daily is None else int(own_daily)
        window = self._use(location_id, _GHL_WINDOW, now)
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        day = self._use(location_id, _DAY, now, start=midnight)
        # The header shows the published limit even if less is granted: a 429 may come early.
        headers = {
            "X-RateLimit-Limit-Daily": str(_GHL_PER_DAY),
            "X-RateLimit-Daily-Remaining": str(max(0, daily - day.used)),
            "X-RateLimit-Interval-Milliseconds": str(_GHL_WINDOW // timedelta(milliseconds=1)),
            "X-RateLimit-Max": str(_GHL_PER_WINDOW),
            "X-RateLimit-Remaining": str(max(0, _GHL_PER_WINDOW - window.used)),
        }
        if says_reset:
            headers["X-RateLimit-Daily-Reset"] = str((midnight + _DAY - now) // timedelta(milliseconds=1))
        limit = _GHL_PER_WINDOW if own is None else int(own)
        burst = (self.enforced or own is not None) and window.used > limit
        spent = (self.enforced or own_daily is not None) and day.used > daily
        return LimitStatus(burst or spent, headers)

    def _use(self, key: str, length: timedelta, now: datetime, *, start: datetime | None = None) -> _Window:
        window = self._windows.get((key, length))
        if window is None or not window.start <= now < window.start + length:
            window = self._windows[key, length] = _Window(start or now)
        window.used += 1
        return window
