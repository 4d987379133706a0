"""Flags: those that are settings come out of the settings' own table; and the types of the others."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from reconcile import telemetry
from reconcile.bootstrap import SystemClock
from reconcile.settings import SETTINGS, LogFormat, LogLevel, Settings
from reconcile.settings.declared import Setting
from reconcile.settings.kinds import SettingKind
from reconcile_cli.output import is_text

COMMON = ("database_url", "schema_mapping", "log_level", "log_format", "output")
"""What every command that opens the database takes."""
EVERYTHING = tuple(setting.name for setting in SETTINGS)
_FOR_A_PERSON = {"RECONCILE_LOG_LEVEL": LogLevel.WARNING.value, "RECONCILE_LOG_FORMAT": LogFormat.TEXT.value}

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class KindParam(click.ParamType[object]):
    """Reads a flag as its setting is read, and shows no secret in the complaint."""

    def __init__(self, kind: SettingKind[object]) -> None:
        self.kind = kind
        self.name = kind.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> object:  # noqa: ANN401
        if not isinstance(value, str):
            return value
        try:
            return self.kind.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class NonEmptyParam(click.ParamType[str]):
    """Reads an id or a text to look for; an empty one, as an unset shell variable gives, would stand for everything."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        if not value.strip():
            self.fail("must not be empty", param, ctx)
        return str(value)


class DurationParam(click.ParamType[timedelta]):
    """Reads 90s, 10m, 2h, 1d or a row of them."""

    name = "duration"
    _UNITS = (("d", "days"), ("h", "hours"), ("m", "minutes"), ("s", "seconds"))
    _FORM = re.compile("".join(rf"(?:(?P<{word}>\d{{1,6}}){letter})?" for letter, word in _UNITS), re.ASCII)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:  # noqa: ANN401
        if isinstance(value, timedelta):
            return value
        match = self._FORM.fullmatch(value)
        if not value or match is None:
            self.fail("must be a duration like 90s, 10m, 2h or 1h30m", param, ctx)
        return timedelta(**{word: int(count) for word, count in match.groupdict(default="0").items()})


@dataclass(frozen=True, slots=True)
class TypedInstant:
    """An instant as it was typed; *at* is None for a word that means one by itself."""

    text: str
    at: datetime | None


class InstantParam(click.ParamType[TypedInstant]):
    """Reads a date, an instant (UTC where it names no zone) or a duration, which is how long ago it was."""

    name = "time"

    def __init__(self, *, word: str | None = None) -> None:
        self._word = word

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> TypedInstant:  # noqa: ANN401
        if isinstance(value, TypedInstant):
            return value
        if value == self._word:
            return TypedInstant(value, None)
        now = SystemClock().now()
        try:
            at = datetime.fromisoformat(value.strip())
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            try:
                at = now - DurationParam().convert(value.strip(), None, None)
            except (click.BadParameter, OverflowError):
                text = "must be a date, an instant like 2026-03-01T09:30Z, or how long ago, like 36h"
                self.fail(text, param, ctx)
        if at > now:
            self.fail("must not be in the future", param, ctx)
        return TypedInstant(value.strip(), at)


def examples(*lines: str) -> Decorator:
    """Show these command lines in the command's help, before its options."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{example_paragraph(*lines)}"
        return function

    return decorate


def example_paragraph(*lines: str) -> str:
    """Return the paragraph of a help text that shows these command lines; click wraps none of them."""
    return "\n  ".join(["\b\nExamples:" if len(lines) > 1 else "\b\nExample:", *lines])


def with_settings(names: Iterable[str] = COMMON) -> Decorator:
    """Give a command these settings as flags, and the whole tree as its first argument."""
    chosen = [setting for setting in SETTINGS if setting.name in set(names)]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @click.pass_context
        @functools.wraps(function)
        def command(ctx: click.Context, /, **given: object) -> None:
            overrides = {setting.name: given.pop(setting.name) for setting in chosen}
            function(_settings(ctx.obj, overrides), **given)

        decorated: Callable[..., None] = command
        for setting in reversed(chosen):
            decorated = _option(setting)(decorated)
        return decorated

    return decorate


def _settings(env: Mapping[str, str], overrides: Mapping[str, object]) -> Settings:
    """Read the settings; where they say nothing of logs, a person is spared what the summary says anyway."""
    settings = Settings.from_env(env, overrides)
    if is_text(settings):
        unsaid = {name: word for name, word in _FOR_A_PERSON.items() if not {name, f"{name}_FILE"} & set(env)}
        settings = Settings.from_env({**env, **unsaid}, overrides)
    telemetry.configure(level=settings.log_level, as_json=settings.log_format is LogFormat.JSON)
    return settings


def _option(setting: Setting) -> Decorator:
    default = "" if setting.is_optional else f"; default {setting.default}"
    return click.option(
        setting.flag,
        setting.name,
        type=KindParam(setting.kind),
        metavar=setting.kind.metavar,
        help=f"{setting.help} [{setting.env}{default}]",
    )
