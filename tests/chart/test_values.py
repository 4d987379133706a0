"""values.yaml, the program's settings, the schema, the README and the unit tests say the same."""

import re
from itertools import chain

import pytest
import yaml

from reconcile import __version__
from reconcile.settings import SETTINGS
from reconcile.settings.kinds import Number, Whole
from tests.chart.generated import CHART, SUBCHART, readme_text, schema, schema_text, values

TEMPLATES = {file.name: file.read_text() for file in sorted((CHART / "templates").iterdir())}
TEXT = "\n".join(TEMPLATES.values())
VALUES = values()
BY_NAME = {setting.env: setting for setting in SETTINGS}
# RECONCILE_X: {{ $v.limits.x … }}
GIVEN = dict(re.findall(r"^(RECONCILE_[A-Z_]+): \{\{ \$v\.([A-Za-z.]+)", TEXT, re.MULTILINE))
# What a pod is, rather than what somebody sets, and what the chart names in another way.
NOT_GIVEN = {
    "RECONCILE_SHARD",  # an Indexed Job's own number
    "RECONCILE_SERVICE_ACCOUNT_DIR",  # where Kubernetes puts it
}


def test_the_schema_is_that_of_the_values() -> None:
    assert (CHART / "values.schema.json").read_text() == schema_text(), "make chart-files"


def test_the_readme_is_that_of_the_values() -> None:
    text = (CHART / "README.md").read_text()

    assert text == readme_text(text), "make chart-files"


def test_the_schema_is_closed_at_every_level() -> None:
    def opened(node: object, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        here = [path] if "properties" in node and node.get("additionalProperties") is not False else []
        return here + list(chain.from_iterable(opened(child, f"{path}.{key}") for key, child in node.items()))

    assert opened(schema(), "") == []


def test_every_value_is_described() -> None:
    assert [value.name for value in VALUES if not value.text.endswith(".")] == []


def test_every_value_is_read_by_a_template() -> None:
    # Inside `with .Values.x` a value is .y: what it is called there is looked for below that block alone.
    read = set(re.findall(r"(?:\$\.|\$v\.|\.)Values\.([A-Za-z.]+)|\$v\.([A-Za-z.]+)", TEXT))
    paths = {first or second for first, second in read}
    for owner, names in _inside_with():
        paths |= {f"{owner}.{name}" for name in names}

    unread = [value.name for value in VALUES if not any(_covers(path, value.name) for path in paths)]

    assert unread == []


def test_no_template_reads_a_value_that_is_not_there() -> None:
    known = {value.name for value in VALUES} | set(SUBCHART)  # Helm gives "global" to every chart
    groups = {".".join(value.path[:length]) for value in VALUES for length in range(1, len(value.path))}
    read = set(re.findall(r"\.Values\.([A-Za-z.]+)", TEXT)) | set(re.findall(r"\$v\.([A-Za-z.]+)", TEXT))

    assert {
        path for path in read if path not in known | groups and not any(_covers(name, path) for name in known)
    } == set()


def test_every_value_has_a_sentence_in_the_unit_tests() -> None:
    tried = set()
    for suite in (CHART / "tests").glob("*_test.yaml"):
        for test in yaml.safe_load(suite.read_text())["tests"]:
            tried |= set(_leaves(test.get("set") or {}))

    assert [value.name for value in VALUES if not any(_covers(value.name, path) for path in tried)] == []


def test_every_variable_that_the_chart_sets_is_a_setting() -> None:
    names = set(re.findall(r"RECONCILE_[A-Z_]+", TEXT))

    assert {name for name in names if name not in BY_NAME and name.removesuffix("_FILE") not in BY_NAME} == set()


def test_every_setting_can_be_had_from_the_chart() -> None:
    names = {name.removesuffix("_FILE") for name in re.findall(r"RECONCILE_[A-Z_]+", TEXT)}

    assert set(BY_NAME) - names == NOT_GIVEN


@pytest.mark.parametrize("env", sorted(GIVEN))
def test_a_default_is_the_programs(env: str) -> None:
    (value,) = [value for value in VALUES if value.name == GIVEN[env]]
    setting = BY_NAME[env]
    if setting.default is None:
        pytest.skip("the program has none")
    default = "on" if value.default is True else "off" if value.default is False else value.default

    assert setting.kind.read(str(default)) == setting.default


@pytest.mark.parametrize("env", sorted(name for name in GIVEN if isinstance(BY_NAME[name].kind, Whole | Number)))
def test_a_range_is_the_programs(env: str) -> None:
    kind = BY_NAME[env].kind
    node = schema()
    for key in GIVEN[env].split("."):
        node = node["properties"][key]
    lowest = "exclusiveMinimum" if getattr(kind, "above", False) else "minimum"

    assert isinstance(kind, Whole | Number)
    assert (node[lowest], node["maximum"]) == (kind.low, kind.high)


def test_the_chart_is_of_the_programs_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == __version__


def test_each_skipped_check_says_why() -> None:
    skips = yaml.safe_load((CHART / "checks" / "skips.yaml").read_text())

    assert all(len(reason.split()) > 5 for checker in skips.values() for reason in checker.values())


def _covers(path: str, name: str) -> bool:
    return name == path or name.startswith(path + ".")


def _leaves(node: object, path: str = "") -> list[str]:
    if not isinstance(node, dict):
        return [path]
    below = (_leaves(child, f"{path}.{key}" if path else key) for key, child in node.items())
    return [path, *chain.from_iterable(below)]


def _inside_with() -> list[tuple[str, set[str]]]:
    """Return for each `with .Values.x` and `$x := .Values.x` the names that are read of it by file."""
    found = []
    for text in TEMPLATES.values():
        owners = re.findall(r"with (?:\$|\.root)?\.?Values\.([A-Za-z.]+) \}\}", text)
        found += [(owner, set(re.findall(r"[ (]\.([a-z][A-Za-z.]*)", text))) for owner in owners]
        variables = re.findall(r"\$(\w+) := \.Values\.([A-Za-z.]+) -?\}\}", text)
        found += [(owner, set(re.findall(rf"\${name}\.([A-Za-z.]+)", text))) for name, owner in variables]
    return found
