"""Help where people type: examples, suggestions, completion, and ``python -m reconcile``."""

import re
import shlex
import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from reconcile import __version__
from reconcile.settings import SETTINGS
from reconcile_cli.main import cli
from reconcile_cli.sections import MODULES
from tests.cli.command import BASE, here
from tests.cli.test_main import EVERY

LEAVES = [(path, command) for path, command in EVERY if not isinstance(command, click.Group)]


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_shows_examples_that_it_accepts(path: tuple[str, ...], command: click.Command) -> None:
    shown = CliRunner().invoke(cli, [*path, "--help"], obj={}).output
    examples = re.findall(r"^ +reconcile (.*)$", shown.partition("Options:")[0], re.MULTILINE)

    assert examples
    for example in examples:
        words = shlex.split(example)
        assert tuple(words[: len(path)]) == path
        command.make_context(path[-1], words[len(path) :], obj={})  # raises UsageError where it is not accepted


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["stauts"], "status"),
        (["mismatch"], "mismatches"),
        (["breaker", "hodl"], "hold"),
        (["run", "--dryrun"], "--dry-run"),
        (["run", "--lead-concurency", "3"], "--lead-concurrency"),
    ],
)
def test_an_unknown_word_suggests_the_nearest(arguments: list[str], nearest: str) -> None:
    done = here(*arguments)

    assert done.code == 2
    assert re.search(f"Did you mean (one of: )?'{nearest}'", done.err)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.env)
def test_an_unknown_variable_suggests_the_nearest_setting(setting: object) -> None:
    name = setting.env  # type: ignore[attr-defined]
    wrong = name.removeprefix("RECONCILE_")
    wrong = f"{wrong[:-2]}{wrong[-1]}{wrong[-2]}" if wrong[-1] != wrong[-2] else wrong[:-1]

    done = here("doctor", **{wrong: "1"})

    assert done.code == 78
    assert f"RECONCILE_{wrong} is not a setting; did you mean RECONCILE_" in done.err


@pytest.mark.parametrize(
    ("arguments", "typed", "expected"),
    [([], "", set(MODULES)), ([], "que", set()), ([], "qua", {"quarantine"}), (["breaker"], "h", {"hold"})],
)
def test_a_shell_completes_commands(arguments: list[str], typed: str, expected: set[str]) -> None:
    found = ShellComplete(cli, {}, "reconcile", "_RECONCILE_COMPLETE").get_completions(arguments, typed)

    assert {each.value for each in found} == expected


def test_a_shell_completes_nothing_after_an_unknown_command() -> None:
    completion = ShellComplete(cli, {}, "reconcile", "_RECONCILE_COMPLETE")

    assert {each.value for each in completion.get_completions(["stauts"], "")} <= set(MODULES)


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconcile", "--version"], env=dict(BASE), capture_output=True, text=True, check=True
    )

    assert done.stdout == f"reconcile {__version__}\n"
