"""No change makes a benchmark's figure worse unseen: each has its bound, and what is over it is said and ends CI."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import check
from benchmarks.bounds import BENCHMARKS, Bound, Result, Small
from tests import samples

MAKEFILE = Path(__file__).parents[1] / "Makefile"
CALLS = Bound(figure="calls a lead", of=lambda r: r["calls"] / r["leads"], most=0.05)


def found(*results: Mapping[str, Any]) -> tuple[check.Run, list[Small]]:
    """Return a stand-in for running a benchmark, which finds these results one after the other, and its runs."""
    left, runs = list(results), list[Small]()

    def run(name: str, small: Small) -> Result:
        del name
        runs.append(small)
        return left.pop(0)

    return run, runs


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be one benchmark with one bound."""
    monkeypatch.setattr(check, "BENCHMARKS", {"lists": Small(bounds=(CALLS,))})


@pytest.mark.usefixtures("lists")
def test_a_figure_over_its_bound_is_named_with_both_and_its_benchmark() -> None:
    run, _ = found({"calls": 6, "leads": 100}, {"calls": 7, "leads": 100})

    assert check.check(["lists"], run) == [
        "benchmarks.lists: calls a lead: 0.06 is over its bound of 0.05 (benchmarks/bounds.py)"
    ]


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(("calls", "runs"), [([5], 1), ([9, 5], 2)])
def test_a_second_look_is_taken_only_where_the_first_is_over(calls: list[int], runs: int) -> None:
    run, made = found(*({"calls": count, "leads": 100} for count in calls))

    assert (check.check(["lists"], run), len(made)) == ([], runs)


def test_what_may_never_happen_is_not_made_good_by_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Bound(figure="wrong writes", of=lambda r: r["wrong"], most=0)
    monkeypatch.setattr(check, "BENCHMARKS", {"lists": Small(bounds=(CALLS, wrong))})
    run, made = found({"calls": 9, "leads": 100, "wrong": 1}, {"calls": 5, "leads": 100, "wrong": 0})

    assert check.check(["lists"], run) == [
        "benchmarks.lists: wrong writes: 1 is over its bound of 0 (benchmarks/bounds.py)"
    ]
    assert len(made) == 2


def test_each_benchmark_has_bounds_and_is_made() -> None:
    listed = re.search(r"^BENCHMARKS := (.*)$", MAKEFILE.read_text(), re.MULTILINE)

    assert listed is not None
    assert set(listed[1].split()) == set(BENCHMARKS)
    assert all(importlib.util.find_spec(f"benchmarks.{name}") for name in BENCHMARKS)
    assert all(small.bounds for small in BENCHMARKS.values())


@samples.WHOLE
@pytest.mark.integration
def test_a_benchmark_that_is_over_ends_the_check_with_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a real one, as it runs in CI."""
    bounds = tuple(Bound(figure=f"rows, of {most}", of=lambda r: r["rows"], most=most) for most in (19, 20))
    monkeypatch.setattr(
        check, "BENCHMARKS", {"writes": Small(arguments=("--workspaces=2", "--leads=2"), bounds=bounds)}
    )
    with pytest.raises(SystemExit) as ended:
        check.main(["writes"])

    assert ended.value.code == "benchmarks.writes: rows, of 19: 20 is over its bound of 19 (benchmarks/bounds.py)"
    assert '"rows, of 20": 20.0' in capsys.readouterr().out


def test_a_benchmark_that_fails_ends_the_check_with_its_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BENCHMARKS", {"writes": Small(arguments=("--rows=2",), bounds=(CALLS,))})

    with pytest.raises(SystemExit, match=r"benchmarks\.writes ended with 2:[\s\S]*unrecognized arguments: --rows=2"):
        check.main(["writes"])


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        check.main(["speed"])

    assert "no such benchmark: speed; there are incident, runs" in capsys.readouterr().err
