"""The examples for other schedulers start what they say."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
import yaml

from reconcile.settings import Settings
from reconcile_cli.main import ExitCode, cli
from tests.test_docs import ROOT
from tests.timeouts import HUNG

EXAMPLES = ROOT / "deploy" / "examples"
CRON = re.compile(r"(?P<when>(?:\S+ ){5})(?P<command>.+)")


def cron_lines() -> list[tuple[str, str]]:
    lines = [each for each in (EXAMPLES / "crontab").read_text().splitlines() if not each.startswith("#")]
    return [(found["when"].strip(), found["command"]) for each in lines if (found := CRON.fullmatch(each))]


@pytest.mark.parametrize(("when", "command"), cron_lines())
def test_a_line_of_the_crontab_starts_the_command_with_the_settings_of_the_file(
    when: str, command: str, tmp_path: Path
) -> None:
    """As cron does: by sh, with next to no environment; a program of the same name notes what it got."""
    (tmp_path / "env").write_text("RECONCILE_DATABASE_URL='sqlite:///a company.db'\n")
    program = tmp_path / "reconcile"
    program.write_text('#!/bin/sh\necho "$RECONCILE_DATABASE_URL $*"\n')
    program.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RECONCILE_ENV": str(tmp_path / "env")}

    done = subprocess.run(  # noqa: S602 - our own line
        command, shell=True, env=env, capture_output=True, text=True, timeout=HUNG, check=True
    )
    url, *words = done.stdout.replace("a company", "a-company").split()

    assert len(when.split()) == 5
    assert url == "sqlite:///a-company.db"
    assert_can_be_typed(words)


def assert_can_be_typed(words: list[str]) -> None:
    name, *arguments = words
    assert isinstance(cli, click.Group)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command.make_context(name, arguments, obj={})


def test_the_service_and_the_timer_belong_together_and_know_the_exit_codes() -> None:
    service, timer = (_unit(f"reconcile.{kind}") for kind in ("service", "timer"))
    program, *words = service["Service"]["ExecStart"].split()
    codes = {int(each) for each in service["Service"]["SuccessExitStatus"].split()}

    assert Path(program).name == "reconcile"
    assert_can_be_typed(words)
    assert codes == {ExitCode.TEMPORARY, ExitCode.TERMINATED}
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed")
    for name in ("reconcile.service", "reconcile.timer"):
        text = (EXAMPLES / name).read_text().replace("/opt/reconcile/bin/reconcile", "/bin/true")
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", *(str(tmp_path / name) for name in ("reconcile.service", "reconcile.timer"))],
        capture_output=True,
        text=True,
        timeout=HUNG,
        check=False,
        env={**os.environ},
    )

    assert not [each for each in done.stderr.splitlines() if "reconcile." in each], done.stderr


def _unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(EXAMPLES / name)
    return parser


def test_the_services_of_the_compose_file_start_commands_and_find_each_other() -> None:
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    simulator, run, postgres = (services[name] for name in ("simulator", "run", "postgres"))
    settings = Settings.from_env(run["environment"])
    filled = simulator["command"][simulator["command"].index("--fill") + 1]
    port = int(simulator["command"][simulator["command"].index("--port") + 1])
    parts = urlsplit(filled)

    for each in (simulator, run):
        assert_can_be_typed(each["command"])
        assert (each["read_only"], each["cap_drop"]) == (True, ["ALL"])
    assert settings.database_url == filled
    assert (parts.hostname, parts.username, parts.password, parts.path) == (
        "postgres",
        *(postgres["environment"][f"POSTGRES_{name}"] for name in ("USER", "PASSWORD")),
        f"/{postgres['environment']['POSTGRES_DB']}",
    )
    assert (settings.ghl_base_url, settings.calendly_base_url) == tuple(
        f"http://127.0.0.1:{each}" for each in (port, port + 1)
    )
    assert run["network_mode"] == "service:simulator"
    assert {name for each in services.values() for name in each.get("depends_on", {})} <= set(services)
