"""When controls decide, and which way: by table."""

from dataclasses import replace

import pytest

from reconcile.domain.breaker.attribution import TripDecision
from reconcile.domain.breaker.breaker import BreakerReason
from reconcile.domain.breaker.control import Control, ControlOutcome, ControlVerdict, Suspect
from reconcile.domain.breaker.keys import provider_key, workspace_key
from reconcile.domain.breaker.window import Fault, SuspectOutcome, Votes
from reconcile.domain.ids import Operation, ProviderName, WorkspaceId
from reconcile.domain.lookup import Lookup
from reconcile.errors import ErrorClass

GHL = ProviderName.HIGHLEVEL
WS = WorkspaceId("ws-1")
OUT = ErrorClass.UNAVAILABLE
SOUND, AGAIN = Control(party="", fault=None, was_sound=False), Control(party="", fault=None, was_sound=True)
FAILING, CHANGED = Control(party="", fault=OUT, was_sound=False), Control(party="", fault=OUT, was_sound=True)
NEW_SHAPE = Control(party="", fault=ErrorClass.CONTRACT, was_sound=True)
ABSENT = Control(party="", fault=SuspectOutcome.ABSENT, was_sound=True)


def suspect(fault: Fault = OUT, *, is_workspace: bool = False) -> Suspect:
    key = workspace_key(WS, GHL) if is_workspace else provider_key(GHL)
    decision = TripDecision(key=key, reason=BreakerReason.MANY_WORKSPACES, fault=fault, checks=5, errors=5)
    lookup = Lookup(provider=GHL, operation=Operation.APPOINTMENT)
    return Suspect(decision=decision, lookup=lookup, workspace_id=WS, in_flight=3, due_count=100)


def verdict_after(party: Suspect, *controls: Control) -> ControlVerdict:
    for number, control in enumerate(controls):
        party = party.add(replace(control, party=f"ws-{number}"))
    return party.control_result


@pytest.mark.parametrize(
    ("controls", "verdict"),
    [
        ([], ControlVerdict.UNDECIDED),
        ([AGAIN], ControlVerdict.REFUTED),
        ([SOUND], ControlVerdict.REFUTED),
        ([CHANGED] * 3, ControlVerdict.UNDECIDED),
        ([CHANGED] * 4, ControlVerdict.CONFIRMED),
        ([FAILING] * 7, ControlVerdict.UNDECIDED),
        ([FAILING] * 8, ControlVerdict.CONFIRMED),
        ([SOUND, *[FAILING] * 3], ControlVerdict.REFUTED),
        ([SOUND, *[FAILING] * 10], ControlVerdict.UNDECIDED),
        ([SOUND, *[FAILING] * 11], ControlVerdict.CONFIRMED),
        ([NEW_SHAPE], ControlVerdict.UNDECIDED),
        ([ABSENT], ControlVerdict.REFUTED),
    ],
)
def test_controls_decide_on_a_provider_by_their_weight(controls: list[Control], verdict: ControlVerdict) -> None:
    assert verdict_after(suspect(), *controls) is verdict


@pytest.mark.parametrize(
    ("controls", "verdict"),
    [
        ([FAILING] * 2, ControlVerdict.UNDECIDED),
        ([FAILING] * 3, ControlVerdict.CONFIRMED),
        ([CHANGED] * 2, ControlVerdict.CONFIRMED),
        ([FAILING, FAILING, SOUND], ControlVerdict.REFUTED),
    ],
)
def test_controls_decide_on_a_workspace_with_fewer(controls: list[Control], verdict: ControlVerdict) -> None:
    assert verdict_after(suspect(is_workspace=True), *controls) is verdict


def test_one_look_up_that_a_new_shape_breaks_is_enough() -> None:
    assert verdict_after(suspect(ErrorClass.CONTRACT), NEW_SHAPE) is ControlVerdict.CONFIRMED
    assert verdict_after(suspect(ErrorClass.CONTRACT), CHANGED) is ControlVerdict.UNDECIDED


def test_an_absence_confirms_only_a_suspicion_of_absences() -> None:
    assert suspect(ErrorClass.MASS_ABSENCE).add(ABSENT).outcomes == {"": ControlOutcome.CHANGED}
    assert suspect(ErrorClass.CONTRACT).add(ABSENT).outcomes == {"": ControlOutcome.SOUND}


def test_controls_of_a_former_suspicion_count_until_one_has_changed() -> None:
    before = {f"sound-{number}": ControlOutcome.SOUND for number in range(3)}
    again = replace(suspect(), earlier=before)

    assert verdict_after(again, *[FAILING] * 8) is ControlVerdict.UNDECIDED
    assert again.control_result is ControlVerdict.UNDECIDED
    changed = again.add(replace(CHANGED, party="sound-0"))
    assert changed.outcomes == {"sound-0": ControlOutcome.CHANGED}


@pytest.mark.parametrize(("failing", "is_most"), [(10, False), (11, True)])
def test_a_provider_is_to_blame_where_most_of_all_workspaces_fail(failing: int, *, is_most: bool) -> None:
    votes = Votes(failing=frozenset(WorkspaceId(f"ws-{number}") for number in range(failing)))
    party = replace(suspect(), votes=votes, due_count=20)
    elsewhere = party.add(replace(SOUND, party="ws-99"))

    assert party.is_majority is is_most
    assert (replace(elsewhere, is_exhausted=True).control_result is ControlVerdict.CONFIRMED) is is_most
    assert (verdict_after(party, FAILING) is ControlVerdict.CONFIRMED) is is_most


def test_workspaces_whose_other_records_are_sound_do_not_make_a_majority() -> None:
    votes = Votes(failing=frozenset(WorkspaceId(f"ws-{number}") for number in range(20)))
    party = replace(suspect(), votes=votes, due_count=20)

    assert verdict_after(party, SOUND, SOUND, FAILING) is ControlVerdict.REFUTED
