"""Say which Kubernetes the tests will get and build what is not there yet, or end with a sentence."""

import sys

from tests.cluster.kubernetes import binaries, sources
from tests.cluster.kubernetes.processes import ClusterError


def main() -> str | None:
    """Return why there is no Kubernetes, or nothing."""
    try:
        sys.stderr.write(f"kubernetes: {sources.find().description}\n")
        binaries.commands()
        binaries.pod()
        for name in ("helm3", "helm4"):
            binaries.tool(name)
    except ClusterError as error:
        return f"make test-cluster: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
