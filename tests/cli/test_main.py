"""The root of all commands: help, exit codes, and how a process ends."""

import importlib
import os
import pkgutil
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from reconcile import __version__
from reconcile.errors import LeaseHeld, LeaseLost, ReconcileError, RequestError, SettingsError, StoreUnavailable
from reconcile_cli import main
from reconcile_cli.main import ExitCode, cli
from reconcile_cli.sections import MODULES, SECTIONS
from tests.cli.command import ARGUMENTS, BASE, reconcile
from tests.timeouts import HUNG

DESIGN = {0, 1, 2, 74, 75, 78, 143}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = list(commands(cli))


def raising(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def outcome_of(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Give the exit code and stderr of a command that ends in *error*."""
    monkeypatch.setattr(importlib.import_module("reconcile_cli.views.status"), "command", raising(error))
    result = CliRunner().invoke(cli, ["status"], obj={})
    return result.exit_code, result.stderr


def test_the_version_is_printed_without_further_imports() -> None:
    code = (
        "import sys\nfrom reconcile_cli.main import cli\n"
        "try: cli(['--version'])\nfinally: print(*sorted(sys.modules), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], env=dict(BASE), capture_output=True, text=True, check=True)

    assert done.stdout == f"reconcile {__version__}\n"
    heavy = {"rich", "httpx", "aiohttp", "sqlalchemy", "asyncio", "reconcile.settings", "reconcile.bootstrap"}
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_every_command_and_option_has_a_help_text(path: tuple[str, ...], command: click.Command) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"], obj={})

    assert result.exit_code == 0, result.output
    assert command.help
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


def test_the_root_lists_every_command_and_loads_none() -> None:
    code = (
        "import sys\nfrom reconcile_cli.main import cli\n"
        "try: cli(['--help'])\nfinally: print(*sorted(sys.modules), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], env=dict(BASE), capture_output=True, text=True, check=True)

    for section in SECTIONS:
        assert f"{section.title}:" in done.stdout
        assert all(f"{name} " in done.stdout and text in done.stdout for name, text in section.summaries.items())
    assert not set(MODULES.values()) & set(done.stderr.split())


def test_every_module_of_a_command_is_listed() -> None:
    packages = {section.package for section in SECTIONS}

    modules = {
        f"{package}.{module.name}"
        for package in packages
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__)
    }

    listed = set(MODULES.values())
    assert listed <= modules
    assert all(name.endswith(("_text", ".progress")) for name in modules - listed)


def test_help_comes_from_a_process_of_its_own_too() -> None:
    done = reconcile("run", "--help")

    assert (done.code, done.err) == (0, "")
    assert "--workspace-limit" in done.out


@pytest.mark.parametrize(
    "arguments", [["rnu"], ["run", "--no-such"], ["run", "--workspace-limit", "0"], ["explain", "x"]]
)
def test_a_wrong_call_is_usage(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments, obj={})

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr
    assert not result.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError(["a is wrong", "b is wrong"]), 78),
        (RequestError("there is no such thing"), 2),
        (StoreUnavailable("the database is away"), 75),
        (LeaseHeld("another run has the lease"), 75),
        (LeaseLost("another run took over"), 75),
        (ReconcileError("it failed"), 1),
    ],
)
def test_each_error_has_its_exit_code_and_is_one_sentence(
    error: ReconcileError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exit_code, stderr = outcome_of(error, monkeypatch)

    assert exit_code == code
    assert "Traceback" not in stderr
    assert stderr.splitlines() == [f"reconcile: {sentence}" for sentence in str(error).split("; ")]


def test_concurrent_errors_are_reported_together_and_the_worst_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    both = BaseExceptionGroup("", [StoreUnavailable("away"), BaseExceptionGroup("", [SettingsError(["wrong"])])])

    assert outcome_of(both, monkeypatch) == (78, "reconcile: away\nreconcile: wrong\n")


@pytest.mark.parametrize(
    "bug", [ValueError("a bug"), ExceptionGroup("", [StoreUnavailable("away"), ValueError("a bug")])]
)
def test_a_bug_ends_with_its_traceback_and_without_its_text(bug: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    exit_code, stderr = outcome_of(bug, monkeypatch)

    assert exit_code == ExitCode.FAILED
    assert "Traceback (most recent call last)" in stderr
    assert "ValueError\n" in stderr
    assert "a bug" not in stderr


def test_an_interrupt_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome_of(KeyboardInterrupt(), monkeypatch) == (130, "reconcile: interrupted\n")


@pytest.mark.integration
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_server_in_order(number: signal.Signals, code: int) -> None:
    process = subprocess.Popen(
        [*ARGUMENTS, "simulate", "--port", "0"],
        env=dict(BASE),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    process.stdout.readline()

    process.send_signal(number)
    _, stderr = process.communicate(timeout=HUNG)

    assert process.returncode == code
    assert len(stderr.splitlines()) == 1


EARLY = """
import click, os, signal
from reconcile_cli import main

class Interrupted:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGTERM)
        [None for _ in range(10)]

@click.command()
def command():
    {step}

main.Root.get_command = lambda *_: command
main.cli(["doctor"])
"""
"""Dataclasses are made of text: an interrupt there makes Python, started by ``-m``, end by SIGINT whatever we do.
And one while an attribute learns its name comes out as a RuntimeError."""


@pytest.mark.parametrize(
    "step",
    [
        "exec('os.kill(os.getpid(), signal.SIGTERM); [None for _ in range(10)]')",
        "type('Owner', (), {'attribute': Interrupted()})",
    ],
)
def test_sigterm_in_the_middle_of_an_import_ends_in_order_as_well(tmp_path: Path, step: str) -> None:
    (tmp_path / "early.py").write_text(EARLY.replace("{step}", step))

    ended = subprocess.run(
        [sys.executable, "-m", "early"],
        env={**BASE, "PYTHONPATH": f"{tmp_path}{os.pathsep}{BASE['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (ExitCode.TERMINATED, "reconcile: ended by SIGTERM\n")


SIGTERM_WHERE_NOTHING_CAN_BE_RAISED = """
import click, os, signal, time, weakref
from reconcile_cli import main

class Thing:
    pass

@click.command()
def command():
    thing = Thing()
    seen = weakref.ref(thing, lambda _: (os.kill(os.getpid(), signal.SIGTERM), [None for _ in range(10)]))
    del thing
    for _ in range(500):
        time.sleep(0.01)
    print("went on")

main.Root.get_command = lambda *_: command
main.cli(["doctor"])
"""
"""Imports have such a callback. What is raised in it is printed and forgotten, and the signal with it."""


def test_sigterm_during_a_callback_that_cannot_raise_is_not_lost() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SIGTERM_WHERE_NOTHING_CAN_BE_RAISED],
        env=BASE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (ExitCode.TERMINATED, "", "reconcile: ended by SIGTERM\n")


def test_a_second_sigterm_does_not_interrupt_the_end_that_the_first_has_begun() -> None:
    with main._terminable() as asked:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)

    assert asked == [signal.SIGTERM]


def test_a_reader_that_leaves_is_no_failure_to_tell_of() -> None:
    process = subprocess.Popen(
        [*ARGUMENTS, "--help"], env=dict(BASE), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    process.stdout.close()
    _, stderr = process.communicate(timeout=HUNG)

    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr


def test_the_exit_codes_are_those_of_the_help_two_of_verify_and_two_that_shells_know() -> None:
    told = {
        int(code)
        for code in re.findall(
            r"\b(\d+) (?:done|failed|usage|stdout|try|settings|ended)", " ".join((cli.help or "").split())
        )
    }

    assert told == DESIGN
    assert set(ExitCode) == DESIGN | {ExitCode.QUESTION, ExitCode.NO_INPUT, 128 + signal.SIGINT, 128 + signal.SIGPIPE}
