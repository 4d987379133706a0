"""When controls decide, and which way: by table."""

import random
from dataclasses import replace

import pytest

from reconcile.domain.breaker.attribution import TripDecision
from reconcile.domain.breaker.breaker import BreakerReason
from reconcile.domain.breaker.control import Control, ControlsLeft, ControlVerdict, Suspect
from reconcile.domain.breaker.control_outcome import ControlOutcome
from reconcile.domain.breaker.keys import provider_key, workspace_key
from reconcile.domain.breaker.window import Fault, SuspectOutcome, Votes
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, WorkspaceId
from reconcile.errors import ErrorClass

GHL = ProviderName.HIGHLEVEL
WS = WorkspaceId("ws-1")
OUT = ErrorClass.UNAVAILABLE
SOUND, AGAIN = Control(party="", fault=None, was_successful=False), Control(party="", fault=None, was_successful=True)
FAILING, CHANGED = Control(party="", fault=OUT, was_successful=False), Control(party="", fault=OUT, was_successful=True)
NEW_SHAPE = Control(party="", fault=ErrorClass.CONTRACT, was_successful=True)
ABSENT = Control(party="", fault=SuspectOutcome.ABSENT, was_successful=True)


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
        ([AGAIN], ControlVerdict.UNDECIDED),
        ([SOUND], ControlVerdict.REFUTED),
        ([CHANGED] * 3, ControlVerdict.UNDECIDED),
        ([CHANGED] * 4, ControlVerdict.CONFIRMED),
        ([AGAIN, CHANGED], ControlVerdict.REFUTED),
        ([FAILING] * 7, ControlVerdict.UNDECIDED),
        ([FAILING] * 8, ControlVerdict.CONFIRMED),
        ([AGAIN, *[FAILING] * 8], ControlVerdict.CONFIRMED),
        ([SOUND, FAILING], ControlVerdict.REFUTED),
        ([SOUND, *[FAILING] * 8], ControlVerdict.UNDECIDED),
        ([SOUND, *[FAILING] * 16], ControlVerdict.CONFIRMED),
        ([*[SOUND] * 5, *[FAILING] * 15], ControlVerdict.UNDECIDED),
        ([NEW_SHAPE], ControlVerdict.UNDECIDED),
        ([ABSENT], ControlVerdict.UNDECIDED),
    ],
)
def test_controls_decide_on_a_provider_by_their_weight(controls: list[Control], verdict: ControlVerdict) -> None:
    assert verdict_after(suspect(), *controls) is verdict


@pytest.mark.parametrize("fault", [ErrorClass.CONTRACT, ErrorClass.UNDECODABLE, ErrorClass.CREDENTIAL])
@pytest.mark.parametrize("control", [AGAIN, ABSENT])
def test_an_answer_that_is_still_sound_refutes_what_a_record_or_a_token_can_cause(
    fault: ErrorClass, control: Control
) -> None:
    assert verdict_after(suspect(fault), control) is ControlVerdict.REFUTED


def votes(failing: int, sound: int = 0) -> Votes:
    names = [WorkspaceId(f"asked-{number}") for number in range(failing + sound)]
    return Votes(failing=frozenset(names[:failing]), healthy=frozenset(names[failing:]))


@pytest.mark.parametrize(
    ("failing", "sound", "enough"),
    [(0, 0, 8), (30, 0, 5), (45, 0, 3), (0, 20, 12), (0, 40, 31)],
)
def test_how_many_must_fail_depends_on_what_was_asked_before(failing: int, sound: int, enough: int) -> None:
    party = replace(suspect(), votes=votes(failing, sound))

    assert verdict_after(party, *[FAILING] * (enough - 1)) is ControlVerdict.UNDECIDED
    assert verdict_after(party, *[FAILING] * enough) is ControlVerdict.CONFIRMED


@pytest.mark.parametrize(("failing", "sound", "wanted"), [(7, 1, 16), (15, 9, 32), (40, 16, 32)])
def test_rounds_grow_once_a_control_was_sound(failing: int, sound: int, wanted: int) -> None:
    party = suspect()
    for number in range(failing + sound):
        party = party.add(replace(FAILING if number < failing else SOUND, party=f"ws-{number}"))

    assert party.wanted_count == wanted


