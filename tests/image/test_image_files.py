"""What is in the image, and what is not."""

import json
import re
import stat
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from deploy.image.bill import BILL as BILL_INSIDE
from deploy.image.build import BILL
from reconcile import __version__
from tests.image.conftest import Files, Image

ROOT = Path(__file__).parents[2]
ACCOUNT = 65532
PACKAGES = re.compile(r"opt/reconcile/lib/python3\.\d+/site-packages/")
UNCHECKED_HASH = 1
# What Docker puts into every container that it exports.
OF_DOCKER = re.compile(r"(dev|proc|sys|\.dockerenv|etc/(hosts|hostname|resolv\.conf|mtab))(/|$)")


def test_only_the_interpreter_the_loader_and_the_program_can_be_executed(files: Files) -> None:
    """No shell, no package manager, no compiler: nothing for an intruder to live off."""
    executables = {
        path
        for path, each in files.members.items()
        if each.isfile() and each.mode & 0o111 and ".so" not in path and files.content[path][:2] in {b"\x7fE", b"#!"}
        # A module with a shebang is for people who have a shell.
        if not path.endswith(".py") and path != ".dockerenv"
    }

    assert {PurePosixPath(path).name for path in executables} == {_interpreter(files), "reconcile"}
    assert "opt/reconcile/bin/sh" not in files.members
    assert not {path for path in files.members if PurePosixPath(path).name in {"sh", "bash", "dash", "busybox"}}


def test_nothing_but_data_and_tmp_belongs_to_others_than_root_or_can_be_written_by_others(files: Files) -> None:
    own = {path: each for path, each in files.members.items() if not OF_DOCKER.match(path)}
    foreign = {path for path, each in own.items() if each.uid or each.gid}
    open_to_all = {path for path, each in own.items() if each.mode & stat.S_IWOTH and not each.issym()}
    privileged = {path for path, each in own.items() if each.mode & (stat.S_ISUID | stat.S_ISGID)}

    assert foreign == {"data"}
    assert open_to_all == {"tmp"}
    assert own["tmp"].mode & stat.S_ISVTX
    assert privileged == set()


def test_the_locked_packages_are_there_and_no_tools(files: Files) -> None:
    """Whatever installs packages, caches them or compiles them stays behind."""
    unwanted = re.compile(
        r"(^|/)(pip|setuptools|wheel|hatchling|cyclonedx|uv|ensurepip)(/|-\d)|\.(a|h|whl)$|(^|/)\.(cache|git)/|(^|/)(root|home|build)/"
    )

    assert [path for path in files.members if unwanted.search(path)] == []
    assert _installed(files) == {**_locked(files), "appointment-reconciler": __version__}


def test_every_module_is_compiled_and_nothing_looks_whether_it_has_changed(files: Files) -> None:
    modules = {path for path in files.members if path.endswith(".py") and "/versions/" not in path}
    compiled = {path: content for path, content in files.content.items() if path.endswith(".pyc")}
    tag = _interpreter(files).replace("python", "cpython-").replace(".", "")
    expected = {str(_beside(PurePosixPath(path), tag)) for path in modules}

    assert expected - compiled.keys() == set()
    assert {content[4] for content in compiled.values()} == {UNCHECKED_HASH}


def test_no_secret_and_nothing_of_the_machine_that_built_it_is_in_it(image: Image, files: Files) -> None:
    """Configuration and certificates of the build are there during one step only; arguments leave no trace."""
    told = json.loads(image.docker("image", "inspect", image.tag))[0]
    names = {path for path in files.members if re.search(r"pip\.conf|certificates\.pem|\.netrc|id_rsa|\.env$", path)}
    history = image.docker("history", "--no-trunc", "--format={{.CreatedBy}}", image.tag)

    assert names == set()
    assert "INDEX" not in history
    assert "PIP_" not in history
    assert {each.partition("=")[0] for each in told["Config"]["Env"]} == {
        *("PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "PYTHONUNBUFFERED", "PYTHONUTF8", "SSL_CERT_FILE"),
    }
    assert not [path for path, content in files.content.items() if str(ROOT).encode() in content]


def test_the_bill_of_materials_lists_every_locked_package_the_interpreter_and_the_bases_packages(files: Files) -> None:
    """The one in the image is the one beside the archive."""
    text = files.content[str(BILL_INSIDE.relative_to("/"))].decode()
    bill = json.loads(text)
    by_kind: dict[str, dict[str, str]] = {}
    for each in bill["components"]:
        kind = re.match(r"pkg:(\w+)/", each["purl"])
        assert kind
        by_kind.setdefault(kind.group(1), {})[_canonical(each["name"])] = each["version"]
    references = [each["bom-ref"] for each in bill["components"]]

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["version"] == __version__
    assert by_kind["pypi"] == _locked(files)
    assert by_kind["generic"]["python"].startswith(_interpreter(files).removeprefix("python"))
    assert by_kind["deb"].keys() >= {"libc6", "libssl3", "libsqlite3-0", "ca-certificates"} - _not_on(files)
    assert len(references) == len(set(references))
    assert text == BILL.read_text()


def test_package_lists_and_licenses_are_in_the_image(files: Files) -> None:
    """Package states where scanners of images without a package manager look, and the copyright beside each."""
    states = {PurePosixPath(path).name for path in files.content if path.startswith("var/lib/dpkg/status.d/")}
    copyrights = {path.split("/")[3] for path in files.members if path.startswith("usr/share/doc/")}

    assert "etc/os-release" in files.members
    assert states
    assert states <= copyrights


def _interpreter(files: Files) -> str:
    return next(name.rpartition("/")[2] for name in files.members if re.search(r"/bin/python3\.\d+$", name))


def _not_on(files: Files) -> set[str]:
    """Return what other bases than Debian 12 call otherwise."""
    is_bookworm = b"VERSION_CODENAME=bookworm" in files.content["usr/lib/os-release"]
    return set() if is_bookworm else {"libssl3", "libsqlite3-0"}


def _locked(files: Files) -> dict[str, str]:
    """Return the locked packages that the image's platform wants."""
    version = _interpreter(files).removeprefix("python")
    environment = {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux"}
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    wanted = [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[a-z]", line)]
    return {
        _canonical(each.name): str(each.specifier).removeprefix("==")
        for each in wanted
        if each.marker is None or each.marker.evaluate(environment)
    }


def _installed(files: Files) -> dict[str, str]:
    found = {}
    for path, content in files.content.items():
        if PACKAGES.match(path) and path.endswith(".dist-info/METADATA"):
            fields = dict(re.findall(r"^(Name|Version): (.+)$", content.decode().partition("\n\n")[0], re.MULTILINE))
            found[_canonical(fields["Name"])] = fields["Version"]
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _beside(path: PurePosixPath, tag: str) -> PurePosixPath:
    return path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc"
