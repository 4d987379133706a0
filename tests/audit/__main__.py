"""``python -m tests.audit``: whether what the locks name has known vulnerabilities.

Ends with 1 where something has, and with 69 where it could not be asked about all: silence is no clean bill.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import toolbox

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LOCKS = ("requirements.lock", "requirements-image.lock", "requirements-dev.lock")
UNANSWERED = os.EX_UNAVAILABLE


def told(lock: Path) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package; none where it said nothing that can be read."""
    command = (sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--format", "json")
    done = subprocess.run(
        [*command, "--disable-pip", "--require-hashes", "--requirement", lock],
        env={**os.environ, "PYTHONPATH": str(toolbox.packages(HERE / "requirements.lock"))},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"{lock.name}: pip-audit gave no answer:\n{done.stderr[-1000:]}")
        return []
    return packages


def judged(name: str, packages: list[dict[str, Any]]) -> int:
    """Print what is known of the packages, and return the exit code for it."""
    asked = [each for each in packages if "skip_reason" not in each]
    bad = [each for each in asked if each["vulns"]]
    for each in bad:
        ids = ", ".join(f"{vuln['id']} (mended in {', '.join(vuln['fix_versions']) or '-'})" for vuln in each["vulns"])
        print(f"{name}: {each['name']} {each['version']}: {ids}")
    print(f"{name}: {len(asked)} of {len(packages)} packages were asked about, {len(bad)} have known vulnerabilities")
    if bad:
        return 1
    return 0 if packages and len(asked) == len(packages) else UNANSWERED


def main() -> int:
    """Audit each lock; the worst of the answers counts."""
    codes = {judged(name, told(ROOT / name)) for name in LOCKS}
    if UNANSWERED in codes:
        print("where the package index gives no advisories, run this on a machine that reaches one")
    return next((code for code in (1, UNANSWERED) if code in codes), 0)


if __name__ == "__main__":
    sys.exit(main())
