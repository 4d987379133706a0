"""What the document says of the fault suite is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOLD = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_documented_test_exists_and_every_test_of_the_suite_is_documented() -> None:
    told = set(TOLD.findall((ROOT / "docs" / "faults.md").read_text()))
    files = {
        *(name for name, _ in told),
        *(f"tests/faults/{each.name}" for each in Path(__file__).parent.glob("test_*")),
    }
    there = {(name, test) for name in files for test in re.findall(r"def (test_\w+)\(", (ROOT / name).read_text())}
    own = {
        (name, test)
        for name, test in there
        if name.startswith("tests/faults/") and not name.endswith("test_documented.py")
    }

    assert told - there == set()
    assert own - told == set()
