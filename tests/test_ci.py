"""What CI runs first, and how it adds up the tests of all steps."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    in_foreground = [name for name in steps if name not in {"packages", "tools", "image", "cluster"}]

    assert in_foreground[0] == "first-steps"
    assert RUN.index("step first-steps") < RUN.index("export CI=true")


@pytest.mark.parametrize("script", ["run", "first-steps"])
def test_the_scripts_of_ci_can_be_parsed(script: str) -> None:
    assert subprocess.run(["bash", "-n", CI / script], check=False).returncode == 0  # noqa: S607
