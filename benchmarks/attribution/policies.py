"""Three well-known policies over the same scenarios, so that the product's figures have something beside them.

Each sees the same calls: in the same order of visits, as many side by side, taking as long, within a run's time.

- The rate rule: one breaker; it opens where half of at least five checks of this run failed.
- Consecutive failures: one breaker; it opens after five failures in a row, whoever had them. Both wait 45 s when they
  have opened, then let three calls pass, and close where all three are sound (half-open, as in resilience4j).
- Envoy's outlier detection, a workspace in place of a host: five failures in a row eject it for 30 s times the number
  of its ejections, at most 300 s; no more than a tenth of the hosts are ejected at a time, and one may always be.
  Source: Envoy, "Outlier detection": ``consecutive_5xx`` 5, ``base_ejection_time`` 30 s, ``max_ejection_time`` 300 s,
  ``max_ejection_percent`` 10. Envoy counts 5xx and local failures alone; here it is told of every failure, for what is
  compared is the rule and not what it is fed. It never stops a provider, so it misses each that is to blame.

A 429 is no failure for any of them.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Protocol

from benchmarks.attribution.scenarios import FAILURES, RUN_SECONDS, SOUND_AFTER, TICK, TICKS, Kind, Scenario, Tick

_SIDE_BY_SIDE = 32
"""The product's own most: eight workspaces, four leads in each."""
_COOLDOWN = timedelta(seconds=45).total_seconds()
_PROBES = 3
_FAILURES_IN_A_ROW = 5
_EJECTION_SECONDS, _LONGEST_EJECTION_SECONDS = 30.0, 300.0
_MOST_EJECTED = 0.1


class Policy(Protocol):
    """Decides which calls may be made, given what came of those before. Instants are seconds."""

    def begin_run(self) -> None:
        """Begin a tick."""
        ...

    def allows(self, workspace: int, now: float) -> bool:
        """Tell whether a call may be made."""
        ...

    def record(self, workspace: int, now: float, *, failed: bool) -> bool:
        """Take note of what came of a call; return whether the provider was taken to be to blame at that."""
        ...


class OneBreaker:
    """A breaker of the whole provider that opens where *trips* says so, given failures of late."""

    def __init__(self, trips: "Callable[[OneBreaker], bool]") -> None:
        self._trips = trips
        self.checks = 0
        self.errors = 0
        self.in_a_row = 0
        self._open_until: float | None = None
        self._probes_left = 0
        self._probes_sound = 0

    def begin_run(self) -> None:
        """Forget the last run's counts."""
        self.checks = self.errors = 0

    def allows(self, workspace: int, now: float) -> bool:
        """Let calls pass while closed, and three while half open."""
        del workspace
        if self._open_until is None:
            return True
        if now < self._open_until or not self._probes_left:
            return False
        self._probes_left -= 1
        return True

    def record(self, workspace: int, now: float, *, failed: bool) -> bool:
        """Count a call; a call that began before the breaker opened counts for nothing."""
        del workspace
        if self._open_until is not None:
            return now >= self._open_until and self._record_probe(now, failed=failed)
        self.checks += 1
        self.errors += failed
        self.in_a_row = self.in_a_row + 1 if failed else 0
        return self._trips(self) and self._open(now)

    def _record_probe(self, now: float, *, failed: bool) -> bool:
        if failed:
            return self._open(now)
        self._probes_sound += 1
        if self._probes_sound == _PROBES:
            self._open_until = None
            self.checks = self.errors = self.in_a_row = 0
        return False

    def _open(self, now: float) -> bool:
        self._open_until = now + _COOLDOWN
        self._probes_left, self._probes_sound = _PROBES, 0
        return True


class OutlierDetection:
    """Ejects workspaces that fail in a row, up to a cap, and never the provider."""

    def __init__(self, workspaces: int) -> None:
        self._most = max(1, int(workspaces * _MOST_EJECTED))
        self._in_a_row: dict[int, int] = defaultdict(int)
        self._ejected_until: dict[int, float] = {}
        self._ejections: dict[int, int] = defaultdict(int)

    def begin_run(self) -> None:
        """Keep everything: ejection is by time."""

    def allows(self, workspace: int, now: float) -> bool:
        """Let calls of those pass that are not ejected."""
        return self._ejected_until.get(workspace, 0.0) <= now

    def record(self, workspace: int, now: float, *, failed: bool) -> bool:
        """Count a call, and eject its workspace where that is allowed."""
        self._in_a_row[workspace] = self._in_a_row[workspace] + 1 if failed else 0
        ejected = sum(until > now for until in self._ejected_until.values())
        if self._in_a_row[workspace] >= _FAILURES_IN_A_ROW and ejected < self._most:
            self._ejections[workspace] += 1
            pause = min(_EJECTION_SECONDS * self._ejections[workspace], _LONGEST_EJECTION_SECONDS)
            self._ejected_until[workspace] = now + pause
            self._in_a_row[workspace] = 0
        return False


def policies(scenario: Scenario) -> Mapping[str, Policy]:
    """Return the three policies, new."""
    return {
        "rate rule": OneBreaker(lambda one: one.checks >= 5 and one.errors / one.checks >= 0.5),
        "consecutive failures": OneBreaker(lambda one: one.in_a_row >= _FAILURES_IN_A_ROW),
        "outlier detection": OutlierDetection(scenario.workspaces),
    }


def play_policy(scenario: Scenario, policy: Policy) -> list[Tick]:
    """Play one scenario under a policy and return its ticks."""
    return [_play_tick(scenario, policy, number) for number in range(1, TICKS + 1)]


def _play_tick(scenario: Scenario, policy: Policy, number: int) -> Tick:
    tick = Tick(number=number, sound=scenario.sound_count)
    begun = now = TICK.total_seconds() * (number - 1)
    policy.begin_run()
    under_way: list[tuple[float, int, int, int]] = []
    for turn, (workspace, lead) in enumerate(_visits(scenario)):
        if len(under_way) == _SIDE_BY_SIDE:
            now = _complete(scenario, policy, tick, heapq.heappop(under_way))
        if now - begun >= RUN_SECONDS or not policy.allows(workspace, now):
            continue
        tick.calls += 1
        fails = scenario.fails(workspace, lead, number)
        takes = FAILURES[scenario.kind].after if fails else SOUND_AFTER
        heapq.heappush(under_way, (now + takes.total_seconds(), turn, workspace, lead))
    while under_way:
        _complete(scenario, policy, tick, heapq.heappop(under_way))
    return tick


def _complete(scenario: Scenario, policy: Policy, tick: Tick, call: tuple[float, int, int, int]) -> float:
    now, _, workspace, lead = call
    fails = scenario.fails(workspace, lead, tick.number)
    tick.failed += fails
    tick.served += (workspace, lead) not in scenario.bad
    if policy.record(workspace, now, failed=fails and scenario.kind is not Kind.RATE_LIMITED):
        tick.wide_trips += 1
        tick.calls_at_trip = tick.calls_at_trip or tick.calls
    return now


def _visits(scenario: Scenario) -> Iterator[tuple[int, int]]:
    """Give the records in the order of visits: eight workspaces side by side, lead by lead in each."""
    for start in range(0, scenario.workspaces, 8):
        together = range(start, min(start + 8, scenario.workspaces))
        for lead in range(scenario.leads):
            yield from ((workspace, lead) for workspace in together)
