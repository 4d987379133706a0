"""Types of settings for Kubernetes: an object's name, a cron schedule, a time zone, a shard."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import islice
from typing import ClassVar
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from reconcile.domain.coordination.shard import Shard

MAX_JOB_NAME = 63
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT = re.compile(r"(configmap|cronjob)/([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,-]+")
_CRON_FIELDS = 5
_SUNDAY_AGAIN = re.compile(r"(^|[,-])7")


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ObjectName:
    """The kind and name of an object, as kubectl takes it."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "KIND/NAME"

    def read(self, text: str) -> str:
        if not _OBJECT.fullmatch(text.strip()):
            raise ValueError("must be configmap/NAME or cronjob/NAME")
        return text.strip()


@dataclass(frozen=True, slots=True)
class Label:
    """A name of a namespace or Job."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "NAME"

    def read(self, text: str) -> str:
        if not _NAME.fullmatch(text.strip()):
            raise ValueError(f"must be a name of 1 to {MAX_JOB_NAME} small letters, digits and hyphens")
        return text.strip()


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron schedule as Kubernetes accepts it: five fields."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "CRON"

    def read(self, text: str) -> str:
        fields = text.split()
        if len(fields) != _CRON_FIELDS or not all(_CRON_FIELD.fullmatch(field) for field in fields):
            raise ValueError("must be a cron line of five fields, like '*/10 * * * *'")
        if _SUNDAY_AGAIN.search(fields[4].partition("/")[0]):
            raise ValueError("must count the days of the week from 0 (Sunday) to 6; Kubernetes does not accept 7")
        try:
            next(CronSim(" ".join(fields), datetime(2026, 1, 1, tzinfo=UTC)))
        except (CronSimError, StopIteration):
            raise ValueError("must be a cron line that matches some date, like '*/10 * * * *'") from None
        return " ".join(fields)


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its name."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "ZONE"

    def read(self, text: str) -> str:
        try:
            ZoneInfo(text.strip())
        except (ValueError, OSError, LookupError):
            raise ValueError("must be a time zone like UTC or Europe/Berlin") from None
        return text.strip()


@dataclass(frozen=True, slots=True)
class Share:
    """One shard of the workspaces."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "INDEX/TOTAL"

    def read(self, text: str) -> Shard:
        return Shard.parse(text)


def next_ticks(schedule: str, *, time_zone: str | None, now: datetime) -> tuple[datetime, timedelta]:
    """Return the next tick of a valid cron schedule, and the time to the one after it."""
    coming = _scheduled_times(schedule, now.astimezone(_zone(time_zone)))
    first = next(coming)
    second = next(coming, first)
    return first.astimezone(UTC), second.astimezone(UTC) - first.astimezone(UTC)


def past_ticks(schedule: str, *, time_zone: str | None, now: datetime, count: int) -> tuple[datetime, ...]:
    """Return the newest *count* ticks of a cron schedule up to *now*, newest first."""
    going_back = _scheduled_times(schedule, (now + timedelta(minutes=1)).astimezone(_zone(time_zone)), is_reverse=True)
    found = (each.astimezone(UTC) for each in going_back)
    return tuple(islice((each for each in found if each <= now), count))


def is_tick(schedule: str, *, time_zone: str | None, at: datetime) -> bool:
    """Return whether a cron schedule matches the minute *at*; an hour that occurs twice has all its ticks twice."""
    wall = at.astimezone(_zone(time_zone)).replace(tzinfo=None)
    return next(_scheduled_times(schedule, wall - timedelta(seconds=1))) == wall


def _zone(time_zone: str | None) -> tzinfo:
    return ZoneInfo(time_zone) if time_zone else UTC


def _scheduled_times(schedule: str, start: datetime, *, is_reverse: bool = False) -> Iterator[datetime]:
    return CronSim(schedule, start, reverse=is_reverse)


def own_shard(shard: object, shards: object, completion_index: str | None) -> tuple[object, list[str]]:
    """Return this process's shard: as set, or by the index that an Indexed Job gives its pods."""
    if isinstance(shard, Shard):
        if isinstance(shards, int) and shards not in {1, shard.total}:
            return shard, [f"RECONCILE_SHARDS is {shards} and RECONCILE_SHARD is {shard}; set one of them"]
        return shard, []
    if shard is not None or not isinstance(shards, int) or shards == 1:
        return shard, []
    if completion_index is None or not completion_index.isdecimal():
        fault = f"RECONCILE_SHARDS is {shards} and no shard is set"
        return None, [f"{fault}; set RECONCILE_SHARD, or start an Indexed Job, which sets JOB_COMPLETION_INDEX"]
    try:
        return Shard(int(completion_index), shards), []
    except ValueError:
        fault = f"JOB_COMPLETION_INDEX is {completion_index[:9]} and RECONCILE_SHARDS is {shards}"
        return None, [f"{fault}; the Job must not have more completions than there are shards"]
