"""The reference to one object, and the account that reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconcile.secret_files import small_text

MANAGER = "appointment-reconciler"
_PATHS = {
    "configmap": ("v1", "ConfigMap", "/api/v1/namespaces/{namespace}/configmaps/{name}"),
    "cronjob": ("batch/v1", "CronJob", "/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReference:
    """One object by kind and name; *account_dir* has the pod's token, ca.crt and namespace."""

    kind: str
    name: str
    namespace: str
    account_dir: Path

    @classmethod
    def parse(cls, text: str, *, namespace: str | None, account_dir: Path) -> "ObjectReference":
        """Parse ``configmap/NAME``; the default namespace is the pod's own."""
        kind, _, name = text.partition("/")
        return cls(kind=kind, name=name, namespace=namespace or _own_namespace(account_dir), account_dir=account_dir)

    @property
    def path(self) -> str:
        """The object's path template."""
        return _PATHS[self.kind][2]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the path."""
        return {"namespace": self.namespace, "name": self.name}

    @property
    def resource(self) -> dict[str, str]:
        """The object's fields in a SelfSubjectAccessReview."""
        return {"group": "batch" if self.kind == "cronjob" else "", "resource": f"{self.kind}s", "name": self.name}

    def reference(self, uid: str | None) -> dict[str, Any]:
        """Return the object's reference for an event."""
        version, kind, _ = _PATHS[self.kind]
        named = {"apiVersion": version, "kind": kind, "name": self.name, "namespace": self.namespace}
        return {**named, "uid": uid} if uid else named

    @property
    def source(self) -> str:
        """Return the object as kubectl writes it."""
        return f"{self.kind}/{self.name} -n {self.namespace}"

    def __str__(self) -> str:
        return f"{self.kind}/{self.name} in namespace {self.namespace}"


def _own_namespace(account_dir: Path) -> str:
    try:
        return small_text(account_dir / "namespace", limit=256).strip() or "default"
    except ValueError:
        return "default"
