"""Kinds of settings that Kubernetes has words for: an object's name, a cron line, a time zone, a share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import islice
from typing import ClassVar
from zoneinfo import ZoneInfo

from reconcile.domain.shard import Shard

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
    """A name as Kubernetes gives it to namespaces and Jobs."""

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
    """A schedule as Kubernetes takes it: five fields."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "CRON"

    def read(self, text: str) -> str:
        fields = text.split()
        if len(fields) != _CRON_FIELDS or not all(_CRON_FIELD.fullmatch(field) for field in fields):
            raise ValueError("must be a cron line of five fields, like '*/10 * * * *'")
        if _SUNDAY_AGAIN.search(fields[4].partition("/")[0]):
            raise ValueError("must count the days of the week from 0 (Sunday) to 6: Kubernetes knows no 7")
        # Loaded where a schedule is set, which is in a cluster.
        from cronsim import CronSim, CronSimError  # noqa: PLC0415

        try:
            next(CronSim(" ".join(fields), datetime(2026, 1, 1, tzinfo=UTC)))
        except (CronSimError, StopIteration):
            raise ValueError("must be a cron line that comes true some day, like '*/10 * * * *'") from None
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
    """One share of the workspaces out of several."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "INDEX/TOTAL"

    def read(self, text: str) -> Shard:
        return Shard.parse(text)


def next_ticks(schedule: str, *, time_zone: str | None, now: datetime) -> tuple[datetime, timedelta]:
    """Return the next tick of a cron line that was read before, and how long after it the one after that comes."""
    coming = _scheduled_times(schedule, now.astimezone(_zone(time_zone)))
    first = next(coming)
    second = next(coming, first)
    return first.astimezone(UTC), second.astimezone(UTC) - first.astimezone(UTC)


def past_ticks(schedule: str, *, time_zone: str | None, now: datetime, count: int) -> tuple[datetime, ...]:
    """Return the newest *count* ticks of a cron line up to *now*, newest first."""
    going_back = _scheduled_times(schedule, (now + timedelta(minutes=1)).astimezone(_zone(time_zone)), is_reverse=True)
    found = (each.astimezone(UTC) for each in going_back)
    return tuple(islice((each for each in found if each <= now), count))


def is_tick(schedule: str, *, time_zone: str | None, at: datetime) -> bool:
    """Tell whether a cron line names the minute *at*; an hour that comes twice has all its ticks twice."""
    wall = at.astimezone(_zone(time_zone)).replace(tzinfo=None)
    return next(_scheduled_times(schedule, wall - timedelta(seconds=1))) == wall


def _zone(time_zone: str | None) -> tzinfo:
    return ZoneInfo(time_zone) if time_zone else UTC


def _scheduled_times(schedule: str, start: datetime, *, is_reverse: bool = False) -> Iterator[datetime]:
    from cronsim import CronSim  # noqa: PLC0415 - as above

    return CronSim(schedule, start, reverse=is_reverse)


def own_shard(shard: object, shards: object, completion_index: str | None) -> tuple[object, list[str]]:
    """Return this process's share: as it is set, or by the number that an Indexed Job gives its pods."""
    if isinstance(shard, Shard):
        if isinstance(shards, int) and shards not in {1, shard.total}:
            return shard, [f"RECONCILE_SHARDS is {shards} and RECONCILE_SHARD is {shard}; set one of them"]
        return shard, []
    if shard is not None or not isinstance(shards, int) or shards == 1:
        return shard, []
    if completion_index is None or not completion_index.isdecimal():
        fault = f"RECONCILE_SHARDS is {shards} and nothing says which shard this is"
        return None, [f"{fault}; set RECONCILE_SHARD, or start an Indexed Job, which sets JOB_COMPLETION_INDEX"]
    try:
        return Shard(int(completion_index), shards), []
    except ValueError:
        fault = f"JOB_COMPLETION_INDEX is {completion_index[:9]} and RECONCILE_SHARDS is {shards}"
        return None, [f"{fault}; the Job must not have more completions than there are shards"]
