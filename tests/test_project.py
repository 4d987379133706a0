"""What must hold for the project as a whole: packaging, dependencies, and what may stand in a file."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git is where it is
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    if name and (ROOT / name).is_file()
]
LOCKS = {"requirements.lock", "requirements-dev.lock"}
LONGEST = 300
# Longer, each with its reason.
LONG: dict[str, str] = {
    "reconcile/settings/__init__.py": "one tree: each setting is a field of one frozen class",
    "reconcile/store/schema/tables.py": "one list of our own tables",
    "benchmarks/http.py": "server, clients and measured process of one benchmark, each of no use without the others",
    "tests/providers/http/test_client.py": "one class, tried at every phase of an exchange",
    "tests/providers/http/test_wire.py": "one table of broken answers",
}


@pytest.mark.parametrize("folder", [".", "cmd", "tests"])
def test_the_standard_librarys_cmd_is_found(folder: str) -> None:
    """A package named cmd would break pdb, doctest and pytest."""
    found = subprocess.run(
        [sys.executable, "-c", "import cmd; print(cmd.Cmd.__module__, cmd.__file__)"],
        cwd=ROOT / folder,
        capture_output=True,
        check=True,
        text=True,
    )

    assert found.stdout.startswith("cmd ")
    assert str(ROOT / "cmd") not in found.stdout
    assert not (ROOT / "cmd" / "__init__.py").exists()


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["dev"]]

    unexplained = [name for name in required if not re.search(rf'^    "{re.escape(name)}", +# \w', text, re.MULTILINE)]

    assert unexplained == []


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_every_locked_package_has_hashes_and_no_address(lock: str) -> None:
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]

    packages = [index for index, line in enumerate(lines) if not line.startswith(" ")]

    assert packages
    assert all("==" in lines[index] and "--hash=sha256:" in lines[index + 1] for index in packages)
    assert not any("://" in line or line.startswith("-") for line in lines)


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    for lock, required in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
    ):
        locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==", (ROOT / lock).read_text(), re.MULTILINE))
        assert {re.split(r"[^a-z0-9-]", name)[0] for name in required} <= locked


def test_one_file_of_the_tests_knows_where_use_cases_live_and_none_patches_a_module_by_its_path() -> None:
    """A package that is renamed or divided is a change of tests/use_cases.py, not of sixty files."""
    tests = {path: path.read_text() for path in FILES if "tests" in path.parts and path.suffix == ".py"}

    namers = [path.name for path, text in tests.items() if re.search(r"\breconcile\.services\b(?!\\)", text)]
    patchers = [path.name for path, text in tests.items() if re.search(r"setattr\(\s*['\"]reconcile", text)]

    assert (namers, patchers) == (["use_cases.py"], [])


def test_no_file_names_a_package_registry_or_a_place_on_one_machine() -> None:
    # Put together here, so that this file does not name them either.
    hosts = ["pypi" + ".org", "python" + "hosted", "deb.deb" + "ian", "registry.n" + "pmjs", "proxy.go" + "lang"]
    places = ["/ro" + "ot/", "/ho" + "me/", "/wo" + "rk/", "/Use" + "rs/"]
    pattern = re.compile("|".join(map(re.escape, hosts + places)))

    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in FILES
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


def test_no_binary_is_kept_but_pictures() -> None:
    binaries = [file.name for file in FILES if b"\0" in file.read_bytes()[:8192] and file.suffix != ".png"]

    assert binaries == []


def test_files_stay_short() -> None:
    code = [file for file in FILES if file.suffix == ".py"]
    lengths = {file.relative_to(ROOT).as_posix(): len(file.read_text().splitlines()) for file in code}

    assert {name: length for name, length in lengths.items() if length > LONGEST and name not in LONG} == {}
    assert {name for name in LONG if lengths.get(name, 0) <= LONGEST} == set()
