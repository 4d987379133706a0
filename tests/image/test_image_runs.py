"""The image started as the chart starts it: a user of its own, two writable folders, the first process."""

import json
import time
from collections.abc import Iterator

import pytest

from deploy.image import figures
from reconcile import __version__
from tests.cluster.kubernetes.processes import eventually
from tests.image.conftest import Image

# Seconds that Kubernetes may be told to wait.
IN_TIME = 12.0


def test_it_runs_as_a_user_that_is_not_root_and_can_write_to_two_folders_only(image: Image) -> None:
    looked = json.loads(
        image.python("""
import json, os, pathlib
def is_writable(path):
    try:
        (path / "probe").touch()
    except OSError:
        return False
    return True
folders = [pathlib.Path(parent) for parent, *_ in os.walk("/") if not parent.startswith(("/proc", "/sys", "/dev"))]
print(json.dumps([os.getuid(), os.getgid(), os.getcwd(), [str(each) for each in folders if is_writable(each)]]))
""")
    )

    assert looked[:3] == [65532, 65532, "/data"]
    assert sorted(looked[3]) == ["/data", "/tmp"]  # noqa: S108 - the container's


def test_program_and_label_have_the_same_version(image: Image) -> None:
    labels = json.loads(image.docker("image", "inspect", "--format={{json .Config.Labels}}", image.tag))
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}

    assert image.run("--version") == f"reconcile {__version__}\n"
    assert labels["version"] == __version__
    assert labels["title"] == "appointment-reconciler"
    assert labels.keys() >= {"description", "revision", "base.name"}


def test_another_user_will_do_as_well(image: Image) -> None:
    """Some clusters choose one themselves."""
    assert image.run("--version", options=("--user=1000770000:0",)).startswith("reconcile ")


def test_the_demo_runs_without_a_network(image: Image) -> None:
    assert "after recovery" in image.run("demo")


def test_charts_are_drawn_without_a_font_of_the_machine(image: Image) -> None:
    """The image has none; the library that draws brings its own to measure with."""
    program = """
from reconcile.page.svg import render_svg
values = [{"name": "workspace-0001", "count": 1}]
axes = {"y": {"field": "name", "type": "nominal"}, "x": {"field": "count", "type": "quantitative"}}
print(render_svg({"data": {"values": values}, "mark": "bar", "encoding": axes}))
"""
    drawn = image.python(program)

    assert drawn.startswith("<svg")
    assert ">workspace-0001</text>" in drawn


def test_no_module_is_compiled_when_it_starts(image: Image) -> None:
    """Nothing is written, and nothing is tried in vain at each start."""
    program = """
import subprocess, sys
command = [sys.executable, "-v", "-m", "reconcile_cli.main", "run", "--help"]
for line in subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines():
    if "code object from" in line or "wrote" in line or "could not" in line:
        print(line)
"""
    lines = image.python(program).splitlines()

    assert len(lines) > 100
    assert [line for line in lines if ".pyc'" not in line or not line.startswith("# code object from")] == []


def test_every_import_of_the_program_is_in_the_image(image: Image) -> None:
    """Parts of packages were left out; what loads late would otherwise be missed at night."""
    program = """
import ast, importlib, pathlib, reconcile, reconcile_cli
found = 0
for package in (reconcile, reconcile_cli):
    for path in pathlib.Path(package.__file__).parent.rglob("*.py"):
        if "versions" in path.parts or path.name == "env.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level:
                module = importlib.import_module(node.module)
                for each in node.names:
                    hasattr(module, each.name) or importlib.import_module(node.module + "." + each.name)
                    found += 1
            elif isinstance(node, ast.Import):
                for each in node.names:
                    importlib.import_module(each.name)
                    found += 1
print(found)
"""

    assert int(image.python(program)) > 100


def test_the_time_to_start_is_mostly_the_bytecodes_doing(image: Image) -> None:
    seconds = figures.start_times(image.docker, image.tag)

    assert seconds["version, uncompiled"] > seconds["version"]
    assert seconds["idle run, uncompiled"] > seconds["idle run"]


@pytest.fixture
def company(image: Image) -> Iterator[str]:
    """Give a container in which both providers keep every answer back, and the database of their company."""
    name = "company"
    volume = image.docker("volume", "create").strip()
    fault = ("--fault=black_hole", "--workspaces=2", "--leads=5")
    options = (*image.confined[1:3], "--tmpfs=/tmp", f"--volume={volume}:/data")
    image.docker(
        *("run", "--detach", f"--name={name}", *options, image.tag, "simulate", "--fill=/data/company.db", *fault)
    )
    try:
        eventually(lambda: "RECONCILE_DATABASE_URL" in image.docker("logs", name), what="the simulator")
        yield name
    finally:
        image.docker("rm", "--force", name)
        image.docker("volume", "rm", volume)


def test_sigterm_to_the_first_process_ends_a_run_that_hangs(image: Image, company: str) -> None:
    variables = json.loads(image.docker("logs", company))
    given = [f"--env={name}={value}" for name, value in variables.items()]
    name = image.docker(
        *("run", "--detach", f"--network=container:{company}", f"--volumes-from={company}", "--read-only", *given),
        *(image.tag, "run"),
    ).strip()
    try:
        eventually(lambda: _requests(image, company), what="a request to the provider")
        start = time.monotonic()
        image.docker("kill", "--signal=TERM", name)
        code = int(image.docker("wait", name))
        seconds = time.monotonic() - start
        report = json.loads(image.docker("logs", name).splitlines()[-1])
    finally:
        image.docker("rm", "--force", name)

    assert code == 143
    assert seconds < IN_TIME
    assert report["stopped"] == "sigterm"


def _requests(image: Image, company: str) -> int:
    program = """
import os, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8700/_simulator/requests").read().decode())
"""
    summary = json.loads(image.docker("exec", company, "python", "-c", program))
    return int(summary["total"])
