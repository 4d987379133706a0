"""Helm of both versions and the checkers, each built or installed once and kept outside the checkout.

``python -m tests.chart.tools`` takes what the chart renders now as the unit tests' snapshot, and its CronJobs as those
of ``tests/kube/cronjobs``.
"""

import functools
import hashlib
import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.chart.generated import CHART
from tests.cluster.kubernetes import binaries
from tests.kube.stored_cronjobs import CRONJOBS, CRONJOBS_DIR

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
HELMS = ("helm3", "helm4")
SCHEMAS = ("1.33.0", "1.34.0", "1.35.0", "1.36.0")
# A Helm that was built without its release's flags takes itself for a much older Kubernetes.
OFFLINE = ("--kube-version", "1.33.0")
CASES = tuple(sorted((CHART / "ci").glob("*-values.yaml")))


class ToolError(Exception):
    """A tool ended with a fault; the message is what it said."""


def run(*command: str | Path, ends_with: Sequence[int] = (0,), stdin: str | None = None) -> str:
    """Run *command* and return everything it printed."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True, input=stdin, timeout=900
    )
    if done.returncode not in ends_with:
        raise ToolError(f"{Path(command[0]).name} ended with {done.returncode}:\n{done.stdout[-8000:]}")
    return done.stdout


def render(*values: str, case: Path, helm: str = "helm4") -> str:
    """Return what a release `reconciler` in namespace `calendars` consists of."""
    return _render(values, case, helm)


@functools.cache
def _render(values: Sequence[str], case: Path, helm: str) -> str:
    where = ("reconciler", CHART, "--namespace", "calendars", "--values", case)
    return run(binaries.tool(helm), "template", *where, *OFFLINE, *values)


def schedule(case: Path) -> dict[str, Any]:
    """Return the schedule's CronJob of *case*, without the checksum that every change of a setting changes."""
    objects = [each for each in yaml.safe_load_all(render(case=case)) if each]
    (found,) = (each for each in objects if (each["kind"], each["metadata"]["name"]) == ("CronJob", "reconciler"))
    del found["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    cronjob: dict[str, Any] = found
    return cronjob


def checks() -> Path:
    """Return the folder of checkov's own environment, in which the folder `schemas` holds Kubernetes' schemas."""
    digest = hashlib.sha256(LOCK.read_bytes() + " ".join([sys.version, *SCHEMAS]).encode()).hexdigest()[:12]

    def build(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "--requirement", LOCK)
        (packed,) = folder.glob("lib/python*/site-packages/kubernetes_validate/kubernetes-json-schema")
        for version in SCHEMAS:
            name = f"v{version}-local-strict"
            unpacked = folder / "schemas" / name
            unpacked.mkdir(parents=True)
            for file in (packed / name).glob("*.json"):
                # They refer to each other by addresses on the web: without those they stay beside each other.
                content = {key: part for key, part in json.loads(file.read_text()).items() if key != "$id"}
                text = json.dumps(content).replace('"/api/_definitions.json', '"_definitions.json')
                (unpacked / file.name).write_text(text)

    return binaries.once(f"chart-checks-{digest}", build)


if __name__ == "__main__":
    run(binaries.tool("helm-unittest"), "--strict", "--update-snapshot", CHART)
    for name in CRONJOBS:
        (CRONJOBS_DIR / f"{name}.yaml").write_text(yaml.safe_dump(schedule(CHART / "ci" / f"{name}-values.yaml")))
