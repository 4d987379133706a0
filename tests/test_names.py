"""The naming rule holds in the program, and notices what it is there for."""

from pathlib import Path

import pytest

from tests.naming import faults


def test_every_name_in_the_program_follows_the_naming_rule() -> None:
    assert list(faults()) == []


@pytest.mark.parametrize(
    ("place", "text", "fault"),
    [
        ("cmd/tool/other.py", "class _Report: ...", "the class name Report stands more than once"),
        ("reconcile/board.py", "", "the module board is named by a private word; say registry"),
        ("reconcile/a.py", "class Jury: ...", "the class Jury is named by a private word; say attribution"),
        ("reconcile/a.py", "def _heed(): ...", "the function _heed is named by a private word"),
        ("reconcile/a.py", "class A:\n    async def told(self): ...", "the function told is a participle"),
        ("reconcile/a.py", "def rows_written(): ...", "the function rows_written is a participle"),
    ],
)
def test_a_name_that_breaks_the_rule_is_reported(tmp_path: Path, place: str, text: str, fault: str) -> None:
    write(tmp_path / "reconcile/report.py", "class Report: ...")
    write(tmp_path / place, text)

    (found,) = faults(tmp_path)

    assert fault in found


@pytest.mark.parametrize("name", ["is_known", "_has_begun", "was_asked", "connection_made", "write", "tells"])
def test_questions_verbs_and_callbacks_of_the_standard_library_are_allowed(tmp_path: Path, name: str) -> None:
    write(tmp_path / "reconcile/a.py", f"def {name}(): ...")

    assert list(faults(tmp_path)) == []


def write(path: Path, text: str) -> None:
    """Write a module with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
