"""The state object on a scripted API server, and in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile.kube.mirror import KubeMirror
from reconcile.kube.object_reference import ObjectReference
from reconcile.ports import StateMirror
from tests.kube.apiserver import ApiServer, api_server, kubeconfig
from tests.services.memory_ports import MemoryMirror


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def mirror(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KubeMirror:
    """Give the adapter, led to the scripted server by a kubeconfig."""
    path = kubeconfig(tmp_path, server.port)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return KubeMirror(ObjectReference.parse("configmap/rec-state", namespace="shop", account_dir=tmp_path))


@pytest.fixture(params=["memory", "adapter"])
def any_mirror(request: pytest.FixtureRequest) -> StateMirror:
    """Give each of the two."""
    if request.param == "memory":
        return MemoryMirror()
    adapter: KubeMirror = request.getfixturevalue("mirror")
    return adapter