def test_where_no_sample_can_tell_only_a_change_is_asked_about() -> None:
    assert replace(suspect(), votes=votes(8, 48)).is_cleared
    assert not replace(suspect(), votes=votes(8, 8)).is_cleared


def run_of_chance(failing: int, workspaces: int, seed: int) -> ControlVerdict:
    """Ask workspaces at random, round after round, until the controls decide."""
    drawn = [FAILING] * failing + [SOUND] * (workspaces - failing)
    random.Random(seed).shuffle(drawn)
    party = replace(suspect(), due_count=workspaces)
    while drawn and party.control_result is ControlVerdict.UNDECIDED:
        for _ in range(min(party.wanted_count, len(drawn))):
            party = party.add(replace(drawn.pop(), party=f"ws-{len(drawn)}"))
    return party.control_result


@pytest.mark.parametrize("workspaces", [20, 60, 500])
def test_a_provider_of_which_half_of_the_workspaces_fail_is_blamed_in_very_few_runs(workspaces: int) -> None:
    verdicts = [run_of_chance(workspaces // 2, workspaces, seed) for seed in range(1000)]

    assert verdicts.count(ControlVerdict.CONFIRMED) <= 1000 * 2 / 256


@pytest.mark.parametrize(("share", "least"), [(0.75, 0.4), (0.9, 0.8), (1.0, 1.0)])
def test_a_provider_of_which_most_workspaces_fail_is_blamed_by_a_sample(share: float, least: float) -> None:
    verdicts = [run_of_chance(int(500 * share), 500, seed) for seed in range(500)]

    assert verdicts.count(ControlVerdict.CONFIRMED) >= 500 * least


@pytest.mark.parametrize(
    ("controls", "pending", "verdict"),
    [
        ([SOUND] * 3, 5, ControlVerdict.REFUTED),
        ([SOUND] * 2, 6, ControlVerdict.UNDECIDED),
        ([FAILING] * 8, 1, ControlVerdict.UNDECIDED),
    ],
)
def test_a_party_is_acquitted_before_a_round_ends_only_if_the_rest_could_not_change_it(
    controls: list[Control], pending: int, verdict: ControlVerdict
) -> None:
    assert verdict_after(replace(suspect(), pending=pending), *controls) is verdict


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        (ControlsLeft.MORE, ControlVerdict.UNDECIDED),
        (ControlsLeft.NONE, ControlVerdict.CONFIRMED),
        (ControlsLeft.NO_TIME, ControlVerdict.UNKNOWN),
    ],
)
def test_nobody_is_blamed_because_the_run_has_no_more_time(left: ControlsLeft, verdict: ControlVerdict) -> None:
    assert replace(suspect(), votes=votes(3), left=left).control_result is verdict


@pytest.mark.parametrize(("sound", "verdict"), [(3, ControlVerdict.CONFIRMED), (4, ControlVerdict.REFUTED)])
def test_where_everybody_was_asked_most_of_them_decide(sound: int, verdict: ControlVerdict) -> None:
    party = replace(suspect(), votes=votes(3, sound), left=ControlsLeft.NONE)

    assert verdict_after(party, FAILING) is verdict


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
    assert suspect(ErrorClass.CONTRACT).add(ABSENT).outcomes == {"": ControlOutcome.STILL_SUCCEEDS}


def test_controls_of_a_former_suspicion_count_until_one_has_changed() -> None:
    before = {f"sound-{number}": ControlOutcome.SUCCEEDED for number in range(3)}
    again = replace(suspect(), earlier=before)

    assert verdict_after(again, *[FAILING] * 8) is ControlVerdict.UNDECIDED
    assert again.control_result is ControlVerdict.UNDECIDED
    changed = again.add(replace(CHANGED, party="sound-0"))
    assert changed.outcomes == {"sound-0": ControlOutcome.CHANGED}


