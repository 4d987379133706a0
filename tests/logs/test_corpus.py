"""What real libraries write is understood, and what they write here has the shape of what is kept."""

import json
import os
import re

import pytest

from reconcile.domain.verification.line_shape import line_shape
from tests import samples
from tests.logs.corpus import verdicts
from tests.logs.corpus.generators.libraries import FAMILIES, family_of
from tests.tools import INSTALLED

_HEXADECIMAL = re.compile(r"\b(?=\w*\d)[0-9a-f]{5,}\b")


@pytest.mark.parametrize("name", verdicts.LOGS)
def test_the_verdicts_on_a_librarys_log_are_right(name: str) -> None:
    row = verdicts.row(name)

    assert row.passes == []
    assert row.mistakes == []
    assert row.is_right, row.errors


def test_the_table_of_verdicts_is_that_of_the_corpus() -> None:
    """``python -m tests.logs.corpus.verdicts`` writes it."""
    assert verdicts.PAGE.read_text() == verdicts.page()


def test_each_library_has_a_log_and_a_tool() -> None:
    assert {name for each in FAMILIES.values() for name in each.names} == set(verdicts.LOGS)
    assert {f"log-{name}" for name in FAMILIES} - {"log-services"} <= set(INSTALLED)


@samples.cells(8)
@pytest.mark.parametrize("name", verdicts.LOGS)
def test_a_library_writes_lines_of_the_shape_that_is_kept(name: str) -> None:
    family = family_of(name)
    if (lack := family.lack()) is not None:
        pytest.skip(lack)
    if not family.is_installed and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed; make tools installs it")

    assert shapes(family.lines(name)) == shapes(verdicts.LOGS[name].read_text().splitlines())


def shapes(lines: list[str]) -> list[str]:
    """Return the shape of each line; journald orders fields at random, and has random cursors."""
    if lines[0].startswith("{"):
        lines = [json.dumps(json.loads(each), sort_keys=True) for each in lines]
    elif any(each.startswith("__CURSOR=") for each in lines):
        lines = sorted(lines)
    return [line_shape(_HEXADECIMAL.sub("0", each)) for each in lines]
