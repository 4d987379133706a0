"""The benchmark of evidence counts what it says: worlds of one lead, judged by hand, and a control that fails."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from benchmarks.evidence.__main__ import main, play_all
from benchmarks.evidence.judge import Judge
from benchmarks.evidence.members import company_of
from benchmarks.evidence.statements import Evidence
from benchmarks.evidence.worlds import Case, Mode, Share, Size, sample, worlds
from benchmarks.virtual_time import START, VirtualClock, run_virtually
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import LeadId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import EffectKind

WORLDS = {each.name: each for each in worlds()}
LOCATION = "ghl | stored id | 404 Location not found | 1×1 | all | 2 looks | normal"
Followups: TypeAlias = Mapping[LeadId, Sequence[EffectKind]]


def one_lead(statement: str) -> Case:
    """Return the world of one lead of which *statement* is made, at one look."""
    found = next(each for each in WORLDS.values() if each.statement.name == statement)
    return replace(found, size=Size(workspaces=1, leads=1), share=Share.ALL, looks=1, mode=Mode.NORMAL)


async def judged(
    case: Case, change: Callable[[Lead], Lead], *, is_seen: bool, effects: Sequence[EffectKind]
) -> tuple[int, int, int]:
    """Return wrong writes, wrong verifications and missed changes where the one lead was changed so."""
    company = company_of(case, VirtualClock())
    judge = Judge(case, company)
    after = change(company.members[0].lead)
    company.seen.update({after.id} if is_seen else ())
    followups: Followups = {after.id: effects}
    judge.judge({after.id: after}, followups, 1)
    return judge.result.wrong_writes, judge.result.wrong_verified, judge.missed({after.id: after}, followups, 1)


def verified(lead: Lead) -> Lead:
    return replace(lead, state=replace(lead.state, verified_at=START))


def canceled(lead: Lead) -> Lead:
    return replace(lead, rollup=replace(lead.rollup, status=AppointmentStatus.CANCELED))


def test_there_are_at_least_two_hundred_worlds_and_each_dimension_is_whole() -> None:
    assert len(WORLDS) >= 200
    assert {each.mode for each in WORLDS.values()} == set(Mode)
    assert {each.share for each in WORLDS.values()} == set(Share)
    assert {each.statement.evidence for each in WORLDS.values()} == set(Evidence)
    assert {(each.size.workspaces, each.size.leads) for each in WORLDS.values()} >= {(1, 1), (3, 1), (20, 3), (50, 50)}
    assert {1, 2} <= {each.looks for each in WORLDS.values()}


def test_the_page_on_performance_names_how_many_worlds_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()

    assert f"`python -m benchmarks.evidence` simulates {len(WORLDS)} cases" in page


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    drawn = [[each.name for each in sample(list(WORLDS.values()), 20, seed=seed)] for seed in (1, 1, 2)]

    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("statement", "is_canceled", "is_verified", "is_seen", "effects", "figures"),
    [
        ("404 Location not found", False, False, False, (), (0, 0, 0)),
        ("404 Location not found", True, False, False, (), (1, 0, 0)),
        ("404 Location not found", False, True, False, (), (0, 1, 0)),
        ("404 Location not found", False, False, False, (EffectKind.OPEN_CANCELLATION_TASK,), (1, 0, 0)),
        ("confirmed as stored", False, True, True, (), (0, 0, 0)),
        ("confirmed as stored", False, True, False, (), (0, 1, 0)),
        ("canceled", False, False, False, (), (0, 0, 1)),
        ("canceled", True, True, True, (EffectKind.OPEN_CANCELLATION_TASK,), (0, 0, 0)),
        ("canceled", True, True, True, (), (0, 0, 1)),
        ("deleted", True, True, False, (), (0, 0, 0)),
        ("deleted", False, True, False, (), (0, 1, 0)),
    ],
)
def test_what_is_written_or_verified_of_one_lead_is_held_against_the_truth(
    statement: str,
    is_canceled: bool,
    is_verified: bool,
    is_seen: bool,
    effects: Sequence[EffectKind],
    figures: tuple[int, int, int],
) -> None:
    def change(lead: Lead) -> Lead:
        lead = canceled(lead) if is_canceled else lead
        return verified(lead) if is_verified else lead

    assert run_virtually(judged(one_lead(statement), change, is_seen=is_seen, effects=effects)) == figures


def test_the_control_cancels_what_a_missing_location_says_nothing_of() -> None:
    (played,) = play_all([LOCATION])

    assert (played.control.wrong_writes, played.control.wrong_verified, played.control.missed) == (1, 2, 0)


@pytest.mark.parametrize("statement", ["confirmed as stored", "canceled", "moved", "booked"])
def test_the_program_itself_is_played_and_writes_what_it_sees(statement: str) -> None:
    name = next(each.name for each in WORLDS.values() if each.statement.name == statement and each.looks == 1)
    (played,) = play_all([name])

    assert (played.ours.wrong_writes, played.ours.wrong_verified, played.ours.missed) == (0, 0, 0)


def test_a_figure_is_printed_with_the_control_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--only", "404 Location not found", "--only", "1×1 | all | 2 looks | normal", "--jobs", "1"])

    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["control"]["wrong_writes"] > 0
    assert {"worlds", "wrong_writes", "wrong_verified", "missed_changes", "missed_longest_minutes"} <= set(printed)