@pytest.mark.parametrize(("failing", "is_most"), [(10, False), (11, True)])
def test_a_provider_is_to_blame_where_most_of_all_workspaces_fail(failing: int, *, is_most: bool) -> None:
    found = Votes(failing=frozenset(WorkspaceId(f"ws-{number}") for number in range(failing)))
    party = replace(suspect(), votes=found, due_count=20)
    elsewhere = party.add(replace(SOUND, party="ws-99"))

    assert party.is_majority is is_most
    assert (replace(elsewhere, left=ControlsLeft.NO_TIME).control_result is ControlVerdict.CONFIRMED) is is_most
    assert (verdict_after(party, FAILING) is ControlVerdict.CONFIRMED) is is_most


def test_workspaces_whose_other_records_are_sound_do_not_make_a_majority() -> None:
    found = Votes(failing=frozenset(WorkspaceId(f"ws-{number}") for number in range(20)))
    party = replace(suspect(), votes=found, due_count=20)

    assert verdict_after(party, SOUND, SOUND, FAILING) is ControlVerdict.REFUTED


@pytest.mark.parametrize(
    ("controls", "verdict"),
    [(7, ControlVerdict.UNDECIDED), (8, ControlVerdict.CONFIRMED)],
)
def test_a_majority_whose_records_may_be_odd_is_to_blame_once_a_round_of_their_other_records_fails(
    controls: int, verdict: ControlVerdict
) -> None:
    found = Votes(failing=frozenset(WorkspaceId(f"ws-{number}") for number in range(20)))
    party = replace(suspect(ErrorClass.CONTRACT), votes=found, due_count=20)
    odd = replace(FAILING, fault=ErrorClass.CONTRACT)

    assert verdict_after(party, *[odd] * controls) is verdict
    assert verdict_after(party, SOUND, *[odd] * controls) is ControlVerdict.REFUTED


def test_one_odd_record_of_a_workspace_makes_no_failing_one() -> None:
    odd = suspect(ErrorClass.CONTRACT)
    out = suspect()
    for number in range(60):
        odd = odd.add(replace(FAILING, party=f"ws-{number}"))
        out = out.add(replace(FAILING, party=f"ws-{number}"))

    assert (odd.is_majority, out.is_majority) == (False, True)


@pytest.mark.parametrize(
    ("failing", "verdict"), [(10, ControlVerdict.REFUTED), (11, ControlVerdict.UNDECIDED)], ids=["half", "most"]
)
def test_a_record_that_fails_counts_for_its_workspace_where_it_is_the_only_one(
    failing: int, verdict: ControlVerdict
) -> None:
    party = replace(suspect(ErrorClass.CONTRACT), votes=votes(3), due_count=20)
    only = Control(party="", fault=ErrorClass.CONTRACT, was_successful=False, is_only=True)
    several = replace(only, is_only=False)
    sound = [SOUND] * (20 - failing)

    assert verdict_after(party, *sound, *[only] * (failing - 3)) is verdict
    assert verdict_after(party, *sound, *[several] * (failing - 3)) is ControlVerdict.REFUTED


@pytest.mark.parametrize(("failing", "verdict"), [(10, ControlVerdict.REFUTED), (11, ControlVerdict.CONFIRMED)])
def test_most_of_all_workspaces_decide_where_each_has_one_record(failing: int, verdict: ControlVerdict) -> None:
    only = Control(party="", fault=ErrorClass.CONTRACT, was_successful=False, is_only=True)
    party = replace(suspect(ErrorClass.CONTRACT), votes=votes(3), due_count=20, left=ControlsLeft.NONE)

    assert verdict_after(party, *[SOUND] * (20 - failing), *[only] * (failing - 3)) is verdict


@pytest.mark.parametrize(
    ("sound", "failing", "pending", "may_grow"),
    [(0, 0, 8, False), (2, 0, 6, True), (2, 0, 30, False), (4, 0, 4, False), (1, 7, 0, True)],
)
def test_more_are_asked_beside_those_that_stall_where_one_was_sound_and_these_cannot_decide(
    sound: int, failing: int, pending: int, may_grow: bool
) -> None:
    party = suspect()
    for number, control in enumerate([*[SOUND] * sound, *[FAILING] * failing]):
        party = party.add(replace(control, party=f"ws-{number}"))

    assert party.may_grow(pending) is may_grow
