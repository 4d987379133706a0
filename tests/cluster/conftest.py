"""A real Kubernetes for the tests below: one for each process, started when first asked for."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from deploy.image.build import ARCHIVE
from tests.asked import skip_unless_asked
from tests.cluster.docker import Docker, dockerd, missing
from tests.cluster.kubernetes import node as nodes
from tests.cluster.kubernetes import sources
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.processes import ClusterError

HERE = Path(__file__).parent
ASKED = "make test-cluster runs it"
Started = TypeVar("Started")
USED: pytest.StashKey[set[str]] = pytest.StashKey()
FIGURES: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a cluster, and skip it by name where nobody asked for it with `-m cluster`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if config.pluginmanager.hasplugin("xdist"):
                # With two workers, one has the node and the other the rest, so that nothing is started twice.
                has_node = "node" in getattr(item, "fixturenames", ())
                item.add_marker(pytest.mark.xdist_group("node" if has_node else "rest"))
    skip_unless_asked(config, items, "cluster", folder=HERE, reason=ASKED)


def pytest_configure(config: pytest.Config) -> None:
    """Keep what was used, for the closing lines."""
    config.stash[USED] = set()
    config.stash[FIGURES] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand on from a worker of xdist which clusters it used, and what its tests measured."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        used: set[str] = session.config.stash[USED]
        output["clusters"] = sorted(used)
        output["cluster figures"] = session.config.stash[FIGURES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Collect what the workers used and measured."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[USED].update(output.get("clusters", ()))
    node.config.stash[FIGURES].extend(output.get("cluster figures", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which backends were used where people look."""
    used: set[str] = config.stash[USED]
    for description in sorted(used) or ["none was started"]:
        terminalreporter.write_line(f"kubernetes: {description}")
    for figure in config.stash[FIGURES]:
        terminalreporter.write_line(f"kubernetes: {figure}")


@pytest.fixture
def figures(pytestconfig: pytest.Config) -> list[str]:
    """Give the list whose lines close the run."""
    return pytestconfig.stash[FIGURES]


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """Give a Kubernetes with the real controllers; whether its pods run depends on where it comes from."""
    with _or_one_sentence(lambda: sources.find().start()) as running:
        pytestconfig.stash[USED].add(running.description)
        yield running


@pytest.fixture(scope="session")
def node(pytestconfig: pytest.Config) -> Iterator[nodes.Node]:
    """Give a Kubernetes that runs pods, of images that were imported."""
    _skip_outside_ci(nodes.missing())
    with _or_one_sentence(nodes.node) as running:
        pytestconfig.stash[USED].add(running.cluster.description)
        yield running


@pytest.fixture(scope="session")
def image(node: nodes.Node) -> str:
    """Give the name of the image that ``make image`` built, as the node knows it."""
    if not ARCHIVE.exists():
        pytest.fail(f"{ARCHIVE} is not there: make image builds it", pytrace=False)
    (name,) = node.import_image(ARCHIVE)
    return name


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """Give a Docker engine that nothing else uses, with a network; it holds no image."""
    _skip_outside_ci(missing())
    with _or_one_sentence(lambda: dockerd(network=True)) as running:
        yield running


def _skip_outside_ci(reason: str) -> None:
    """Skip what *reason*, if there is one, keeps from running; where the machine is ours, it is a failure."""
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@contextmanager
def _or_one_sentence(start: Callable[[], AbstractContextManager[Started]]) -> Iterator[Started]:
    """Run what *start* gives; where it cannot be had, fail with the reason and no traceback."""
    with ExitStack() as stack:
        try:
            running = stack.enter_context(start())
        except ClusterError as error:
            pytest.fail(str(error), pytrace=False)
        yield running
