"""Print what became of each test over all steps: ``python3 .ci/totals.py FOLDER`` reads the JUnit files in it.

A test that one step skipped and another ran counts as run. The closing line reads ``N passed, N failed, N skipped``.
"""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

ORDER = ("skipped", "passed", "failed")


def outcomes(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the outcome of each test, and for each that was skipped everywhere the last reason."""
    found: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for file in sorted(folder.glob("*.xml")):
        for case in ET.parse(file).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            skipped = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                outcome = "failed"
            elif skipped is not None:
                outcome = "skipped"
                reasons[name] = skipped.get("message") or "no reason given"
            else:
                outcome = "passed"
            found[name] = max(found.get(name, outcome), outcome, key=ORDER.index)
    return found, {name: reason for name, reason in reasons.items() if found[name] == "skipped"}


def main() -> None:
    """Print the failed tests, the reasons of the skipped ones, and the totals."""
    found, skipped = outcomes(Path(sys.argv[1]))
    for name in sorted(name for name, outcome in found.items() if outcome == "failed"):
        print(f"failed: {name}")
    for reason, count in Counter(skipped.values()).most_common():
        print(f"skipped: {count} x {reason}")
    totals = Counter(found.values())
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")


if __name__ == "__main__":
    main()
