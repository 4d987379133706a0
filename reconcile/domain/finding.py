"""What a look at the surroundings finds: one line for each thing that was looked at."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FindingStatus(StrEnum):
    """How a thing is."""

    FINE = "fine"
    WARNING = "warning"
    """It works, and will surprise somebody."""
    AWAY = "away"
    """It does not answer now; nothing has to be changed here."""
    FAULT = "fault"
    """Nothing works before this is put right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: *text* says how it is, *remedy* what to do. No secret is in either."""

    subject: str
    verdict: FindingStatus
    text: str
    remedy: str | None = None


def worst(findings: Iterable[Finding]) -> FindingStatus:
    """Return the worst verdict; fine where nothing was looked at."""
    order = list(FindingStatus)
    return max((each.verdict for each in findings), key=order.index, default=FindingStatus.FINE)
