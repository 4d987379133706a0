"""Flags that are generated from settings, and click types of the other flags."""

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
"""Settings of every command that opens the database."""
EVERYTHING = tuple(setting.name for setting in SETTINGS)
_FOR_A_PERSON = {"RECONCILE_LOG_LEVEL": LogLevel.WARNING.value, "RECONCILE_LOG_FORMAT": LogFormat.TEXT.value}

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class KindParam(click.ParamType[object]):
    """Parses a flag as its setting is parsed; errors never quote a secret."""

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
    """A non-empty id or text: an empty one, for example from an unset shell variable, would select everything."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        if not value.strip():
            self.fail("must not be empty", param, ctx)
        return str(value)


class DurationParam(click.ParamType[timedelta]):
    """Parses 90s, 10m, 2h, 1d or a combination."""

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
    """A parsed time with its text; *at* is None for a keyword."""

    text: str
    at: datetime | None


class InstantParam(click.ParamType[TypedInstant]):
    """Parses a date, a time (UTC without a zone) or an age."""

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
                text = "must be a date, a time like 2026-03-01T09:30Z, or an age like 36h"
                self.fail(text, param, ctx)
        if at > now:
            self.fail("must not be in the future", param, ctx)
        return TypedInstant(value.strip(), at)


def examples(*lines: str) -> Decorator:
    """Add example command lines to the command's help."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{example_paragraph(*lines)}"
        return function

    return decorate


def example_paragraph(*lines: str) -> str:
    """Return the help paragraph with these command lines; click does not wrap it."""
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
    """Read the settings; on a terminal the default log level is higher, because the summary has the same facts."""
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
