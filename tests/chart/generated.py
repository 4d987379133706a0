"""values.yaml is the source: out of it come values.schema.json and the table in the chart's README.

``python -m tests.chart.generated`` writes both; a test fails where they are out of date.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "appointment-reconciler"
BEGIN, END = "<!-- values: written by make chart-files -->", "<!-- end of values -->"
DRAFT = "http://json-schema.org/draft-07/schema#"
SUBCHART = {"global": {"type": "object", "description": "Helm's own, given to every chart of a parent."}}
DECIMAL = r"^[0-9]+(\.[0-9]+)?$"

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """One line of the table: where it is, what it is by default, what is said of it."""

    path: tuple[str, ...]
    default: object
    text: str
    rule: Node

    @property
    def name(self) -> str:
        return ".".join(self.path)


def values() -> list[Value]:
    """Return every value of the chart that can be set, in the order of the file."""
    text = (CHART / "values.yaml").read_text()
    return list(_values(yaml.safe_load(text), _comments(text), ()))


def _values(node: Node, comments: Mapping[tuple[str, ...], tuple[str, Node]], path: tuple[str, ...]) -> Iterator[Value]:
    for key, default in node.items():
        here = (*path, key)
        text, rule = comments.get(here, ("", {}))
        if isinstance(default, dict) and not rule:
            yield from _values(default, comments, here)
        else:
            yield Value(here, default, text, rule)


def _comments(text: str) -> dict[tuple[str, ...], tuple[str, Node]]:
    """Return what stands above each key: its description, and its rule from the line that begins with ``#:``."""
    found: dict[tuple[str, ...], tuple[str, Node]] = {}
    path: list[str] = []
    said: list[str] = []
    rule: Node = {}
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#:"):
            rule = yaml.safe_load(stripped[2:])
        elif stripped.startswith("#"):
            said.append(stripped[1:].strip())
        elif key := re.match(r"( *)([A-Za-z0-9]+):", line):
            path = [*path[: len(key[1]) // 2], key[2]]
            found[tuple(path)] = (" ".join(said), rule)
        if not stripped.startswith("#"):
            said, rule = [], {}
    return found


def schema() -> Node:
    """Return the schema: closed at every level, a type and a range for each value."""
    root: Node = {"$schema": DRAFT, "type": "object", "additionalProperties": False, "properties": dict(SUBCHART)}
    for value in values():
        node = root
        for key in value.path[:-1]:
            node = node["properties"].setdefault(
                key, {"type": "object", "additionalProperties": False, "properties": {}}
            )
        node["properties"][value.path[-1]] = {**_rule(value), "description": value.text}
    return root


def _rule(value: Value) -> Node:
    match value.default:
        case dict():
            of_strings = {"type": "object", "additionalProperties": {"type": "string"}}
            return of_strings if value.rule.get("strings") else value.rule
        case _ if "number" in value.rule:
            # --set makes 0.7 a text, so a decimal may come as one; the templates judge its range.
            low, high = value.rule["number"]
            lowest = "exclusiveMinimum" if value.rule.get("above") else "minimum"
            return {"type": ["number", "string"], lowest: low, "maximum": high, "pattern": DECIMAL}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer", **value.rule}
        case list():
            return {"type": "array", **value.rule}
        case _:
            return {"type": "string", **value.rule}


def table() -> str:
    """Return the README's table."""
    rows = [f"| `{each.name}` | `{json.dumps(each.default)}` | {each.text} |" for each in values()]
    return "\n".join(["| value | default | what it is |", "| --- | --- | --- |", *rows])


def schema_text() -> str:
    """Return the schema as its file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def readme_text(readme: str) -> str:
    """Return *readme* with the table of today."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Write both files."""
    (CHART / "values.schema.json").write_text(schema_text())
    readme = CHART / "README.md"
    readme.write_text(readme_text(readme.read_text()))


if __name__ == "__main__":
    main()
