"""The linter sees what must not be written here: calls that block the event loop, and the usual holes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = ("reconcile/services/sample.py", "cmd/reconcile_cli/sample.py")
HEAD = '"""Sample."""\n\nimport {module}\n\n\n'


def faults(source: str, *, place: str) -> set[str]:
    """Return the codes of what ruff finds in *source* by the project's rules, as if it stood at *place*."""
    ruff = (sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise")
    found = subprocess.run(
        [*ruff, "--stdin-filename", place, "-"],
        cwd=ROOT,
        input=source,
        capture_output=True,
        check=False,
        text=True,
    )

    assert found.returncode in {0, 1}, found.stderr
    return {line.split()[1] for line in found.stdout.splitlines() if line.startswith(place)}


def sample(module: str, lines: Sequence[str], *, is_async: bool) -> str:
    kind = "async def" if is_async else "def"
    body = "".join(f"    {line}\n" for line in lines)
    return HEAD.format(module=module) + f'{kind} sample() -> None:\n    """Do it."""\n{body}'


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("module", "call", "code"),
    [
        ("time", "time.sleep(1)", "ASYNC251"),
        ("httpx", 'httpx.get("https://calendar.example")', "ASYNC210"),
        ("urllib.request", 'urllib.request.urlopen("https://calendar.example")', "ASYNC210"),
        ("subprocess", 'subprocess.run(["/bin/true"], check=True)', "ASYNC221"),
        ("subprocess", 'subprocess.Popen(["/bin/true"])', "ASYNC220"),
        ("os", "os.waitpid(1, 0)", "ASYNC222"),
        ("io", 'io.open("x")', "ASYNC230"),
        ("os", 'os.path.exists("x")', "ASYNC240"),
        ("pathlib", 'pathlib.Path("x").read_text()', "ASYNC240"),
        ("sys", "input()", "ASYNC250"),
    ],
)
def test_a_call_that_blocks_the_event_loop_is_refused(place: str, module: str, call: str, code: str) -> None:
    assert code in faults(sample(module, [call], is_async=True), place=place)
    assert code not in faults(sample(module, [call], is_async=False), place=place)


@pytest.mark.parametrize(
    ("module", "call", "code"),
    [
        ("httpx", 'httpx.get("https://calendar.example", verify=False)', "S501"),
        ("ssl", "ssl._create_unverified_context()", "S323"),
        ("yaml", 'yaml.load("", Loader=yaml.Loader)', "S506"),
        ("pickle", 'pickle.loads(b"")', "S301"),
        ("subprocess", 'subprocess.run("ls", shell=True, check=True)', "S602"),
        ("hashlib", 'hashlib.md5(b"")', "S324"),
        ("os", 'token = "canary-of-a-token"', "S105"),
        ("sys", 'query = "SELECT * FROM lead WHERE id = " + sys.argv[1]', "S608"),
        ("jinja2", "jinja2.Environment()", "S701"),
        ("markupsafe", "markupsafe.Markup(markupsafe.escape(1) + str(2))", "S704"),
        ("sys", "eval(sys.argv[1])", "S307"),
        ("tempfile", "tempfile.mktemp()", "S306"),
    ],
)
def test_what_opens_a_hole_is_refused(module: str, call: str, code: str) -> None:
    assert code in faults(sample(module, [call], is_async=False), place=PLACES[0])
