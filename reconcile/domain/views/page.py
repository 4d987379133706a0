"""The content of the page, without names, e-mail addresses and tokens."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.run.verification_ages import Ages
from reconcile.domain.views.parked import ParkedCause


class OverallStatus(StrEnum):
    """The overall state in one word."""

    WELL = "well"
    ATTENTION = "attention"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedCommand:
    """A command with its purpose."""

    text: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBucket:
    """Consecutive runs, summed: *worst* is the highest error rate among them, *at_risk* the highest count."""

    start: datetime
    end: datetime
    runs: int = 0
    checks: int = 0
    errors: int = 0
    repaired: int = 0
    worst: float = 0.0
    at_risk: int | None = None

    @property
    def rate(self) -> float:
        """Errors over all checks."""
        return self.errors / max(1, self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A breaker in one state for a period; *is_current* if it has not ended."""

    breaker: str
    state: str
    start: datetime
    end: datetime
    is_current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSummary:
    """A breaker that is not closed, or has an override, as text."""

    breaker: str
    state: str
    since: datetime | None
    blame: str
    next: str
    next_at: datetime | None
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskyMeeting:
    """A meeting of the next 24 hours that was not verified within the last hour."""

    workspace_id: WorkspaceId
    lead_id: LeadId
    starts_at: datetime | None
    verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One kind of failure in one version of the program, with its count in the page's period."""

    signature: str
    shape: tuple[str, ...]
    version: str
    count: int
    workspaces: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A change of one lead: *was* and *became* give status and start of the meeting, or the changed field."""

    at: datetime
    run_id: RunId
    workspace_id: WorkspaceId
    lead_id: LeadId
    outcome: str
    was: str
    became: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdTrial:
    """The runs of the page's time under some thresholds; *errors* and *calls* are those that would have been left."""

    error_rate: float
    min_checks: int
    is_in_force: bool
    trips: int
    calls: int
    errors: int
    lost_checks: int
    unknown_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Answers about the worst condition, as clauses; *runbook* is a heading of docs/runbook.md."""

    blame: str
    intact: str
    next: str
    runbook: str
    since: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingRun:
    """What the next run does, as a clause, and when it is due; None if that is unknown."""

    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """The content of the page for the period from *since* to *now*.

    *headline* is a sentence, *steps* are commands, the most likely first, *notes* are further sentences. Bands are in
    the order of *band_rows*; *last_checks* and *last_errors* are those of the last finished run. Fields that begin with
    *more* count what does not fit on the page.
    *trials* are empty where *trials_note* says why. *runbook_url* is where docs/runbook.md is published.
    """

    now: datetime
    since: datetime
    standing: OverallStatus
    headline: str
    situation: Situation | None = None
    upcoming: UpcomingRun | None = None
    """Only where nothing is wrong: otherwise the situation says what comes next."""
    runbook_url: str | None = None
    steps: tuple[SuggestedCommand, ...] = ()
    notes: tuple[str, ...] = ()
    trip_rate: float = 0.5
    moments: tuple[TimeBucket, ...] = ()
    bands: tuple[Band, ...] = ()
    band_rows: tuple[str, ...] = ()
    more_breakers: int = 0
    troubles: tuple[BreakerSummary, ...] = ()
    more_troubles: int = 0
    parked_causes: tuple[ParkedCause, ...] = ()
    """Why many workspaces are parked; empty where each is among the troubles."""
    trials: tuple[ThresholdTrial, ...] = ()
    trials_note: str = ""
    ages: Ages = field(default_factory=Ages)
    median_age: timedelta | None = None
    never_verified: int = 0
    """Leads with something to compare for which no provider has answered yet."""
    at_risk_count: int = 0
    at_risk: tuple[RiskyMeeting, ...] = ()
    failures: tuple[Failure, ...] = ()
    repairs: tuple[Repair, ...] = ()
    last_run_at: datetime | None = None
    last_checks: int = 0
    last_errors: int = 0
    last_success_at: datetime | None = None

    @property
    def checks(self) -> int:
        """Total checks."""
        return sum(each.checks for each in self.moments)

    @property
    def errors(self) -> int:
        """Total errors."""
        return sum(each.errors for each in self.moments)

    @property
    def repaired(self) -> int:
        """Total repaired leads."""
        return sum(each.repaired for each in self.moments)

    @property
    def runs(self) -> int:
        """Total runs."""
        return sum(each.runs for each in self.moments)
