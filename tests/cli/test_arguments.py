"""What is typed reaches the use case: each option and argument of each command, in the field that is meant."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from reconcile import bootstrap
from reconcile_cli.main import cli
from tests.cli import command_lines_control, command_lines_repair
from tests.cli.command_lines import Typed, hear
from tests.stores import sqlite_copy

ELSEWHERE: Mapping[str, set[str]] = {
    "run": {"fail_on", "changes", "limit"},
    "job manifest": {"form", "release"},
    "backfill manifest": {"form", "release"},
    "init": {"path", "script_path", "yes"},
}
"""Options that no use case is told of: of the exit code, the spelling or the cluster; they have their own tests."""


TYPED = {**command_lines_control.LINES, **command_lines_repair.LINES}
LINES = [each for lines in TYPED.values() for each in lines]


@pytest.mark.parametrize("typed", LINES, ids=str)
def test_each_argument_reaches_the_use_case(typed: Typed, sqlite_template: Path, tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("steps:\n- {title: a step, verified: {}}\n")
    heard = hear(typed, url=sqlite_copy(sqlite_template, tmp_path), folder=tmp_path)
    seen = {option: look(heard) for option, (look, _) in typed.seen.items()}

    assert seen == {option: expected for option, (_, expected) in typed.seen.items()}


def test_every_option_is_typed() -> None:
    """A new option needs a line above, or stands in ELSEWHERE with its reason."""
    for path, names in _options(cli, click.Context(cli)):
        typed = {name for line in TYPED.get(path, ()) for name in line.seen}

        assert names - typed - ELSEWHERE.get(path, set()) == set(), path


def _options(group: click.Command, ctx: click.Context, path: str = "") -> Iterator[tuple[str, set[str]]]:
    """Give each command with the names of its arguments and options, but for those that are settings."""
    if not isinstance(group, click.Group):
        yield path, {each.name or "" for each in group.params if "[RECONCILE_" not in (getattr(each, "help", "") or "")}
        return
    for name in group.list_commands(ctx):
        if (found := group.get_command(ctx, name)) is not None:
            yield from _options(found, ctx, f"{path} {name}".strip())


@pytest.mark.parametrize(
    ("words", "env", "is_whole"),
    [
        ("run --dry-run", {}, True),
        ("run --dry-run", {"workspace_limit": "3"}, True),
        ("run --dry-run --workspace-limit 3", {}, False),
        ("run --dry-run --leads-per-workspace 3", {}, False),
        ("run", {}, False),
    ],
)
def test_a_dry_run_takes_all_that_is_due_unless_a_limit_was_typed(
    words: str, env: Mapping[str, str], is_whole: bool, sqlite_url: str, tmp_path: Path
) -> None:
    heard = hear(Typed(words=words, asks=bootstrap.run, seen={}), url=sqlite_url, folder=tmp_path, **env)

    assert heard.arguments[1].whole_set is is_whole
