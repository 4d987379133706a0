"""No switch without a test."""

from pathlib import Path

import pytest

from reconcile.simulator import FaultKind

TESTS = "\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))


@pytest.mark.parametrize("kind", FaultKind)
def test_each_kind_is_switched_by_some_test(kind: FaultKind) -> None:
    assert f"FaultKind.{kind.name}" in TESTS
