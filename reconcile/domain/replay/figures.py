"""Counts actual and replayed effects of each breaker."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from reconcile.domain.breaker.breaker import BreakerKey
from reconcile.domain.replay.result import BreakerComparison, BreakerTrip, ReplayTotals


@dataclass(slots=True)
class _BreakerFigures:
    happened: list[BreakerTrip] = field(default_factory=list)
    replayed: list[BreakerTrip] = field(default_factory=list)
    saved_calls: int = 0
    saved_errors: int = 0
    lost_checks: int = 0
    unknown_calls: int = 0
    unknown_runs: int = 0


@dataclass(slots=True)
class ReplayFigures:
    """The sums of a replay."""

    runs: int = 0
    shadow_runs: int = 0
    unrecorded_runs: int = 0
    cut_runs: int = 0
    calls: int = 0
    checks: int = 0
    errors: int = 0
    controls: int = 0
    unknown_runs: int = 0
    _by_breaker: defaultdict[str, _BreakerFigures] = field(default_factory=lambda: defaultdict(_BreakerFigures))

    def count_call(self, *, is_check: bool, is_error: bool) -> None:
        """Count a call that was made in fact."""
        self.calls += 1
        self.checks += is_check
        self.errors += is_error

    def save_call(self, refusing: BreakerKey, *, is_check: bool, is_error: bool) -> None:
        """Count a call that was made and would have been refused."""
        figures = self._by_breaker[str(refusing)]
        figures.saved_calls += 1
        figures.saved_errors += is_error
        figures.lost_checks += is_check and not is_error

    def unknown_call(self, refused_by: BreakerKey) -> None:
        """Count a call that was refused and would have been made."""
        self._by_breaker[str(refused_by)].unknown_calls += 1

    def unknown_run(self, keys: Iterable[BreakerKey]) -> None:
        """Count a run in which these breakers refused calls that the replay admits."""
        self.unknown_runs += 1
        for key in keys:
            self._by_breaker[str(key)].unknown_runs += 1

    def add_happened(self, trip: BreakerTrip) -> None:
        """Add a trip that happened."""
        self._by_breaker[trip.breaker].happened.append(trip)

    def add_replayed(self, trip: BreakerTrip) -> None:
        """Add a trip that would have happened."""
        self._by_breaker[trip.breaker].replayed.append(trip)

    def totals(self, *, only: BreakerKey | None = None) -> ReplayTotals:
        """Return the sums, of one breaker if *only* is given."""
        named = [figures for name, figures in self._by_breaker.items() if only is None or name == str(only)]
        replayed = [trip for figures in named for trip in figures.replayed]
        return ReplayTotals(
            runs=self.runs,
            shadow_runs=self.shadow_runs,
            unrecorded_runs=self.unrecorded_runs,
            cut_runs=self.cut_runs,
            calls=self.calls,
            checks=self.checks,
            errors=self.errors,
            trips_happened=sum(len(each.happened) for each in named),
            trips_replayed=len(replayed),
            uncertain_trips=sum(not trip.is_certain for trip in replayed),
            saved_calls=sum(each.saved_calls for each in named),
            saved_errors=sum(each.saved_errors for each in named),
            lost_checks=sum(each.lost_checks for each in named),
            unknown_calls=sum(each.unknown_calls for each in named),
            unknown_runs=self.unknown_runs if only is None else sum(each.unknown_runs for each in named),
            controls=self.controls,
        )

    def breakers(self, *, only: BreakerKey | None = None) -> tuple[BreakerComparison, ...]:
        """Return the breakers with a trip, a saved call or an unknown call, the widest first; others are left out."""
        found = [
            BreakerComparison(
                breaker=name,
                trips_happened=len(each.happened),
                trips_replayed=len(each.replayed),
                first_happened_at=each.happened[0].at if each.happened else None,
                first_replayed_at=each.replayed[0].at if each.replayed else None,
                saved_calls=each.saved_calls,
                saved_errors=each.saved_errors,
                lost_checks=each.lost_checks,
                unknown_calls=each.unknown_calls,
                unknown_runs=each.unknown_runs,
            )
            for name, each in self._by_breaker.items()
            if only is None or name == str(only)
        ]
        return tuple(sorted(found, key=lambda each: (each.breaker.startswith("workspace"), each.breaker)))

    def trips(self, *, only: BreakerKey | None = None) -> tuple[tuple[BreakerTrip, ...], tuple[BreakerTrip, ...]]:
        """Return the trips that happened and those that would have, each in order of time."""
        named = [figures for name, figures in self._by_breaker.items() if only is None or name == str(only)]
        happened = sorted((t for each in named for t in each.happened), key=lambda trip: trip.at)
        replayed = sorted((t for each in named for t in each.replayed), key=lambda trip: trip.at)
        return tuple(happened), tuple(replayed)
