"""When controls decide, and which way: by table."""

import pytest

from reconcile.domain.breaker.attribution import TripDecision
from reconcile.domain.breaker.breaker import BreakerReason
from reconcile.domain.breaker.control import Control, ControlVerdict, Suspect
from reconcile.domain.breaker.keys import provider_key, workspace_key
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.ids import Operation, ProviderName, WorkspaceId
from reconcile.domain.lookup import Lookup
from reconcile.errors import ErrorClass

GHL = ProviderName.HIGHLEVEL
WS = WorkspaceId("ws-1")
OUT = ErrorClass.UNAVAILABLE
SOUND, AGAIN = Control(fault=None, was_sound=False), Control(fault=None, was_sound=True)
FAILING, CHANGED = Control(fault=OUT, was_sound=False), Control(fault=OUT, was_sound=True)
NEW_SHAPE = Control(fault=ErrorClass.CONTRACT, was_sound=True)
ABSENT = Control(fault=SuspectOutcome.ABSENT, was_sound=True)


def suspect(fault: Fault = OUT, *, is_workspace: bool = False) -> Suspect:
    key = workspace_key(WS, GHL) if is_workspace else provider_key(GHL)
    decision = TripDecision(key=key, reason=BreakerReason.MANY_WORKSPACES, fault=fault, checks=5, errors=5)
    lookup = Lookup(provider=GHL, operation=Operation.APPOINTMENT)
    return Suspect(decision=decision, lookup=lookup, workspace_id=WS, in_flight=3)


def verdict_after(party: Suspect, *controls: Control) -> ControlVerdict:
    for control in controls:
        party = party.add(control)
    return party.verdict


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
    assert suspect(ErrorClass.MASS_ABSENCE).add(ABSENT).changed_count == 1
    assert suspect(ErrorClass.CONTRACT).add(ABSENT).sound_count == 1
