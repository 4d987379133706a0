"""The walk of a lead in ``docs/architecture.md`` names functions that exist, and that a run reaches."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text()
WALK = re.findall(r"`([a-z_/]+\.py):(\w+)`", TEXT.partition("## One lead")[2].partition("\n## ")[0])
NAMED_BY_BOOTSTRAP = {"Ghl", "Calendly"}
"""Adapters are given to a run: they stand behind a port."""
READERS = {"read_report"}
"""What others do with a report, after the run."""


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / "reconcile" / path).read_text())


def definition(path: str, name: str) -> ast.AST | None:
    found = (
        each for each in tree(path).body if isinstance(each, ast.AsyncFunctionDef | ast.ClassDef | ast.FunctionDef)
    )
    return next((each for each in found if each.name == name), None)


def imported(path: str) -> dict[str, str]:
    """Return the file of each name that a module takes from another one of ours."""
    found: dict[str, str] = {}
    for each in ast.walk(tree(path)):
        if isinstance(each, ast.ImportFrom) and each.module and each.module.startswith("reconcile."):
            file = each.module.removeprefix("reconcile.").replace(".", "/") + ".py"
            if (ROOT / "reconcile" / file).is_file():
                found |= {alias.name: file for alias in each.names}
    return found


def test_the_walk_names_enough_functions() -> None:
    assert len(WALK) >= 15


@pytest.mark.parametrize(("path", "name"), WALK)
def test_each_function_of_the_walk_exists(path: str, name: str) -> None:
    assert definition(path, name) is not None, f"{path} defines no {name}: correct the walk in docs/architecture.md"


def test_each_function_of_the_walk_is_reached_from_the_run() -> None:
    seen: set[tuple[str, str]] = set()
    waiting = [WALK[0]]
    while waiting:
        path, name = waiting.pop()
        body = definition(path, name)
        if body is None or (path, name) in seen:
            continue
        seen.add((path, name))
        used = {each.id for each in ast.walk(body) if isinstance(each, ast.Name)}
        waiting += [(imported(path).get(each, path), each) for each in used]

    missing = {each for each in WALK if each not in seen and each[1] not in NAMED_BY_BOOTSTRAP | READERS}
    assert not missing, f"a run does not come by {sorted(missing)}: correct the walk in docs/architecture.md"
