"""``python -m tests.tools [NAME...]`` builds now what the tests would otherwise build when they need it.

Go modules are compiled one after the other, and packages are installed meanwhile. The tests may run at the same time:
of the processes that need a tool, one builds it and the others wait. Tools are kept outside the checkout. Each gets a
line with its seconds of wall-clock time.
"""

import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from deploy.image import debian
from deploy.release import build as release
from tests import toolbox
from tests.chart import tools as chart
from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.processes import ClusterError
from tests.logs.corpus.generators import libraries
from tests.simulator.clients import installed as clients
from tests.telemetry import collector

# In the order in which .ci/run needs them. What is built of the same packages as its neighbour is quick.
COMPILED: Mapping[str, Callable[[], object]] = {
    "collector": collector.built,
    "pod": binaries.pod,
    **{name: partial(binaries.tool, name) for name in ("helm4", "helm3", "helm-unittest", "kubeconform", "promtool")},
    "kubernetes": binaries.commands,
    "kube-score": partial(binaries.tool, "kube-score"),
}
INSTALLED: Mapping[str, Callable[[], object]] = {
    "base-python": partial(debian.archive, debian.PYTHON),
    "release": partial(toolbox.packages, release.LOCK),
    "chart-checks": chart.checks,
    "base-postgres": partial(debian.archive, debian.POSTGRES),
    **clients.tools(),
    **libraries.tools(),
}
FAULTS = (
    ClusterError,
    debian.BaseError,
    chart.ToolError,
    toolbox.ToolError,
    clients.ClientError,
    libraries.LibraryError,
)


def make(lane: Mapping[str, Callable[[], object]]) -> list[str]:
    """Build one tool after the other; return the names of those that failed."""
    failed = []
    for name, build in lane.items():
        begun = time.monotonic()
        try:
            build()
        except FAULTS as error:
            failed.append(name)
            sys.stderr.write(f"{name}: {error}\n")
        else:
            sys.stdout.write(f"{name}: {time.monotonic() - begun:.0f} s\n")
            sys.stdout.flush()
    return failed


def main(*names: str) -> str | None:
    """Build the tools of these *names*, or all; return which could not be built."""
    if unknown := set(names) - {*COMPILED, *INSTALLED}:
        return f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join([*COMPILED, *INSTALLED])}"
    lanes = [{name: lane[name] for name in names or lane if name in lane} for lane in (COMPILED, INSTALLED)]
    with ThreadPoolExecutor(len(lanes)) as pool:
        failed = [name for each in pool.map(make, lanes) for name in each]
    return f"not built: {', '.join(failed)}" if failed else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
