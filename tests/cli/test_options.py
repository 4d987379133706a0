"""Flags that are settings, and the others' types."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner

from reconcile.domain.plain_json import plain
from reconcile.domain.run.report import Freshness
from reconcile.settings import SETTINGS, LogFormat, LogLevel, Settings
from reconcile_cli.main import cli
from reconcile_cli.options import EVERYTHING, DurationParam, with_settings


def settings_of(*arguments: str, env: dict[str, str] | None = None) -> Settings:
    seen: list[Settings] = []

    @click.command()
    @with_settings(EVERYTHING)
    def command(settings: Settings) -> None:
        seen.append(settings)

    result = CliRunner().invoke(command, arguments, obj=env or {}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_every_setting_is_a_flag_of_run_and_names_its_variable() -> None:
    help_text = " ".join(CliRunner().invoke(cli, ["run", "--help"], obj={}).output.split())

    for setting in SETTINGS:
        assert f"{setting.flag} " in help_text
        assert f"[{setting.env}" in help_text


def leaves(command: click.Command, ctx: click.Context) -> Iterator[click.Command]:
    """Give each command that does something."""
    if not isinstance(command, click.Group):
        yield command
        return
    for name in command.list_commands(ctx):
        if (found := command.get_command(ctx, name)) is not None:
            yield from leaves(found, ctx)


def test_a_commands_own_options_are_above_the_settings_in_its_help() -> None:
    found = list(leaves(cli, click.Context(cli)))
    for command in found:
        options = [each for each in command.params if isinstance(each, click.Option)]
        is_setting = ["[RECONCILE_" in (each.help or "") for each in options]
        assert is_setting == sorted(is_setting), command.name

    assert len(found) > len(cli.list_commands(click.Context(cli)))


def test_a_flag_beats_the_environment() -> None:
    settings = settings_of("--stale-days", "3", env={"RECONCILE_STALE_DAYS": "4", "RECONCILE_HOT_MINUTES": "5"})

    assert (settings.stale_days, settings.hot_minutes) == (3, 5)


def test_a_wrong_flag_is_explained_without_showing_a_secret() -> None:
    result = CliRunner().invoke(cli, ["run", "--database-url", "mysql://u:canary@h/n"], obj={})

    assert result.exit_code == 2
    assert "Invalid value for '--database-url': must begin with sqlite:/// or postgresql://" in result.stderr
    assert "canary" not in result.stderr


def test_on_a_terminal_the_log_is_hidden_unless_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    person = {"RECONCILE_OUTPUT": "text"}

    assert settings_of().log_level is LogLevel.INFO
    assert settings_of().log_format is LogFormat.JSON
    assert settings_of(env=person).log_level is LogLevel.WARNING
    assert settings_of(env=person).log_format is LogFormat.TEXT
    assert settings_of("--log-format", "json", env=person).log_format is LogFormat.JSON
    assert settings_of(env=person | {"RECONCILE_LOG_LEVEL": "debug"}).log_level is LogLevel.DEBUG


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1d12h", timedelta(hours=36)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_written_as_people_write_it(text: str, duration: timedelta) -> None:
    assert DurationParam().convert(text, None, None) == duration


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "5 m", "1h1h", "1m1h", "1.5h", "٣m", "9999999d"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="must be a duration like 90s, 10m, 2h or 1h30m"):
        DurationParam().convert(text, None, None)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (timedelta(minutes=1.5), 90),
        ((1, "a", None), [1, "a", None]),
        ({LogLevel.INFO: 2}, {"info": 2}),
        (
            Freshness(oldest=timedelta(hours=1), never_verified=2),
            {
                "oldestSeconds": 3600,
                "medianSeconds": None,
                "neverVerified": 2,
                "due": 0,
                "overdue": 0,
                "unseen": 0,
                "measuredAt": None,
                "tookSeconds": 0,
            },
        ),
    ],
)
def test_values_become_json_with_names_in_camel_case(value: Any, written: Any) -> None:
    assert plain(value) == written
