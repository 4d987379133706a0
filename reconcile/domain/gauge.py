"""Figures that a monitoring system reads: one name each, with a value for each set of labels."""

from collections.abc import Mapping
from dataclasses import dataclass

Labels = tuple[tuple[str, str], ...]
"""Names and values of labels, in the order in which they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A figure that goes up and down. *name* and labels are spelled as Prometheus spells them."""

    name: str
    help: str
    values: Mapping[Labels, float]

    @classmethod
    def single(cls, name: str, text: str, value: float) -> "Gauge":
        """Return a gauge without labels."""
        return cls(name=name, help=text, values={(): value})
