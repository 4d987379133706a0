"""A checklist of a rollout: its steps and their results."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.verification.claim import Claim, Ruling, RulingStatus


class FigureSource(StrEnum):
    """The source of a claim's figures."""

    LEDGER = "ledger"
    LOGS = "logs"
    CRONJOB = "cronjob"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStep:
    """A claim on the ledger, or on a log file or a CronJob's pods by *name*.

    It is evaluated *every* interval for at most *wait*.
    """

    claim: Claim
    source: FigureSource = FigureSource.LEDGER
    name: str = ""
    wait: timedelta = timedelta(0)
    every: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """A run of our own that has to succeed without an error."""

    workspaces: int
    leads_per_workspace: int
    workspace: WorkspaceId | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedStep:
    """No lead with a booking may be left that was not verified since then."""

    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistStep:
    """One step with its title."""

    title: str
    what: ClaimStep | RunStep | VerifiedStep


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The result of a step."""

    title: str
    ruling: Ruling


def overall(results: Sequence[StepResult]) -> RulingStatus:
    """Return the ruling over all steps: a failed step outweighs an inconclusive one."""
    words = {each.ruling.word for each in results}
    return next((word for word in (RulingStatus.FAIL, RulingStatus.INCONCLUSIVE) if word in words), RulingStatus.PASS)
