"""The node that the tests get runs pods of imported images as any node would."""

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
    tar = archive(tmp_path / "report.tar", IMAGE, {"report": binaries.pod()}, entrypoint=["/report", "report"])
    place = f"--namespace={namespace}"

    imported = node.import_image(tar)
    container = {"name": "report", "image": imported[0], "imagePullPolicy": "Never"}
    node.cluster.apply(cronjob("reporting", container), namespace=namespace)
    job = node.cluster.tick(namespace, "reporting")
    node.cluster.wait(place, f"job/{job}", "--for=condition=Complete")
    [pod] = node.cluster.get("pods", place, f"--selector=job-name={job}")["items"]
    [status] = pod["status"]["containerStatuses"]

    assert node.cluster.kubectl("logs", place, f"job/{job}").splitlines() == ["uid 65532", "root read-only", "api 200"]
    assert status["state"]["terminated"]["message"] == "reported"


def test_a_pod_reaches_a_server_of_the_tests(node: Node) -> None:
    """The API server is one; what a pod reads there is the node's relay at work."""
    host, port = node.expose(int(node.cluster.server.rpartition(":")[2])).split(":")

    assert host == node.address
    assert int(port) > 0
