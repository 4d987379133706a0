"""Upgrades, rollbacks and removals while the program patches its annotations: no conflict, and nothing lost."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.processes import ClusterError
from tests.cluster.release import LEAST, NAME, PREFIX, STATE, Release, released

TEN = ("--set", "schedule=*/10 * * * *")
QUIET = ("--set", "migrate.enabled=false")
ON_THE_CRONJOB = ("--set", "state.target=cronjob,admissionPolicy.enabled=true")
MANAGER = "appointment-reconciler"


@dataclass(slots=True)
class Patches:
    """What the program's account wrote meanwhile, a number each, and what went wrong with it."""

    last: int = 0
    faults: list[str] = field(default_factory=list)


@contextmanager
def patching(release: Release, target: str = STATE) -> Iterator[Patches]:
    """Patch an annotation under the program's account, over and over."""
    account, patches, over = release.account(), Patches(), threading.Event()

    def patch() -> None:
        while not over.wait(0.05):
            body = json.dumps({"metadata": {"annotations": {f"{PREFIX}last-run": str(patches.last + 1)}}})
            place = ("patch", target, release.where, "--type=merge", f"--field-manager={MANAGER}", f"--patch={body}")
            done = release.cluster.try_kubectl(*place, kubeconfig=account.kubeconfig)
            if done.returncode:
                patches.faults.append(done.stderr)
            else:
                patches.last += 1

    thread = threading.Thread(target=patch, daemon=True)
    thread.start()
    try:
        yield patches
    finally:
        over.set()
        thread.join()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        yield name


@pytest.mark.parametrize(
    ("before", "after", "target"), [(3, 3, STATE), (4, 4, STATE), (3, 4, STATE), (4, 4, f"cronjob/{NAME}")]
)
def test_annotations_outlive_upgrade_and_rollback(
    cluster: Cluster, namespace: str, before: int, after: int, target: str
) -> None:
    values = (*QUIET, *(ON_THE_CRONJOB if target != STATE else ()))
    with released(cluster, before, *values, namespace=namespace) as release:
        hold = "reason='vendor outage' for=2h"
        cluster.kubectl("annotate", target, release.where, f"{PREFIX}hold={hold}")
        with patching(release, target) as patches:
            release.upgrade(*values, *TEN, helm=after)
            upgraded = release.get(f"cronjob/{NAME}")["spec"]["schedule"]
            Release(cluster, namespace, after).run("rollback", "1")
            rolled_back = release.get(f"cronjob/{NAME}")["spec"]["schedule"]
        seen = release.annotations(target)

    assert (upgraded, rolled_back) == ("*/10 * * * *", "* * * * *")
    assert patches.faults == []
    assert patches.last > 3
    assert seen == {"hold": hold, "last-run": str(patches.last)}


@pytest.mark.parametrize("helm", [3, 4])
def test_nothing_is_left_of_it(cluster: Cluster, namespace: str, helm: int) -> None:
    kinds = "cronjobs,jobs,serviceaccounts,roles,rolebindings,networkpolicies,configmaps,secrets"
    before = {each["metadata"]["name"] for each in cluster.get(kinds, f"--namespace={namespace}")["items"]}
    with released(cluster, helm, *QUIET, namespace=namespace) as release, patching(release):
        release.run("uninstall", "--wait")
        after = {each["metadata"]["name"] for each in cluster.get(kinds, release.where)["items"]}

    assert after - before == {"reconciler-database"}


@pytest.mark.parametrize("helm", [3, 4])
def test_gitops_sees_no_difference_that_is_not_its_own(cluster: Cluster, namespace: str, helm: int) -> None:
    with released(cluster, helm, *QUIET, namespace=namespace) as release:
        with patching(release) as patches:
            cluster.kubectl("annotate", STATE, release.where, f"{PREFIX}hold=reason=x for=2h")
        desired = release.rendered(*LEAST, *QUIET, "--skip-tests")
        compared = ("diff", "--server-side", "--force-conflicts", "--field-manager=gitops", "--filename=-")
        done = cluster.try_kubectl(*compared, stdin=desired)

    assert patches.faults == []
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


def test_helm_4_says_who_changed_a_field_and_takes_it_back_when_told(cluster: Cluster, namespace: str) -> None:
    with released(cluster, 4, *QUIET, namespace=namespace) as release:
        cluster.kubectl("patch", f"cronjob/{NAME}", release.where, '--patch={"spec": {"suspend": true}}')
        with pytest.raises(ClusterError, match='conflict with "kubectl-patch"'):
            release.upgrade(*QUIET)
        release.upgrade(*QUIET, "--force-conflicts")
        suspended = release.get(f"cronjob/{NAME}")["spec"]["suspend"]

    assert suspended is False


@pytest.mark.parametrize(("helm", "force"), [(3, "--force"), (4, "--force-replace")])
def test_a_forced_upgrade_takes_the_annotations_away(cluster: Cluster, namespace: str, helm: int, force: str) -> None:
    """What the guide warns of."""
    side = ("--server-side=false",) if helm > 3 else ()
    with released(cluster, helm, *QUIET, namespace=namespace) as release:
        cluster.kubectl("annotate", STATE, release.where, f"{PREFIX}hold=reason=x for=2h")
        release.upgrade(*QUIET, force, *side)
        seen = release.annotations()

    assert seen == {}
