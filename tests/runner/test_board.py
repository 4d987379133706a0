"""Whom a failure is blamed on, and what follows."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from reconcile.domain.breaker import (
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
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId
from reconcile.errors import ErrorClass
from reconcile.ports import Lookup
from reconcile.runner.board import Admission, Board, Refusal
from reconcile.runner.tally import Fault, Suspicion
from tests.domain.factories import NOW

POLICY = BreakerPolicy()
GHL = Lookup(provider=ProviderName.HIGHLEVEL, operation=Operation.APPOINTMENT)
SEARCH = Lookup(provider=ProviderName.HIGHLEVEL, operation=Operation.CONTACT_SEARCH)
CALENDLY = Lookup(provider=ProviderName.CALENDLY, operation=Operation.INVITEE)
GHL_KEY = BreakerKey(BreakerScope.PROVIDER, "ghl")
ALL = frozenset(ProviderName)


def ws(number: int) -> WorkspaceId:
    return WorkspaceId(f"ws-{number}")


def ws_key(number: int) -> BreakerKey:
    return BreakerKey(BreakerScope.WORKSPACE, ws(number))


def a_board(
    workspaces: int = 10,
    stored: Iterable[Breaker] = (),
    *,
    now: datetime = NOW,
    policy: BreakerPolicy = POLICY,
    is_restricted: bool = False,
) -> Board:
    board = Board(stored, policy=policy, run_id=RunId("run-1"), batch_size=50, is_restricted=is_restricted)
    board.begin({ws(n): ALL for n in range(workspaces)}, now)
    return board


def asked(board: Board, number: int, fault: Fault, *, lookup: Lookup = GHL, now: datetime = NOW) -> bool:
    """Ask about one lead of a workspace; return whether the call was let through."""
    admission = board.admit(ws(number), lookup, now)
    if isinstance(admission, Refusal):
        return False
    board.record(admission, fault, now)
    return True


def states(board: Board) -> dict[str, str]:
    return {str(b.key): b.state for b in board.breakers() if b.state is not BreakerState.CLOSED}


def test_three_contract_faults_in_several_workspaces_open_the_provider() -> None:
    board = a_board()
    let_through = [asked(board, n % 4, ErrorClass.CONTRACT) for n in range(8)]

    assert let_through == [True] * 3 + [False] * 5
    assert states(board) == {"provider:ghl": "open"}
    assert board.breaker(GHL_KEY).reason is BreakerReason.CONTRACT_FAULT
    assert board.distrusts(GHL)
    assert not board.distrusts(CALENDLY)


def test_the_third_contract_fault_must_come_from_elsewhere_or_the_workspace_is_alone_to_blame() -> None:
    board = a_board()
    calls = sum(asked(board, 0, ErrorClass.CONTRACT) for _ in range(10))
    parked = states(board)
    asked(board, 1, ErrorClass.CONTRACT)

    assert (calls, parked) == (2, {"workspace:ws-0": "open"})
    assert states(board) == {"provider:ghl": "open"}


def test_where_one_workspace_is_due_three_contract_faults_open_its_provider() -> None:
    board = a_board(1)
    calls = sum(asked(board, 0, ErrorClass.CONTRACT) for _ in range(10))

    assert calls == 3
    assert "provider:ghl" in states(board)


def test_the_overshoot_is_the_calls_under_way() -> None:
    board = a_board()
    under_way = [board.admit(ws(n), GHL, NOW) for n in range(5)]
    for admission in under_way[:3]:
        assert isinstance(admission, Admission)
        board.record(admission, ErrorClass.CONTRACT, NOW)

    assert board.under_way_at_trip == 2
    assert isinstance(board.admit(ws(9), GHL, NOW), Refusal)


def test_a_provider_that_breaks_in_the_middle_of_a_long_run_is_seen_at_once() -> None:
    board = a_board()
    for n in range(4000):
        asked(board, n % 10, None)

    errors = sum(asked(board, n % 10, ErrorClass.CONTRACT) for n in range(100))

    assert states(board) == {"provider:ghl": "open"}
    assert errors <= 10


def test_the_other_provider_goes_on() -> None:
    board = a_board()
    for n in range(3):
        asked(board, n, ErrorClass.CONTRACT)

    assert asked(board, 1, None, lookup=CALENDLY)


def test_a_dead_token_parks_its_workspace_and_nobody_else() -> None:
    board = a_board(50)
    calls = sum(asked(board, 0, ErrorClass.CREDENTIAL) for _ in range(50))
    others = [asked(board, n, None) for n in range(1, 50)]

    assert calls == POLICY.min_checks
    assert all(others)
    assert states(board) == {"workspace:ws-0": "open"}
    assert not board.is_broken(NOW)
    assert board.parked(NOW) == {ws(0)}


def test_two_dead_tokens_that_happen_to_be_first_stop_nobody() -> None:
    board = a_board(50)
    for _ in range(10):
        asked(board, 0, ErrorClass.CREDENTIAL)
        asked(board, 1, ErrorClass.CREDENTIAL)

    assert all(asked(board, n, None) for n in range(2, 50))
    assert not board.is_broken(NOW)


def test_dead_tokens_everywhere_are_the_providers_doing() -> None:
    board = a_board(8)
    calls = sum(asked(board, n % 8, ErrorClass.CREDENTIAL) for n in range(400))

    assert "provider:ghl" in states(board)
    assert calls <= 8 * POLICY.min_checks


@pytest.mark.parametrize("fault", [ErrorClass.TIMEOUT, ErrorClass.UNAVAILABLE, ErrorClass.TRANSPORT])
def test_an_outage_opens_the_provider_and_no_workspace_is_blamed_for_it(fault: ErrorClass) -> None:
    board = a_board()
    calls = sum(asked(board, n % 10, fault) for n in range(100))

    assert calls == POLICY.min_checks
    assert states(board) == {"provider:ghl": "open"}


def test_a_workspace_that_was_blamed_first_is_acquitted() -> None:
    board = a_board()
    for _ in range(5):
        asked(board, 0, ErrorClass.UNAVAILABLE)
    parked_first = board.parked(NOW)
    for n in range(1, 6):
        asked(board, n, ErrorClass.UNAVAILABLE)

    assert parked_first == {ws(0)}
    assert states(board) == {"provider:ghl": "open"}
    assert board.breaker(ws_key(0)).reason is BreakerReason.BLAMED_ELSEWHERE


def test_one_broken_operation_leaves_the_providers_others_alone() -> None:
    board = a_board()
    for n in range(10):
        asked(board, n, None)
    for n in range(20):
        asked(board, n % 10, ErrorClass.CONTRACT, lookup=SEARCH)

    assert states(board) == {"provider:ghl/contact_search": "open"}
    assert asked(board, 1, None)


def test_where_one_workspace_is_due_its_rate_is_the_runs() -> None:
    board = a_board(1)
    calls = sum(asked(board, 0, ErrorClass.CREDENTIAL) for _ in range(50))

    assert calls == POLICY.min_checks
    assert states(board) == {"run": "open", "workspace:ws-0": "open"}
    assert board.is_broken(NOW)


def test_a_run_broken_by_one_parked_workspace_does_not_stop_the_next_run_of_others() -> None:
    first = a_board(1)
    for _ in range(5):
        asked(first, 0, ErrorClass.CREDENTIAL)

    second = a_board(10, first.breakers(), now=NOW + timedelta(seconds=30))

    assert second.breaker(RUN_KEY).reason is BreakerReason.BLAMED_ELSEWHERE
    assert all(asked(second, n, None, now=NOW + timedelta(seconds=30)) for n in range(1, 10))
    assert not asked(second, 0, None, now=NOW + timedelta(seconds=30))


def test_faults_of_this_program_in_many_workspaces_end_the_run() -> None:
    board = a_board()
    calls = sum(asked(board, n % 10, ErrorClass.INTERNAL) for n in range(100))

    assert states(board) == {"run": "open"}
    assert calls <= 2 * POLICY.min_checks


def test_mass_absence_in_one_workspace_parks_it() -> None:
    board = a_board()
    calls = sum(asked(board, 0, Suspicion.ABSENT) for _ in range(50))

    assert calls == POLICY.min_checks
    assert board.breaker(ws_key(0)).reason is BreakerReason.MASS_ABSENCE
    assert board.distrusts_absence(ws(0), GHL)
    assert not board.distrusts_absence(ws(1), GHL)


def test_mass_absence_over_small_workspaces_is_the_providers() -> None:
    board = a_board()
    for n in range(10):
        asked(board, n, Suspicion.ABSENT)

    assert board.breaker(GHL_KEY).reason is BreakerReason.MASS_ABSENCE
    assert board.distrusts_absence(ws(9), GHL)


def an_open(key: BreakerKey, *, at: datetime = NOW, fault: str = "contract") -> Breaker:
    return Breaker(key=key).trip(at, Trip(reason=BreakerReason.CONTRACT_FAULT, fault=fault), policy=POLICY)


LATER = NOW + POLICY.cooldown


def test_an_open_provider_gets_no_call_before_its_probe_is_due() -> None:
    board = a_board(stored=[an_open(GHL_KEY)], now=NOW + timedelta(seconds=10))

    assert not asked(board, 0, None, now=NOW + timedelta(seconds=10))
    assert board.is_broken(NOW + timedelta(seconds=10))


def test_probes_are_few_and_in_different_workspaces() -> None:
    board = a_board(stored=[an_open(GHL_KEY)], now=LATER)
    admitted = [n for n in range(10) for _ in range(2) if isinstance(board.admit(ws(n), GHL, LATER), Admission)]

    assert admitted == [0, 1, 2]


def test_failed_probes_reopen_and_cost_no_more() -> None:
    board = a_board(stored=[an_open(GHL_KEY)], now=LATER)
    calls = sum(asked(board, n, ErrorClass.CONTRACT, now=LATER) for n in range(10))

    assert calls == POLICY.probes
    assert board.breaker(GHL_KEY).state is BreakerState.OPEN
    assert board.breaker(GHL_KEY).reason is BreakerReason.PROBE_FAILED
    assert board.breaker(GHL_KEY).opened_at == NOW


def test_one_bad_workspace_among_the_probed_does_not_speak_for_the_provider() -> None:
    board = a_board(stored=[an_open(GHL_KEY)], now=LATER)
    for n, fault in enumerate([ErrorClass.CREDENTIAL, None, None]):
        asked(board, n, fault, now=LATER)

    assert board.breaker(GHL_KEY).state is BreakerState.HALF_OPEN
    assert board.breaker(GHL_KEY).stage == 1


def test_recovery_takes_three_runs_ten_percent_half_all() -> None:
    stored: list[Breaker] = [an_open(GHL_KEY)]
    let_through = []
    for tick in range(3):
        now = LATER + timedelta(minutes=tick)
        board = a_board(8, stored, now=now)
        calls = 0
        for n in range(8):
            calls += sum(asked(board, n, None, now=now) for _ in range(50))
        if board.breaker(GHL_KEY).stage == 1:  # after the probes, the others come again
            calls += sum(asked(board, n, None, now=now) for n in range(8) for _ in range(50))
        board.finish(now)
        stored = list(board.breakers())
        let_through.append(calls)

    assert let_through[0] <= 3 + 8 * 5
    assert 8 * 20 <= let_through[1] <= 8 * 25
    assert let_through[2] == 8 * 50


def test_probes_that_could_not_be_made_are_due_again() -> None:
    board = a_board(stored=[an_open(GHL_KEY)], now=LATER)
    board.finish(LATER)

    assert board.breaker(GHL_KEY).state is BreakerState.OPEN
    assert board.breaker(GHL_KEY).probe_is_due(LATER)


def test_fewer_workspaces_than_probes_are_enough() -> None:
    board = a_board(1, stored=[an_open(GHL_KEY)], now=LATER)
    asked(board, 0, None, now=LATER)
    board.conclude_probe_round(LATER)

    assert board.breaker(GHL_KEY).stage == 1


def test_a_parked_workspace_is_probed_with_one_lead_and_its_failure_is_no_news_to_others() -> None:
    parked = [an_open(ws_key(n), fault="credential") for n in range(8)]
    board = a_board(10, stored=parked, now=LATER)
    calls = [asked(board, n, ErrorClass.CREDENTIAL, now=LATER) for n in range(8) for _ in range(2)]

    assert sum(calls) == 8
    assert not board.is_broken(LATER)
    assert all(asked(board, n, None, now=LATER) for n in (8, 9))


def test_a_workspace_parked_for_mass_absence_stays_so_while_its_probe_is_absent() -> None:
    board = a_board(stored=[an_open(ws_key(0), fault="mass_absence")], now=LATER)
    asked(board, 0, Suspicion.ABSENT, now=LATER)

    assert board.breaker(ws_key(0)).state is BreakerState.OPEN
    assert board.distrusts_absence(ws(0), GHL)


@pytest.mark.parametrize(
    ("kind", "is_let_through"), [(OverrideKind.HOLD_OPEN, False), (OverrideKind.HOLD_CLOSED, True)]
)
def test_an_operators_hand_outranks_the_automatic_state(kind: OverrideKind, is_let_through: bool) -> None:
    override = Override(kind=kind, reason="r", actor="a", expires_at=NOW + timedelta(hours=1))
    held = an_open(GHL_KEY).overridden(override, NOW, reason=BreakerReason.MANUAL_HOLD)
    board = a_board(stored=[held], now=LATER)

    assert [asked(board, n % 4, ErrorClass.CONTRACT, now=LATER) for n in range(8)] == [is_let_through] * 8


def test_in_shadow_mode_everything_passes_and_the_trips_are_told() -> None:
    board = a_board(policy=BreakerPolicy(is_enforced=False))
    calls = sum(asked(board, n % 4, ErrorClass.CONTRACT) for n in range(20))

    assert calls == 20
    assert "provider:ghl" in board.would_trip
    assert not board.is_broken(NOW)


def test_a_leads_own_failure_is_not_excused_by_its_parked_workspace() -> None:
    board = a_board(stored=[an_open(ws_key(0), fault="contract")], now=NOW)

    assert not board.blames_others(ws(0), GHL, ErrorClass.CONTRACT)
    assert board.blames_others(ws(0), GHL, ErrorClass.CREDENTIAL)


def test_probes_that_another_run_is_making_are_left_to_it() -> None:
    probing = an_open(GHL_KEY).begin_probe(LATER)
    board = a_board(stored=[probing], now=LATER + timedelta(seconds=5))
    board.finish(LATER + timedelta(seconds=5))

    assert not asked(board, 0, None, now=LATER + timedelta(seconds=5))
    assert board.breaker(GHL_KEY) == probing


def test_probes_of_a_run_that_died_are_made_anew() -> None:
    after = LATER + POLICY.cooldown
    board = a_board(stored=[an_open(GHL_KEY).begin_probe(LATER)], now=after)

    assert [asked(board, n, None, now=after) for n in range(3)] == [True] * 3
    assert board.breaker(GHL_KEY).stage == 1


def test_a_decision_of_another_process_is_taken_over() -> None:
    board = a_board(stored=[an_open(GHL_KEY)], now=LATER)
    board.adopt(an_open(GHL_KEY).begin_probe(LATER))

    assert not asked(board, 0, None, now=LATER)


def test_a_run_over_one_chosen_workspace_keeps_what_it_learns_of_others_to_itself() -> None:
    board = a_board(1, is_restricted=True)
    for _ in range(10):
        asked(board, 0, ErrorClass.CREDENTIAL)

    assert board.is_broken(NOW)
    assert {b.key.scope for b, _ in board.unsaved()} == {BreakerScope.WORKSPACE}
