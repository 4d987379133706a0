"""Stand in for the image of K3s where none can be pulled: its API server, its file and its words, of our binaries."""

import json
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path

from tests.cluster.kubernetes.control_plane import Addresses, control_plane

BINARIES = Path("/opt/kubernetes")
KUBECONFIG = Path("/etc/rancher/k3s/k3s.yaml")
INNER, PUBLISHED = 6444, 6443


def main() -> None:
    """Serve until the container is stopped."""
    folder = Path(tempfile.mkdtemp())
    with control_plane(lambda name: BINARIES / name, folder, Addresses(port=INNER)) as plane:
        config = json.loads(plane.kubeconfig.read_text())
        authority = b64encode(plane.certificate.read_bytes()).decode()
        config["clusters"][0]["cluster"] = {
            "server": f"https://127.0.0.1:{PUBLISHED}",
            "certificate-authority-data": authority,
        }
        KUBECONFIG.parent.mkdir(parents=True)
        KUBECONFIG.write_text(json.dumps(config))
        # The line that testcontainers waits for.
        sys.stdout.write("Node controller sync successful\n")
        sys.stdout.flush()
        subprocess.run(
            [BINARIES / "pod", "relay", f"0.0.0.0:{PUBLISHED}", f"127.0.0.1:{INNER}"], check=True, cwd=folder
        )


if __name__ == "__main__":
    main()
