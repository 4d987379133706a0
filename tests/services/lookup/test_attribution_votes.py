"""One workspace, one vote: what counts against whom, and in which order."""

from dataclasses import replace

from reconcile.domain.breaker.breaker import BreakerKey, BreakerReason, BreakerScope, BreakerState
from reconcile.errors import ErrorClass
from tests.domain.factories import NOW
from tests.services.breaker_registries import (
    ALL,
    CALENDLY,
    GHL,
    GHL_KEY,
    LATER,
    POLICY,
    a_registry,
    admit_and_record,
    an_open,
    decide,
    states,
    ws,
    ws_key,
)
from tests.use_cases import Admission, BreakerRegistry, Control, ControlsLeft, Refusal, blames_others

SOUND = Control(party="ws-9", fault=None, was_successful=True)
WHOLE = BreakerKey(BreakerScope.WORKSPACE, ws(0))


def admitted(registry: BreakerRegistry, number: int) -> Admission:
    admission = registry.admit(ws(number), GHL, NOW)
    assert isinstance(admission, Admission)
    return admission


def fail(registry: BreakerRegistry, number: int, fault: ErrorClass, *, is_known: bool = False) -> None:
    registry.record(admitted(registry, number), fault, NOW, is_known=is_known)


def test_failures_count_in_order_of_admission_and_not_of_completion() -> None:
    registry = a_registry(20)
    slow = [admitted(registry, number % 2) for number in range(10)]
    for number in range(2, 20):
        for _ in range(5):
            admit_and_record(registry, number, None)
    for admission in slow:
        registry.record(admission, ErrorClass.UNAVAILABLE, NOW)

    assert [key for key in registry.suspects if key.scope is BreakerScope.PROVIDER] == []
    assert states(registry) == {"workspace:ws-0/ghl": "open", "workspace:ws-1/ghl": "open"}


def test_a_workspace_with_many_leads_has_no_more_votes_than_one_with_few() -> None:
    registry = a_registry(20)
    for number in range(2, 12):
        admit_and_record(registry, number, None)
    for number in (0, 1, 0, 0, 0, 0, 1, 1, 1):
        fail(registry, number, ErrorClass.UNAVAILABLE)

    assert GHL_KEY not in registry.suspects


def test_a_suspected_provider_gets_no_call_until_a_control_decides() -> None:
    registry = a_registry()
    for number in range(3):
        fail(registry, number, ErrorClass.CONTRACT)
    waiting = registry.admit(ws(5), GHL, NOW)
    other = registry.admit(ws(5), CALENDLY, NOW)

    assert isinstance(waiting, Refusal)
    assert (waiting.key, waiting.is_pending) == (GHL_KEY, True)
    assert isinstance(other, Admission)

    registry.answer_controls(GHL_KEY, [SOUND], NOW, left=ControlsLeft.MORE)

    assert states(registry) == {}
    assert isinstance(registry.admit(ws(5), GHL, NOW), Admission)


def test_failures_refuted_by_a_control_do_not_count_again() -> None:
    registry = a_registry()
    for number in range(3):
        fail(registry, number, ErrorClass.CONTRACT)
    registry.answer_controls(GHL_KEY, [SOUND], NOW, left=ControlsLeft.MORE)
    for number in (4, 5):
        fail(registry, number, ErrorClass.CONTRACT)

    assert registry.suspects == {}
    fail(registry, 6, ErrorClass.CONTRACT)
    assert list(registry.suspects) == [GHL_KEY]


def test_leads_with_a_known_failure_do_not_vote() -> None:
    registry = a_registry()
    for number in range(8):
        fail(registry, number, ErrorClass.CONTRACT, is_known=True)

    assert (states(registry), dict(registry.suspects)) == ({}, {})


def test_a_known_failure_of_a_probe_does_not_count() -> None:
    registry = a_registry(stored=[an_open(ws_key(0))], now=LATER)
    admission = registry.admit(ws(0), GHL, LATER)
    assert isinstance(admission, Admission)
    registry.record(admission, ErrorClass.CONTRACT, LATER, is_known=True)
    registry.end(LATER)

    breaker = registry.breaker(ws_key(0))
    assert (breaker.state, breaker.probe_is_due(LATER)) == (BreakerState.OPEN, True)


def test_a_failure_is_the_records_own_if_a_later_call_of_its_workspace_succeeds() -> None:
    registry = a_registry()
    for number in (0, 1, 2):
        fail(registry, number, ErrorClass.CONTRACT)
    decide(registry)

    assert blames_others(registry, ws(0), GHL, ErrorClass.CONTRACT, number=1)
    sound = a_registry()
    fail(sound, 0, ErrorClass.CONTRACT)
    admit_and_record(sound, 0, None)
    for number in (1, 2):
        fail(sound, number, ErrorClass.CONTRACT)
    decide(sound)
    assert sound.breaker(GHL_KEY).state is BreakerState.OPEN
    assert not blames_others(sound, ws(0), GHL, ErrorClass.CONTRACT, number=1)
    assert blames_others(sound, ws(1), GHL, ErrorClass.CONTRACT, number=3)


