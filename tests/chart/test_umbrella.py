"""The chart as a part of another: twice under two names, in one release, without a collision."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart import tools
from tests.chart.generated import CHART
from tests.cluster.kubernetes import binaries

pytestmark = pytest.mark.chart

by_helm = pytest.mark.parametrize("helm", tools.HELMS)


def parent(folder: Path, values: dict[str, Any]) -> Path:
    """Write a chart that has this one twice, as *sales* and *support*."""
    again = {"name": "appointment-reconciler", "version": "0.1.0", "repository": f"file://{CHART}"}
    parts = [{**again, "alias": alias, "condition": f"{alias}.enabled"} for alias in ("sales", "support")]
    chart = {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": parts}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    return folder


def rendered(helm: str, chart: Path) -> list[dict[str, Any]]:
    program = binaries.tool(helm)
    tools.run(program, "dependency", "update", chart)
    text = tools.run(program, "template", "rel", chart, "--namespace", "calendars", *tools.OFFLINE)
    return [each for each in yaml.safe_load_all(text) if each]


@by_helm
def test_two_aliases_in_one_parent_do_not_collide(helm: str, tmp_path: Path) -> None:
    part = {"database": {"existingSecret": "db"}}
    objects = rendered(helm, parent(tmp_path, {"sales": part, "support": part}))
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    selectors = {
        each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for each in objects
        if each["kind"] == "NetworkPolicy"
    }

    assert len(names) == len(set(names))
    assert ("CronJob", "rel-sales") in names
    assert ("CronJob", "rel-support") in names
    assert selectors == {"sales", "support"}


@by_helm
def test_a_parent_switches_a_part_off_and_gives_all_its_pull_secrets(helm: str, tmp_path: Path) -> None:
    part = {"database": {"existingSecret": "db"}}
    values = {"sales": part, "support": {"enabled": False}, "global": {"imagePullSecrets": ["shared"]}}
    objects = rendered(helm, parent(tmp_path, values))
    (schedule,) = (each for each in objects if each["metadata"]["name"] == "rel-sales" and each["kind"] == "CronJob")

    assert not [each for each in objects if each["metadata"]["name"].startswith("rel-support")]
    assert schedule["spec"]["jobTemplate"]["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "shared"}]
