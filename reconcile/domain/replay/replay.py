"""Replays recorded runs with other thresholds in order of time; runs of several shards overlap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconcile.domain.breaker.breaker import BreakerKey, BreakerPolicy
from reconcile.domain.ids import RunId
from reconcile.domain.replay.figures import ReplayFigures
from reconcile.domain.replay.result import ReplayResult, Thresholds
from reconcile.domain.replay.run_replay import RunReplay
from reconcile.domain.replay.stored import ReplayedBreakers
from reconcile.domain.replay.tape import read_run

MOST_TRIPS = 1000
"""The number of trips that are listed, newest first; all are counted."""


@dataclass(slots=True, kw_only=True)
class BreakerReplay:
    """A replay with *policy*. Runs are added in order of their start."""

    policy: BreakerPolicy
    figures: ReplayFigures = field(default_factory=ReplayFigures)
    breakers: ReplayedBreakers = field(default_factory=ReplayedBreakers)
    _active: list[RunReplay] = field(default_factory=list)

    def needs_calls(self, *, began_at: datetime, is_quiet: bool) -> bool:
        """Return whether the calls of a run that began then make a difference: else ``add_quiet`` will do."""
        self._advance(began_at)
        return not (is_quiet and self.breakers.are_closed)

    def add_quiet(self, *, calls: int, checks: int, errors: int, is_shadow: bool = False) -> None:
        """Add a run without any call that some threshold would refuse."""
        self.figures.runs += 1
        self.figures.shadow_runs += is_shadow
        self.figures.calls += calls
        self.figures.checks += checks
        self.figures.errors += errors

    def add_unrecorded(self) -> None:
        """Count a run that is left out."""
        self.figures.unrecorded_runs += 1

    def add(self, run_id: RunId, document: Mapping[str, Any]) -> None:
        """Add a run with its calls; a run whose calls cannot be read is left out."""
        try:
            run = read_run(run_id, document)
        except ValueError:
            self.add_unrecorded()
            return
        self._advance(run.started_at)
        self.figures.runs += 1
        self.figures.shadow_runs += not run.is_enforced
        self.figures.cut_runs += run.is_cut
        self._active.append(RunReplay(run=run, policy=self.policy, breakers=self.breakers, figures=self.figures))

    def result(
        self, *, since: datetime, until: datetime, in_force: BreakerPolicy, only: BreakerKey | None = None
    ) -> ReplayResult:
        """Replay the remaining runs and return the result."""
        self._advance(None)
        happened, replayed = self.figures.trips(only=only)
        return ReplayResult(
            since=since,
            until=until,
            thresholds=thresholds(self.policy),
            in_force=thresholds(in_force),
            totals=self.figures.totals(only=only),
            breakers=self.figures.breakers(only=only),
            happened=happened[-MOST_TRIPS:],
            replayed=replayed[-MOST_TRIPS:],
        )

    def _advance(self, until: datetime | None) -> None:
        """Replay all that happened before *until*, event by event across the runs that overlap."""
        while self._active:
            run = min(self._active, key=lambda each: each.next_at or each.run.started_at)
            if run.next_at is None:
                self._active.remove(run)
            elif until is not None and run.next_at >= until:
                return
            else:
                run.step()


def thresholds(policy: BreakerPolicy) -> Thresholds:
    """Return the numbers of a policy that a replay can change."""
    return Thresholds(
        error_rate=policy.error_rate,
        min_checks=policy.min_checks,
        min_workspaces=policy.min_workspaces,
        contract_faults=policy.contract_faults,
        cooldown=policy.cooldown,
    )