def test_shadow_mode_attributes_failures_as_if_breakers_had_opened() -> None:
    registry = a_registry(policy=replace(POLICY, is_enforced=False))
    for number in range(3):
        fail(registry, number, ErrorClass.CONTRACT)
    decide(registry)

    assert registry.would_trip == ["provider:ghl"]
    assert blames_others(registry, ws(0), GHL, ErrorClass.CONTRACT)
    assert isinstance(registry.admit(ws(0), GHL, NOW), Admission)


def test_a_workspace_is_parked_at_one_provider() -> None:
    registry = a_registry()
    for _ in range(POLICY.min_checks):
        admit_and_record(registry, 0, ErrorClass.CREDENTIAL, lookup=CALENDLY)

    assert states(registry) == {"workspace:ws-0/calendly": "open"}
    assert admit_and_record(registry, 0, None)
    assert registry.is_parked(ws(0), [CALENDLY.provider], NOW)
    assert not registry.parked_workspaces(NOW)
    assert registry.batch_limit(ws(0), ALL, NOW) == 50


def test_a_workspace_breaker_of_an_older_version_is_probed_and_closed() -> None:
    registry = a_registry(stored=[an_open(WHOLE)], now=NOW)
    assert (registry.parked_workspaces(NOW), admit_and_record(registry, 0, None, lookup=CALENDLY)) == (
        frozenset({ws(0)}),
        False,
    )

    later = a_registry(stored=registry.breakers(), now=LATER)
    assert [admit_and_record(later, 0, None, now=LATER) for _ in range(2)] == [True, True]
    assert later.breaker(WHOLE).stage == 1


def test_probes_of_a_provider_go_to_workspaces_that_are_not_parked() -> None:
    registry = a_registry(4, stored=[an_open(GHL_KEY), an_open(ws_key(0))], now=LATER)
    passed = [admit_and_record(registry, number, None, now=LATER) for number in range(4)]

    assert passed == [False, True, True, True]
    assert registry.breaker(GHL_KEY).stage == 1


def test_if_most_probes_fail_the_failing_workspaces_are_parked_and_others_probed() -> None:
    registry = a_registry(6, stored=[an_open(GHL_KEY)], now=LATER)
    for number, fault in enumerate([ErrorClass.CONTRACT, ErrorClass.CONTRACT, None]):
        admit_and_record(registry, number, fault, now=LATER)

    assert states(registry) == {"provider:ghl": "open", "workspace:ws-0/ghl": "open", "workspace:ws-1/ghl": "open"}
    assert registry.breaker(GHL_KEY).probe_is_due(LATER)
    assert registry.breaker(ws_key(0)).reason is BreakerReason.PROBE_FAILED


def test_failures_that_end_while_a_workspace_is_suspected_count_against_the_provider_once_it_is_parked() -> None:
    registry = a_registry()
    for _ in range(7):
        admit_and_record(registry, 2, None)
    fail(registry, 1, ErrorClass.UNDECODABLE)
    calls = [admitted(registry, 0) for _ in range(8)]
    for admission in calls[:5]:
        registry.record(admission, ErrorClass.UNDECODABLE, NOW)
    before = list(registry.suspects)
    for admission in calls[5:]:  # nine of sixteen fail now, in two of the three workspaces that asked
        registry.record(admission, ErrorClass.UNDECODABLE, NOW)
    failing = [Control(party=f"lead-{n}", fault=ErrorClass.UNDECODABLE, was_successful=False) for n in range(3)]
    registry.answer_controls(ws_key(0), failing, NOW, left=ControlsLeft.MORE)

    assert before == [ws_key(0)]
    assert states(registry) == {"workspace:ws-0/ghl": "open"}
    assert list(registry.suspects) == [GHL_KEY]


def test_an_answer_that_is_still_sound_does_not_clear_a_provider_that_leaves_calls_unanswered() -> None:
    registry = a_registry(20)
    for number in range(5):
        fail(registry, number, ErrorClass.UNAVAILABLE)
    registry.answer_controls(GHL_KEY, [SOUND], NOW, left=ControlsLeft.MORE)

    assert list(registry.suspects) == [GHL_KEY]

    others = [replace(SOUND, party=f"ws-{number}", was_successful=False) for number in (10, 11)]
    registry.answer_controls(GHL_KEY, others, NOW, left=ControlsLeft.MORE)

    assert (states(registry), dict(registry.suspects)) == ({}, {})
