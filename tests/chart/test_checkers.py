"""Helm 3, Helm 4 and the checkers of others have nothing to say against any case in ci/."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.chart import tools
from tests.chart.generated import CHART
from tests.cluster.kubernetes import binaries

pytestmark = pytest.mark.chart

SKIPS = yaml.safe_load((CHART / "checks" / "skips.yaml").read_text())
# They belong to the Prometheus operator, whose schemas are not Kubernetes'.
FOREIGN = "PrometheusRule,ServiceMonitor"
(LEAST,) = (case for case in tools.CASES if case.name.startswith("secret"))
by_case = pytest.mark.parametrize("case", tools.CASES, ids=lambda case: case.name.removesuffix("-values.yaml"))
by_helm = pytest.mark.parametrize("helm", tools.HELMS)


@by_case
@by_helm
def test_helm_lints_it(helm: str, case: Path) -> None:
    said = tools.run(binaries.tool(helm), "lint", "--strict", CHART, "--values", case, *tools.OFFLINE)

    assert "1 chart(s) linted, 0 chart(s) failed" in said


@by_case
def test_both_helms_render_the_same(case: Path) -> None:
    three, four = (sorted(map(str, yaml.safe_load_all(tools.render(case=case, helm=helm)))) for helm in tools.HELMS)

    assert three == four


@by_case
@pytest.mark.parametrize("version", tools.SCHEMAS)
def test_kubernetes_schemas_know_every_field(case: Path, version: str, figures: list[str]) -> None:
    where = tools.checks() / "schemas" / "{{ .NormalizedKubernetesVersion }}-local{{ .StrictSuffix }}"
    said = tools.run(
        binaries.tool("kubeconform"),
        *("-strict", "-summary", "-output", "json", "-skip", FOREIGN, "-kubernetes-version", version),
        *("-schema-location", f"{where}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"),
        stdin=tools.render(case=case),
    )
    summary = json.loads(said)["summary"]
    figures.append(f"kubeconform {version}, {case.stem}: {summary['valid']} valid, {summary['skipped']} skipped")

    assert summary["valid"] > 8
    assert summary["invalid"] == summary["errors"] == 0


@by_case
def test_checkov_finds_nothing_that_is_not_explained(case: Path, tmp_path: Path, figures: list[str]) -> None:
    rendered = tmp_path / "chart.yaml"
    rendered.write_text(tools.render(case=case))
    python = tools.checks() / "bin" / "python"
    said = tools.run(
        *(python, "-m", "checkov.main", "--framework", "kubernetes", "--skip-download", "--quiet", "--output", "json"),
        *("--skip-check", ",".join(SKIPS["checkov"]), "--file", rendered),
        ends_with=(0, 1),
    )
    found = json.loads(said[said.index("{") :])
    summary = found["summary"]
    figures.append(f"checkov, {case.stem}: {summary['passed']} passed, {summary['failed']} failed")

    assert [(each["check_id"], each["resource"]) for each in found["results"]["failed_checks"]] == []
    assert summary["passed"] > 200


@by_case
def test_kube_score_finds_nothing_that_is_not_explained(case: Path, figures: list[str]) -> None:
    ignored = [part for test in SKIPS["kube-score"] for part in ("--ignore-test", test)]
    said = tools.run(
        *(binaries.tool("kube-score"), "score", "--kubernetes-version", "v1.33", "--output-format", "ci"),
        *(*ignored, "-"),
        ends_with=(0, 1),
        stdin=tools.render(case=case),
    )
    lines = said.splitlines()
    figures.append(f"kube-score, {case.stem}: {sum(line.startswith('[OK]') for line in lines)} OK")

    assert [line for line in lines if line.startswith(("[CRITICAL]", "[WARNING]"))] == []


def test_the_unit_tests_pass(figures: list[str]) -> None:
    said = tools.run(binaries.tool("helm-unittest"), "--strict", CHART)
    figures.extend(line for line in said.splitlines() if line.startswith(("Tests:", "Snapshot:")))

    assert "failed" not in said


def test_a_value_that_came_by_the_command_line_may_be_a_decimal() -> None:
    said = tools.render("--set", "breaker.errorRate=0.75", case=LEAST)

    assert 'RECONCILE_CIRCUIT_BREAKER_ERROR_RATE: "0.75"' in said


def test_what_runs_tells_by_which_settings() -> None:
    before, same, other = (
        set(re.findall("checksum/config: (.*)", tools.render(*values, case=LEAST)))
        for values in ((), ("--set", "suspend=true"), ("--set", "limits.workspaceLimit=11"))
    )

    assert len(before) == 1
    assert before == same
    assert before.isdisjoint(other)


@by_helm
@pytest.mark.parametrize("group", ["page", "podSecurityContext", "securityContext"])
def test_the_values_of_an_older_chart_are_refused_with_a_sentence(helm: str, group: str) -> None:
    """As ``helm upgrade --reuse-values`` brings them, whichever template Helm renders first."""
    with pytest.raises(tools.ToolError, match=f"the values have no {group}: .* upgrade with --reset-then-reuse-values"):
        tools.render("--set", f"{group}=null", case=LEAST, helm=helm)
