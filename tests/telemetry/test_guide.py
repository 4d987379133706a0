"""What docs/telemetry.md says is what the code has."""

from pathlib import Path

from reconcile.ports.instruments import INSTRUMENTS
from reconcile.telemetry.names import attribute_name

GUIDE = Path(__file__).parents[2] / "docs" / "telemetry.md"


def test_each_metric_is_documented_as_declared() -> None:
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith(("| `reconcile.", "| `http.client"))]
    expected = [
        f"| `{each.name}` | {each.kind} | `{each.unit}` | "
        f"{', '.join(f'`{attribute_name(name)}`' for name in each.attributes) or 'none'} | {each.help} |"
        for each in INSTRUMENTS
    ]

    assert rows == expected
