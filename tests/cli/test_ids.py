"""Ids on the command line: an empty one is refused, and an unknown workspace is found out in the run's own session."""

import click
import pytest
from click.testing import CliRunner

from reconcile.store.session import open_store
from reconcile_cli.main import cli
from reconcile_cli.options import NonEmptyParam
from tests.cli.command import here
from tests.cli.test_main import EVERY
from tests.substitution import substitute_in_test

WITH_AN_ID = [
    (" ".join(path), parameter)
    for path, command in EVERY
    for parameter in command.params
    if isinstance(parameter.type, NonEmptyParam)
]


def arguments(path: str, parameter: click.Parameter, value: str) -> list[str]:
    """Return a command line in which only *parameter* is given."""
    named = [parameter.opts[0], value] if isinstance(parameter, click.Option) else ["--", value]
    return [*path.split(), *named]


def test_every_parameter_that_names_a_lead_or_a_workspace_is_read_as_an_id() -> None:
    loose = [
        (" ".join(path), parameter.name)
        for path, command in EVERY
        for parameter in command.params
        if parameter.name in {"workspace", "lead_id", "workspace_id"} and not isinstance(parameter.type, NonEmptyParam)
    ]

    assert loose == []
    assert WITH_AN_ID


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize(("path", "parameter"), WITH_AN_ID, ids=[f"{path} {each.name}" for path, each in WITH_AN_ID])
def test_an_empty_id_is_refused_instead_of_standing_for_everything(
    path: str, parameter: click.Parameter, value: str
) -> None:
    done = CliRunner().invoke(cli, arguments(path, parameter, value), obj={})

    assert done.exit_code == 2
    assert "must not be empty" in done.output


def test_a_run_of_one_workspace_opens_the_database_once(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    assert here("migrate", database_url=sqlite_url).code == 0
    opened: list[str] = []

    def counted(url: str, **facts: object) -> object:
        opened.append(url)
        return open_store(url, **facts)  # type: ignore[arg-type]

    substitute_in_test(monkeypatch, open_store, counted)
    done = here("run", "--workspace", "nosuch", database_url=sqlite_url)

    assert (done.code, len(opened)) == (2, 1)
    assert "there is no workspace 'nosuch' in this database" in done.err
