"""The two clocks of a lead, and how it is left alone."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.lead import LeadState, MismatchKind
from reconcile.domain.planning.outcome import Outcome, SkipReason
from reconcile.domain.retry_state import BackoffPolicy, LeadAttempt, next_state
from tests.domain.factories import DAY, NOW

POLICY = BackoffPolicy()
instants = st.none() | st.integers(-1000, 1000).map(lambda n: NOW + timedelta(minutes=n))
states = st.builds(
    LeadState,
    attempted_at=instants,
    verified_at=instants,
    next_attempt_at=instants,
    failure_count=st.integers(0, 20),
    absent_since=instants,
)


@given(
    state=states,
    outcome=st.sampled_from(Outcome),
    blamed=st.booleans(),
    is_verified=st.booleans(),
    is_urgent=st.booleans(),
    jitter=st.floats(0, 0.999),
)
def test_every_outcome_moves_attempted_at_and_only_a_seen_booking_verified_at(
    state, outcome, blamed, is_verified, is_urgent, jitter
) -> None:
    attempt = LeadAttempt(
        at=NOW,
        outcome=outcome,
        reason="r",
        is_blamed_elsewhere=blamed,
        is_verified=is_verified,
        is_urgent=is_urgent,
    )

    after = next_state(state, attempt, policy=POLICY, jitter=jitter)

    assert after.attempted_at == max(NOW, state.attempted_at or NOW)
    if outcome.is_answered and is_verified:
        assert after.verified_at == max(NOW, state.verified_at or NOW)
        assert (after.failure_count, after.next_attempt_at, after.reason) == (0, None, None)
    else:
        assert after.verified_at == state.verified_at
        assert after.reason == (state.reason if outcome is Outcome.DEFERRED else "r")
    if outcome.is_answered and not is_verified:
        assert after.next_attempt_at == (None if is_urgent else NOW + POLICY.skipped)


@given(count=st.integers(1, 10_000), jitter=st.floats(0, 0.999))
def test_the_pause_grows_to_its_cap_and_never_below_half(count: int, jitter: float) -> None:
    pause = POLICY.pause(count, jitter=jitter)

    full = min(POLICY.base * float(2 ** min(count - 1, 32)), POLICY.cap)
    assert full / 2 <= pause < full


def test_failures_in_a_row_end_in_quarantine_and_a_success_forgets_them() -> None:
    state = LeadState()
    for _ in range(POLICY.quarantine_after - 1):
        state = next_state(state, LeadAttempt(at=NOW, outcome=Outcome.FAILED), policy=POLICY, jitter=0)
    well = next_state(state, LeadAttempt(at=NOW, outcome=Outcome.UNCHANGED), policy=POLICY, jitter=0)
    ill = next_state(state, LeadAttempt(at=NOW, outcome=Outcome.FAILED, reason="why"), policy=POLICY, jitter=0)

    assert state.quarantined_at is None
    assert (ill.quarantined_at, ill.reason) == (NOW, "why")
    assert (well.failure_count, well.quarantined_at, well.reason) == (0, None, None)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.DEFERRED])
def test_a_failure_attributed_to_another_party_does_not_count(outcome: Outcome) -> None:
    attempt = LeadAttempt(at=NOW, outcome=outcome, reason="r", is_blamed_elsewhere=True)

    after = next_state(LeadState(failure_count=9), attempt, policy=POLICY, jitter=0)

    assert (after.failure_count, after.next_attempt_at, after.quarantined_at) == (9, None, None)


def test_a_disappearance_is_remembered_from_its_first_sight_and_forgotten_when_contradicted() -> None:
    absent, found = (
        LeadAttempt(at=NOW, outcome=Outcome.ABSENT, is_absent=True),
        LeadAttempt(at=NOW, outcome=Outcome.UNCHANGED),
    )

    first = next_state(LeadState(absent_since=NOW - DAY), absent, policy=POLICY, jitter=0)
    second = next_state(first, found, policy=POLICY, jitter=0)

    assert first.absent_since == NOW - DAY
    assert second.absent_since is None


def test_a_lead_without_a_credential_is_looked_at_again_soon() -> None:
    unset, odd = (
        next_state(LeadState(), LeadAttempt(at=NOW, outcome=Outcome.SKIPPED, reason=reason), policy=POLICY, jitter=0)
        for reason in (SkipReason.NOT_CONFIGURED, SkipReason.NO_IDENTITY)
    )

    assert unset.next_attempt_at == NOW + POLICY.not_configured
    assert odd.next_attempt_at == NOW + POLICY.skipped


def test_a_lead_without_time_in_the_run_keeps_its_position() -> None:
    """Sent to the end each time, a lead between two that are asked might never have its turn."""
    no_room = LeadAttempt(at=NOW, outcome=Outcome.DEFERRED, keeps_place=True)

    known, new = (
        next_state(LeadState(attempted_at=before), no_room, policy=POLICY, jitter=0) for before in (NOW - DAY, None)
    )

    assert known.attempted_at is not None
    assert NOW - DAY < known.attempted_at < NOW - DAY + timedelta(seconds=1)
    assert new.attempted_at == NOW


def test_the_numbers_are_those_that_are_published() -> None:
    """As docs/architecture.md has them."""
    assert BackoffPolicy() == BackoffPolicy(
        base=timedelta(minutes=1),
        cap=timedelta(hours=6),
        quarantine_after=10,
        skipped=timedelta(hours=1),
        not_configured=timedelta(minutes=5),
    )


def test_each_failure_doubles_the_pause_and_jitter_spreads_its_upper_half() -> None:
    lowest, middle = ([POLICY.pause(n, jitter=jitter) for n in (1, 2, 3, 9, 10, 10_000)] for jitter in (0, 0.5))

    assert lowest == [timedelta(minutes=minutes) for minutes in (0.5, 1, 2, 128, 180, 180)]
    assert middle == [pause * 1.5 for pause in lowest]


def test_a_failed_lead_is_left_alone_until_its_pause_is_over() -> None:
    failed = LeadAttempt(at=NOW, outcome=Outcome.FAILED, reason="why")

    after = next_state(LeadState(failure_count=2), failed, policy=POLICY, jitter=0)

    assert (after.failure_count, after.next_attempt_at) == (3, NOW + timedelta(minutes=2))
    assert (after.attempted_at, after.verified_at) == (NOW, None)


@pytest.mark.parametrize("reason", SkipReason)
def test_only_a_missing_credential_is_looked_at_again_soon(reason: SkipReason) -> None:
    skipped = LeadAttempt(at=NOW, outcome=Outcome.SKIPPED, reason=reason.value)

    after = next_state(LeadState(), skipped, policy=POLICY, jitter=0)

    pause = POLICY.not_configured if reason is SkipReason.NOT_CONFIGURED else POLICY.skipped
    assert (after.next_attempt_at, after.reason) == (NOW + pause, reason)


def test_a_lead_above_a_lowered_failure_limit_is_quarantined() -> None:
    failed = LeadAttempt(at=NOW, outcome=Outcome.FAILED)

    assert next_state(LeadState(failure_count=300), failed, policy=POLICY, jitter=0).quarantined_at == NOW


@pytest.mark.parametrize(("kind", "other"), list(permutations(MismatchKind, 2)))
def test_an_unrepaired_mismatch_keeps_the_time_of_its_first_sight(kind: MismatchKind, other: MismatchKind) -> None:
    def left(mismatch: MismatchKind | None, *, before: LeadState) -> LeadState:
        attempt = LeadAttempt(at=NOW, outcome=Outcome.UNCHANGED, mismatch=mismatch)
        return next_state(before, attempt, policy=POLICY, jitter=0)

    old = LeadState(mismatch=kind, mismatch_at=NOW - DAY)

    assert (left(kind, before=old).mismatch, left(kind, before=old).mismatch_at) == (kind, NOW - DAY)
    assert (left(other, before=old).mismatch, left(other, before=old).mismatch_at) == (other, NOW)
    assert left(kind, before=LeadState(mismatch=kind)).mismatch_at == NOW
    assert (left(None, before=old).mismatch, left(None, before=old).mismatch_at) == (None, None)
    assert left(None, before=LeadState(mismatch_at=NOW - DAY)).mismatch_at is None


def test_a_new_absence_is_dated_by_the_answer_and_else_by_the_run() -> None:
    seen, unseen = (
        next_state(
            LeadState(),
            LeadAttempt(at=NOW, outcome=Outcome.ABSENT, is_absent=True, seen_at=seen_at),
            policy=POLICY,
            jitter=0,
        )
        for seen_at in (NOW + DAY, None)
    )

    assert (seen.absent_since, unseen.absent_since) == (NOW + DAY, NOW)


def test_a_lead_that_keeps_its_position_moves_by_a_millisecond() -> None:
    before = LeadState(attempted_at=NOW - DAY)
    keeping, leaving = (
        next_state(before, LeadAttempt(at=NOW, outcome=Outcome.DEFERRED, keeps_place=keeps), policy=POLICY, jitter=0)
        for keeps in (True, False)
    )

    assert keeping.attempted_at == NOW - DAY + timedelta(milliseconds=1)
    assert leaving.attempted_at == NOW


def test_a_failure_attributed_elsewhere_stores_its_reason_and_an_own_one_counts() -> None:
    blamed, own = (
        next_state(
            LeadState(failure_count=1),
            LeadAttempt(at=NOW, outcome=Outcome.FAILED, reason="why", is_blamed_elsewhere=is_blamed),
            policy=POLICY,
            jitter=0,
        )
        for is_blamed in (True, False)
    )

    assert (blamed.failure_count, blamed.reason) == (1, "why")
    assert (own.failure_count, own.reason) == (2, "why")
