"""What is left of the days of accounts, and those whose calls will not suffice at the present rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.coordination.day_quota import DayForecast, DayUse
from reconcile.domain.coordination.rate_limit import budget_key
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import ProviderName
from reconcile.domain.run.cadence import spelled
from reconcile.domain.workspace import Workspace
from reconcile.ports import Store
from reconcile.services.control.cadence import CadenceView
from reconcile.services.views.next_steps import PROVIDER_NAMES

ACCOUNTS_SHOWN = 3
"""Accounts of a provider that are shown: those whose calls are used up first."""
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortDay:
    """The accounts of a provider whose day's calls will not suffice: their number, and the first to be used up.

    *text* says when, *next* what happens then; both are clauses. *fitting_cadence* is the shortest that suffices for
    the accounts shown; None if none does, or if the present one is unknown.
    """

    provider: ProviderName
    count: int
    accounts: tuple[DayForecast, ...]
    fitting_cadence: timedelta | None
    text: str
    next: str
    commands: tuple[str, ...]

    @property
    def is_used_up(self) -> bool:
        """Whether an account has no calls left."""
        return self.accounts[0].left == 0

    @property
    def summary(self) -> str:
        """The text without accounts and times."""
        state = "are used up" if self.is_used_up else "will not suffice"
        return f"the day's calls of {PROVIDER_NAMES[self.provider]} {state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDay:
    """What is left of an account's day, and its calls in an hour; None if they were not measured for long enough.

    *own_calls_per_hour* are those of scheduled runs. *used_up_at* is None if the calls suffice.
    """

    provider: ProviderName
    left: int
    read_at: datetime
    renewed_at: datetime
    calls_per_hour: float | None
    own_calls_per_hour: float | None
    used_up_at: datetime | None


async def account_days(workspace: Workspace, *, store: Store, now: datetime) -> tuple[AccountDay, ...]:
    """Return the days of the workspace's accounts, as far as their providers have said what is left."""
    keys = [budget_key(workspace, provider) for provider in sorted(workspace.credentials)]
    uses = {use.key: use for use in await store.day_quotas.load(keys)}
    return tuple(_account_day(uses[key]) for key in keys if key in uses and now < uses[key].reading.ends_at)


def _account_day(use: DayUse) -> AccountDay:
    rate = use.rate
    return AccountDay(
        provider=use.provider,
        left=use.reading.left,
        read_at=use.reading.at,
        renewed_at=use.reading.ends_at,
        calls_per_hour=rate.in_time(rate.calls, _HOUR) if rate else None,
        own_calls_per_hour=rate.in_time(rate.own_calls, _HOUR) if rate else None,
        used_up_at=use.used_up_at,
    )


async def short_days(store: Store, *, now: datetime, cadence: CadenceView) -> Sequence[ShortDay]:
    """Return the accounts whose day's calls will not suffice, by provider."""
    # an open breaker makes fewer calls for a while, which says nothing of the cadence that fits
    every = cadence.override.every if cadence.override else cadence.planned.interval
    found = []
    for short in await store.day_quotas.short(now=now, limit=ACCOUNTS_SHOWN):
        accounts = tuple(each for use in short.first if (each := use.forecast(now=now, every=every)))
        if accounts:
            found.append(_short_day(short.provider, short.count, accounts, now=now, is_known=every is not None))
    return found


def _short_day(
    provider: ProviderName, count: int, accounts: tuple[DayForecast, ...], *, now: datetime, is_known: bool
) -> ShortDay:
    first = accounts[0]
    all_fitting = [each.fitting_cadence for each in accounts]
    fitting = None if None in all_fitting else max(each for each in all_fitting if each is not None)
    also = f" and {count_of(count - 1, 'other account')}" if count > 1 else ""
    calls = f"the day's calls of {PROVIDER_NAMES[provider]} (workspace {first.workspace_id}{also})"
    if first.left == 0:
        text = f"{calls} are used up until {first.renewed_at:%H:%M} UTC"
    else:
        text = f"at this rate {calls} are used up at {first.used_up_at:%H:%M} UTC"
        if fitting is not None:
            text += f"; a cadence of {spelled(fitting)} fits"
        elif is_known:
            text += "; no cadence fits"
    return ShortDay(
        provider=provider,
        count=count,
        accounts=accounts,
        fitting_cadence=fitting,
        text=text,
        next=f"without calls, leads are deferred until {first.renewed_at:%H:%M} UTC",
        commands=(_command(fitting, until=max(each.renewed_at for each in accounts), now=now),),
    )


def _command(fitting: timedelta | None, *, until: datetime, now: datetime) -> str:
    if fitting is None:
        return "reconcile cadence show"
    lasts = max(fitting, -(-(until - now) // _MINUTE) * _MINUTE)
    return f"reconcile cadence set --every {spelled(fitting)} --for {spelled(lasts)} --reason 'daily limit'"
