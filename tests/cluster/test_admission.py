"""A ValidatingAdmissionPolicy is enforced by the cluster that the tests get."""

from typing import Any
from uuid import uuid4

from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.processes import eventually


def policy(name: str, namespace: str) -> list[dict[str, Any]]:
    """Let nobody change a ConfigMap's data in *namespace*; its annotations are free."""
    api = "admissionregistration.k8s.io/v1"
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}
    return [
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "object.data == oldObject.data", "message": "the data stays"}],
            },
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": where},
        },
    ]


def test_a_policy_refuses_one_change_and_accepts_another(cluster: Cluster) -> None:
    with cluster.namespace() as namespace:
        state = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "state"}, "data": {"key": "0"}}
        cluster.apply(state, namespace=namespace)
        patch = ["patch", "configmap", "state", f"--namespace={namespace}", "--type=merge"]
        objects = policy(namespace, namespace)
        cluster.apply(*objects)

        def refused() -> bool:
            done = cluster.try_kubectl(*patch, f'--patch={{"data": {{"key": "{uuid4()}"}}}}')
            return "the data stays" in done.stderr

        eventually(refused, what="the policy to be enforced")
        annotated = cluster.try_kubectl(*patch, '--patch={"metadata": {"annotations": {"seen": "yes"}}}')
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            cluster.kubectl("delete", kind, namespace)

    assert annotated.returncode == 0, annotated.stderr
