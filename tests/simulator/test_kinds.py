"""No switch without a test."""

from pathlib import Path

from reconcile.simulator import FaultKind

TESTS = "\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))


def test_each_kind_is_switched_by_some_test() -> None:
    assert [kind.name for kind in FaultKind if f"FaultKind.{kind.name}" not in TESTS] == []
