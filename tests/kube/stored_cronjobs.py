"""CronJobs that the chart has rendered, stored for tests without Helm; the chart's tests compare them."""

from pathlib import Path
from typing import Any

import yaml

CRONJOBS_DIR = Path(__file__).parent / "cronjobs"
CRONJOBS = ("everything", "secret", "sqlite")
"""By the case of the chart, in its folder ``ci``."""


def stored(name: str) -> dict[str, Any]:
    """Return the CronJob of one case."""
    found: dict[str, Any] = yaml.safe_load((CRONJOBS_DIR / f"{name}.yaml").read_text())
    return found
