"""A workspace that waits in vain while others are answered: its trouble stays its own."""

from reconcile.errors import ErrorClass
from tests.domain.factories import NOW
from tests.services.breaker_registries import GHL, a_registry, admit_and_record, decide, states, ws
from tests.use_cases import Admission, BreakerRegistry


def let_through(registry: BreakerRegistry, number: int) -> Admission:
    admission = registry.admit(ws(number), GHL, NOW)
    assert isinstance(admission, Admission)
    return admission


def test_timeouts_overtaken_by_other_workspaces_count_against_their_workspace() -> None:
    """They end late and one after the other, when all who are well are done: the last checks are nothing else."""
    registry = a_registry(40)
    for _ in range(2):
        waiting = [let_through(registry, n) for n in range(8)]
        for n in range(8, 40):
            admit_and_record(registry, n, None)
        for admission in waiting:
            registry.record(admission, ErrorClass.TIMEOUT, NOW)
            decide(registry)

    assert states(registry) == {f"workspace:ws-{n}/ghl": "open" for n in range(8)}


def test_an_overtaken_workspace_is_no_evidence_against_the_provider_until_it_is_answered() -> None:
    registry = a_registry(10)
    for n in (0, 1, 2):
        first = let_through(registry, n)
        for other in range(3, 10):
            admit_and_record(registry, other, None)
        registry.record(first, ErrorClass.TIMEOUT, NOW)
        decide(registry)
    for n in (0, 1, 2):  # nobody else asks any more
        admit_and_record(registry, n, ErrorClass.TIMEOUT)

    assert states(registry) == {f"workspace:ws-{n}/ghl": "open" for n in range(3)}


def test_one_timeout_does_not_park_an_otherwise_answered_workspace() -> None:
    registry = a_registry(10)
    for fault in (None, ErrorClass.TIMEOUT, None, ErrorClass.TIMEOUT, None):
        waiting = let_through(registry, 0)
        admit_and_record(registry, 1, None)
        registry.record(waiting, fault, NOW)

    assert states(registry) == {}


def test_a_provider_that_stops_answering_all_workspaces_is_at_fault() -> None:
    registry = a_registry(40)
    for n in range(40):
        admit_and_record(registry, n, None)
    waiting = [let_through(registry, n) for n in range(20)]
    for admission in waiting:
        registry.record(admission, ErrorClass.TIMEOUT, NOW)
        decide(registry)

    assert states(registry) == {"provider:ghl": "open"}
