"""Findings of the doctor: one for each thing that was checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FindingStatus(StrEnum):
    """The result of a check."""

    FINE = "fine"
    WARNING = "warning"
    """It works, with an unexpected effect."""
    AWAY = "away"
    """It does not respond now; no change is needed here."""
    FAULT = "fault"
    """A run cannot start before this is fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One checked thing: *text* states the result, *remedy* what to do. Neither contains a secret."""

    subject: str
    verdict: FindingStatus
    text: str
    remedy: str | None = None


def worst(findings: Iterable[Finding]) -> FindingStatus:
    """Return the worst result; fine if nothing was checked."""
    order = list(FindingStatus)
    return max((each.verdict for each in findings), key=order.index, default=FindingStatus.FINE)
