"""Compares the settings with which the CronJob was created and those of its run; the chart writes both."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from reconcile.settings.kinds import SettingKind

_REMEDY = "run helm upgrade to make them equal"


@dataclass(frozen=True, slots=True)
class Applied:
    """Variables and their values as a JSON object of texts."""

    is_secret: ClassVar[bool] = True
    """Never printed completely, because it may contain a token by mistake."""

    @property
    def metavar(self) -> str:
        return "JSON"

    def read(self, text: str) -> tuple[tuple[str, str], ...]:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise ValueError('must be a JSON object of texts, like {"RECONCILE_SCHEDULE": "*/10 * * * *"}')
        return tuple(found.items())


def disagreements(
    applied: tuple[tuple[str, str], ...], *, values: Mapping[str, object], kinds: Mapping[str, SettingKind[object]]
) -> Iterator[str]:
    """Return a sentence for each variable in *applied* that has another value in this process (*values*)."""
    for name, text in applied:
        kind = kinds.get(name)
        if kind is None:
            yield f"the CronJob was created with {name[:60]!a}, which is not a setting: {_REMEDY}"
        elif kind.is_secret:
            yield f"{name} is a secret and must not be in the applied settings: {_REMEDY}"
        elif not _is_same(kind, text, values[name]):
            yield f"{name} is {_quote(values[name])} and the CronJob was created with {text[:60]!r}: {_REMEDY}"


def _quote(value: object) -> str:
    return "not set" if value is None else repr(str(value))


def _is_same(kind: SettingKind[object], text: str, value: object) -> bool:
    try:
        return kind.read(text) == value
    except ValueError:
        return False
