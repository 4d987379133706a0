"""A workspace that waits in vain while others are answered: its trouble stays its own."""

from reconcile.errors import ErrorClass
from tests.domain.factories import NOW
from tests.services.breaker_registries import GHL, a_board, asked, decide, states, ws
from tests.use_cases import Admission, BreakerRegistry


def let_through(registry: BreakerRegistry, number: int) -> Admission:
    admission = registry.admit(ws(number), GHL, NOW)
    assert isinstance(admission, Admission)
    return admission


def test_calls_in_vain_that_others_have_overtaken_are_their_workspaces_fault() -> None:
    """They end late and one after the other, when all who are well are done: the last checks are nothing else."""
    registry = a_board(40)
    for _ in range(2):
        waiting = [let_through(registry, n) for n in range(8)]
        for n in range(8, 40):
            asked(registry, n, None)
        for admission in waiting:
            registry.record(admission, ErrorClass.TIMEOUT, NOW)
            decide(registry)

    assert states(registry) == {f"workspace:ws-{n}/ghl": "open" for n in range(8)}


def test_once_overtaken_a_workspace_speaks_for_itself_until_it_is_answered() -> None:
    registry = a_board(10)
    for n in (0, 1, 2):
        first = let_through(registry, n)
        for other in range(3, 10):
            asked(registry, other, None)
        registry.record(first, ErrorClass.TIMEOUT, NOW)
        decide(registry)
    for n in (0, 1, 2):  # nobody else asks any more
        asked(registry, n, ErrorClass.TIMEOUT)

    assert states(registry) == {f"workspace:ws-{n}/ghl": "open" for n in range(3)}


def test_one_call_in_vain_parks_nobody_who_is_answered_otherwise() -> None:
    registry = a_board(10)
    for fault in (None, ErrorClass.TIMEOUT, None, ErrorClass.TIMEOUT, None):
        waiting = let_through(registry, 0)
        asked(registry, 1, None)
        registry.record(waiting, fault, NOW)

    assert states(registry) == {}


def test_a_provider_that_answers_nobody_any_more_is_to_blame_although_it_did_before() -> None:
    registry = a_board(40)
    for n in range(40):
        asked(registry, n, None)
    waiting = [let_through(registry, n) for n in range(20)]
    for admission in waiting:
        registry.record(admission, ErrorClass.TIMEOUT, NOW)
        decide(registry)

    assert states(registry) == {"provider:ghl": "open"}
