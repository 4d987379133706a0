"""The node that the tests get runs pods of imported images as any node would."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.images import archive
from tests.cluster.kubernetes.node import Node
from tests.cluster.test_cluster import cronjob

IMAGE = "tests/report:1"


@pytest.fixture
def namespace(node: Node) -> Iterator[str]:
    with node.cluster.namespace() as name:
        yield name


def test_the_schedule_runs_an_imported_image_to_its_end(node: Node, namespace: str, tmp_path: Path) -> None:
    """Its container is a plain one: no root, nothing to write to, the API and a server of the tests within reach."""
    tar = archive(tmp_path / "report.tar", IMAGE, {"report": binaries.pod()}, entrypoint=["/report", "report"])
    place = f"--namespace={namespace}"

    imported = node.import_image(tar)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = node.expose(server.getsockname()[1])
        container = {"name": "report", "image": imported[0], "imagePullPolicy": "Never", "args": [address]}
        node.cluster.apply(cronjob("reporting", container), namespace=namespace)
        job = node.cluster.tick(namespace, "reporting")
        node.cluster.wait(place, f"job/{job}", "--for=condition=Complete")
    [pod] = node.cluster.get("pods", place, f"--selector=job-name={job}")["items"]
    [status] = pod["status"]["containerStatuses"]
    logs = node.cluster.kubectl("logs", place, f"job/{job}")

    assert logs.splitlines() == ["uid 65532", "root read-only", f"reached {address}", "api 200"]
    assert status["state"]["terminated"]["message"] == "reported"
