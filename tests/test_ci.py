"""What CI runs first, and how it adds up the tests of all steps."""

import re
import subprocess
import sys
from collections import Counter
from itertools import combinations, product
from pathlib import Path

import pytest

from tests import samples

CI = Path(__file__).parents[1] / ".ci"
RUN = (CI / "run").read_text()


def suite(*cases: str) -> str:
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def case(name: str, inner: str = "") -> str:
    return f'<testcase classname="tests.a" name="{name}">{inner}</testcase>'


SKIPPED = '<skipped message="no browser: apt-get install chromium"/>'
FAILED = '<failure message="x"/>'


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ([], ["0 passed, 0 failed, 0 skipped"]),
        ([suite(case("one"), case("two"))], ["2 passed, 0 failed, 0 skipped"]),
        # Skipped in one step and run in another: it was run.
        ([suite(case("one", SKIPPED)), suite(case("one"))], ["1 passed, 0 failed, 0 skipped"]),
        ([suite(case("one")), suite(case("one", SKIPPED))], ["1 passed, 0 failed, 0 skipped"]),
        (
            [suite(case("one", SKIPPED))],
            ["skipped: 1 x no browser: apt-get install chromium", "0 passed, 0 failed, 1 skipped"],
        ),
        # A failure is never made good by another step.
        (
            [suite(case("one", FAILED)), suite(case("one"))],
            ["failed: tests.a::one", "0 passed, 1 failed, 0 skipped"],
        ),
    ],
)
def test_totals_count_each_test_once_over_all_steps(tmp_path: Path, files: list[str], lines: list[str]) -> None:
    for number, text in enumerate(files):
        (tmp_path / f"{number}.xml").write_text(text)
    done = subprocess.run(
        [sys.executable, CI / "totals.py", tmp_path],
        capture_output=True,
        check=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )

    assert done.stdout.splitlines() == lines


def test_the_first_tests_of_ci_are_the_readmes_two_commands() -> None:
    steps = re.findall(r"^ *step ([a-z-]+) ", RUN, re.MULTILINE)
    in_foreground = [name for name in steps if name not in {"packages", "tools", "image", "release", "cluster"}]

    assert in_foreground[0] == "first-steps"
    assert RUN.index("step first-steps") < RUN.index("export CI=true")


@pytest.mark.parametrize("script", ["run", "first-steps"])
def test_the_scripts_of_ci_can_be_parsed(script: str) -> None:
    assert subprocess.run(["bash", "-n", CI / script], check=False).returncode == 0  # noqa: S607


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_each_test_is_in_exactly_one_of_the_parts(request: pytest.FixtureRequest, count: int) -> None:
    items = request.session.items

    left_out = [each for k in range(1, count + 1) for each in samples.outside_part(items, f"{k}/{count}")]

    assert Counter(left_out) == dict.fromkeys(items, count - 1) if count > 1 else not left_out


@pytest.mark.parametrize("part", ["", "0/3", "4/3", "1", "1/0", "a/b", "-1/3"])
def test_a_part_that_there_is_not_is_refused(part: str) -> None:
    with pytest.raises(pytest.UsageError, match="give K/N with K from 1 to N"):
        samples.outside_part([], part)


def test_ci_runs_another_part_for_each_change() -> None:
    assert "part=$(($(git rev-list --count HEAD) % parts + 1))/$parts" in RUN
    assert 'make test-faults PART="$part"' in RUN


def test_the_folders_of_which_cells_are_sampled_exist() -> None:
    assert [each for each in samples.USE_CASES if not each.is_dir()] == []


@pytest.mark.parametrize(("strength", "size"), [(1, 4), (2, 12), (3, 24)])
def test_the_sample_of_a_table_holds_every_combination_of_its_strength(strength: int, size: int) -> None:
    cells = {each: frozenset(combinations(enumerate(each), strength)) for each in product("abcd", "xyz", "pq")}

    kept = cells.keys() - samples.outside_array(cells)

    assert {each for name in kept for each in cells[name]} == {each for found in cells.values() for each in found}
    assert len(kept) == size
