"""What docs/gitops.md says of the chart's objects, by Helm and Kustomize themselves."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart import tools
from tests.chart.generated import CHART
from tests.cluster.kubernetes import binaries

pytestmark = pytest.mark.chart

GUIDE = (CHART.parents[2] / "docs" / "gitops.md").read_text()
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)]
SECRET = CHART / "ci" / "secret-values.yaml"
OWN = "appointment-reconciler.io/"


def objects(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


def cronjobs(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in found if each["kind"] == "CronJob"}


def variables(cronjob: dict[str, Any]) -> dict[str, str]:
    (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


@pytest.mark.parametrize("case", tools.CASES, ids=lambda case: case.stem)
def test_no_annotation_of_the_programs_is_the_charts(case: Path) -> None:
    annotations = [each["metadata"].get("annotations") or {} for each in objects(tools.render(case=case))]

    assert [key for found in annotations for key in found if key.startswith(OWN)] == []


def test_the_state_object_has_no_annotations_and_no_data_to_differ_in() -> None:
    (state,) = (each for each in objects(tools.render(case=SECRET)) if each["metadata"]["name"] == "reconciler-state")

    assert set(state) == {"apiVersion", "kind", "metadata"}
    assert set(state["metadata"]) == {"name", "namespace", "labels"}


def test_two_renderings_are_the_same_text() -> None:
    where = ("reconciler", CHART, "--namespace", "calendars", "--values", SECRET)
    first, second = (tools.run(binaries.tool("helm4"), "template", *where, *tools.OFFLINE) for _ in range(2))

    assert first == second


def test_the_migration_is_a_hook_that_argo_cd_knows() -> None:
    hooks = {each["metadata"].get("annotations", {}).get("helm.sh/hook") for each in objects(tools.render(case=SECRET))}

    assert hooks == {None, "pre-install,pre-upgrade", "test"}


def test_the_suspended_cronjob_alone_is_left_out_of_the_health() -> None:
    (value,) = (each for each in BLOCKS if "backfill" in each)
    ((key, text),) = value["backfill"]["cronJobAnnotations"].items()
    path = "backfill.cronJobAnnotations." + key.replace(".", "\\.")
    found = cronjobs(objects(tools.render("--set-string", f"{path}={text}", case=SECRET)))

    assert found["reconciler-backfill"]["metadata"]["annotations"] == {key: text}
    assert "annotations" not in found["reconciler"]["metadata"]


def kustomized(folder: Path, kustomization: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (folder / "rendered.yaml").write_text(tools.render(case=SECRET))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return cronjobs(objects(tools.run(binaries.commands() / "kubectl", "kustomize", folder)))


def test_a_name_prefix_needs_the_replacements_of_the_guide(tmp_path: Path) -> None:
    (shown,) = (each for each in BLOCKS if each.get("kind") == "Kustomization")
    bare = {name: value for name, value in shown.items() if name != "replacements"}
    without = variables(kustomized(tmp_path, bare)["prod-reconciler"])
    found = kustomized(tmp_path, shown)

    assert (without["RECONCILE_STATE_OBJECT"], without["RECONCILE_CRONJOB"]) == (
        "configmap/reconciler-state",
        "reconciler",
    )
    for name in ("prod-reconciler", "prod-reconciler-backfill"):
        given = variables(found[name])
        assert (given["RECONCILE_STATE_OBJECT"], given["RECONCILE_CRONJOB"]) == (
            "configmap/prod-reconciler-state",
            "prod-reconciler",
        )


def test_a_full_name_needs_nothing_else() -> None:
    found = cronjobs(objects(tools.render("--set", "fullnameOverride=prod-reconciler", case=SECRET)))
    given = variables(found["prod-reconciler"])

    assert (given["RECONCILE_STATE_OBJECT"], given["RECONCILE_CRONJOB"]) == (
        "configmap/prod-reconciler-state",
        "prod-reconciler",
    )
