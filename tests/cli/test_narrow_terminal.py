"""What is printed fits the terminal, and nothing that is looked for loses a character."""

import io
import logging
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reconcile import telemetry
from reconcile_cli.main import ExitCode
from reconcile_cli.terminal import listing, safe
from tests.cli.command import ARGUMENTS, BASE, ROOT, here
from tests.timeouts import HUNG

RUN = "20261130T143456Z-3246c66b"
WIDTHS = (80, 60, 40)


def shown(table: object, width: int) -> str:
    out = Console(file=io.StringIO(), width=width, record=True)
    out.print(table)
    return out.export_text()


@pytest.mark.parametrize("width", WIDTHS)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**6), st.text("abc-0123456789_", min_size=1, max_size=24)),
        min_size=1,
        max_size=4,
    )
)
def test_no_id_and_no_number_of_a_table_loses_a_character(width: int, rows: list[tuple[int, int, str]]) -> None:
    table = listing("started", "health", "checked", "errors", "lead", "run", numbers=("checked", "errors"), gap=1)
    for checked, errors, lead in rows:
        table.add_row("12 min ago", "circuit broken", str(checked), str(errors), safe(lead), safe(RUN))
    text = shown(table, width)

    assert max(map(len, text.splitlines())) <= width
    assert text.count(RUN) == len(rows)
    words = text.split()
    for checked, errors, lead in rows:
        assert {str(checked), str(errors)} <= set(words)
        assert lead in text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_that_fits_keeps_its_head(width: int) -> None:
    table = listing("table", "rows", numbers=("rows",))
    table.add_row("reconcile_run", "7")

    assert shown(table, width).split() == ["table", "rows", "reconcile_run", "7"]


@pytest.mark.parametrize(
    ("redirection", "told"),
    [(">/dev/full", "stdout cannot be written (No space left on device)"), (">&-", "stdout is closed")],
)
@pytest.mark.parametrize("command", ["--help", "demo --help"])
def test_a_full_disk_or_a_closed_stdout_ends_with_one_sentence_and_a_code_of_its_own(
    redirection: str, told: str, command: str
) -> None:
    line = f"{shlex.join(ARGUMENTS)} {command} {redirection}"
    done = subprocess.run(
        ("/bin/sh", "-c", line), env=BASE, capture_output=True, text=True, timeout=HUNG, check=False, cwd=ROOT
    )

    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"reconcile: {told}")


def test_an_id_is_shown_as_it_is(migrated: str) -> None:
    done = here("explain", "workspace", "Zoë 会议\x1b[2J", database_url=migrated)

    assert "there is no workspace 'Zoë 会议\\x1b[2J' in this database" in done.err


def test_a_warning_goes_to_what_is_stderr_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A progress bar takes the place of stderr, and prints lines above itself."""
    telemetry.configure(level="info", as_json=False)
    meanwhile = io.StringIO()
    monkeypatch.setattr(sys, "stderr", meanwhile)

    logging.getLogger("reconcile").warning("a.warning")

    assert "a.warning" in meanwhile.getvalue()


@pytest.fixture
def migrated(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    assert here("migrate", database_url=url).code == 0
    return url
