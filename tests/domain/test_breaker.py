"""The state machine, driven by random histories."""

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
    Trip,
)
from tests.domain.factories import NOW

POLICY = BreakerPolicy()
WORKSPACE = BreakerKey(BreakerScope.WORKSPACE, "ws-1")


def tripped(key: BreakerKey = RUN_KEY, at: datetime = NOW) -> Breaker:
    return Breaker(key=key).trip(at, Trip(reason=BreakerReason.ERROR_RATE, checks=5, errors=5), policy=POLICY)


def test_open_refuses_until_its_cooldown_is_over() -> None:
    breaker = tripped()

    assert breaker.share(POLICY, NOW) == 0.0
    assert not breaker.probe_is_due(NOW + POLICY.cooldown - timedelta(seconds=1))
    assert breaker.probe_is_due(NOW + POLICY.cooldown)


def test_success_widens_the_share_step_by_step_until_it_closes() -> None:
    breaker = tripped().begin_probe(NOW + POLICY.cooldown)
    shares = []
    while breaker.state is not BreakerState.CLOSED:
        shares.append(breaker.share(POLICY, NOW))
        breaker = breaker.advance(NOW, policy=POLICY)

    assert shares == [0.0, 0.1, 0.5]
    assert breaker.opened_at is None


def test_the_cooldown_of_a_workspace_grows_up_to_its_limit_and_the_runs_does_not() -> None:
    own, run = tripped(WORKSPACE), tripped()
    for hours in range(1, 11):
        at = NOW + timedelta(hours=hours)
        own = own.begin_probe(at).trip(at, Trip(reason=BreakerReason.PROBE_FAILED), policy=POLICY)
        run = run.begin_probe(at).trip(at, Trip(reason=BreakerReason.PROBE_FAILED), policy=POLICY)

    assert own.cooldown == POLICY.max_cooldown
    assert run.cooldown == POLICY.cooldown


def test_a_hold_outranks_a_due_probe_and_ends_by_itself() -> None:
    hold = Override(kind=OverrideKind.HOLD_OPEN, reason="release", actor="op", expires_at=NOW + timedelta(hours=2))
    held = tripped().with_override(hold, NOW, reason=BreakerReason.MANUAL_HOLD)

    later = NOW + timedelta(hours=1)

    assert not held.probe_is_due(later)
    assert held.effective_state(later) is BreakerState.OPEN
    assert held.drop_expired_override(later) == held
    assert held.drop_expired_override(hold.expires_at).override is None
    assert held.drop_expired_override(hold.expires_at).probe_is_due(hold.expires_at)


class BreakerTransitions(RuleBasedStateMachine):
    """Any order of trips, probes, successes and hands."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.breaker = Breaker(key=WORKSPACE)
        self.previous = self.breaker
        self.automatic = True

    def move(self, breaker: Breaker, *, automatic: bool = True) -> None:
        self.previous, self.breaker, self.automatic = self.breaker, breaker, automatic

    @rule(seconds=st.integers(0, 4000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.move(self.breaker.drop_expired_override(self.now))

    @rule()
    def fails(self) -> None:
        self.move(self.breaker.trip(self.now, Trip(reason=BreakerReason.ERROR_RATE), policy=POLICY))

    @rule()
    def probes(self) -> None:
        self.move(self.breaker.begin_probe(self.now))

    @rule()
    def succeeds(self) -> None:
        self.move(self.breaker.advance(self.now, policy=POLICY))

    @rule()
    def is_reset(self) -> None:
        self.move(self.breaker.close(self.now, reason=BreakerReason.MANUAL_RESET), automatic=False)

    @rule(kind=st.sampled_from(OverrideKind), minutes=st.integers(1, 60))
    def is_held(self, kind: OverrideKind, minutes: int) -> None:
        override = Override(kind=kind, reason="r", actor="a", expires_at=self.now + timedelta(minutes=minutes))
        self.move(self.breaker.with_override(override, self.now, reason=BreakerReason.MANUAL_HOLD))

    @invariant()
    def open_becomes_closed_only_through_half_open(self) -> None:
        if self.automatic and self.previous.state is BreakerState.OPEN:
            assert self.breaker.state is not BreakerState.CLOSED

    @invariant()
    def the_generation_grows_with_every_move(self) -> None:
        if self.breaker != self.previous:
            assert self.breaker.generation == self.previous.generation + 1

    @invariant()
    def trouble_has_a_beginning_while_it_lasts(self) -> None:
        assert (self.breaker.opened_at is None) == (self.breaker.state is BreakerState.CLOSED)

    @invariant()
    def a_held_breaker_is_what_the_hand_says(self) -> None:
        held = self.breaker.override_kind(self.now)
        if held is OverrideKind.HOLD_OPEN:
            assert self.breaker.share(POLICY, self.now) == 0.0
        if held is OverrideKind.HOLD_CLOSED:
            assert self.breaker.share(POLICY, self.now) == 1.0

    @invariant()
    def the_share_is_a_share(self) -> None:
        assert 0.0 <= self.breaker.share(POLICY, self.now) <= 1.0


TestBreakerTransitions = BreakerTransitions.TestCase
