"""Gauges for monitoring systems: each has a name, and a value for each set of labels."""

from collections.abc import Mapping
from dataclasses import dataclass

Labels = tuple[tuple[str, str], ...]
"""Label names and values, in the order in which they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A gauge; *name* and labels are in Prometheus' spelling."""

    name: str
    help: str
    values: Mapping[Labels, float]

    @classmethod
    def single(cls, name: str, text: str, value: float) -> "Gauge":
        """Return a gauge without labels."""
        return cls(name=name, help=text, values={(): value})
