"""Build a release of the last commit into ``dist/``: ``make release``.

Wheel, source distribution, packaged chart, image archive, bills of materials for the wheel and for the image, and their
checksums. All of it comes from the commit, with the commit's time, so another build of the commit makes the same bytes.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deploy.image import archive, debian
from deploy.image import build as image
from deploy.image.engine import engine
from reconcile import __version__
from tests import toolbox
from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.processes import ClusterError

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
"""What builds a release; it is installed outside the checkout."""
CHART = Path("deploy/helm/appointment-reconciler")
WHEEL = f"appointment_reconciler-{__version__}-py3-none-any.whl"
SOURCES = f"appointment_reconciler-{__version__}.tar.gz"
PACKAGED_CHART = f"{image.NAME}-{__version__}.tgz"
WHEEL_BILL = f"{WHEEL}.cdx.json"
BUILT_HERE = (WHEEL, SOURCES, WHEEL_BILL, PACKAGED_CHART)
FILES = (*BUILT_HERE, image.ARCHIVE.name, image.BILL.name)
CHECKSUMS = "SHA256SUMS"


class ReleaseError(RuntimeError):
    """A release cannot be built; the message says why, or what to do."""


def main() -> None:
    """Build, and print what was built."""
    commit = last_commit(image.ROOT)
    image.DIST.mkdir(exist_ok=True)
    build(image.ROOT, image.DIST)
    if not (image.ARCHIVE.exists() and archive.labels(image.ARCHIVE)["revision"] == commit):
        with engine() as docker:
            image.make(docker)
    sums = checksums(image.DIST)
    (image.DIST / CHECKSUMS).write_text(sums)
    print(f"{sums}release {__version__} of commit {commit} is in {image.DIST.name}/, checksums in {CHECKSUMS}")


def last_commit(checkout: Path) -> str:
    """Return the last commit; raise ReleaseError where files differ from it, which no other build could repeat."""
    if changed := _git(checkout, "status", "--porcelain").decode():
        count = len(changed.splitlines())
        raise ReleaseError(f"{count} files differ from the last commit: commit or remove them first (git status)")
    return _git(checkout, "rev-parse", "HEAD").decode().strip()


def build(checkout: Path, target: Path) -> None:
    """Write wheel, source distribution, the wheel's bill of materials and chart of the last commit to *target*."""
    helm = binaries.tool("helm4")
    moment = _git(checkout, "log", "-1", "--format=%ct").decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder)
        # Each file gets the commit's time, which Helm takes over into its archive.
        with tarfile.open(fileobj=io.BytesIO(_git(checkout, "archive", "HEAD"))) as exported:
            exported.extractall(sources, filter="data")
        _python(sources, "build", "--no-isolation", "--outdir", str(target.resolve()), moment=moment)
        _write_bill(sources, target / WHEEL_BILL, moment=moment)
        _run(helm, "package", CHART, "--destination", target.resolve(), cwd=sources)


def checksums(folder: Path) -> str:
    """Return the release's files with their digests, as ``sha256sum --check`` reads them."""
    digests = {}
    for name in FILES:
        with (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def _write_bill(sources: Path, target: Path, *, moment: str) -> None:
    """List the locked packages with their hashes; the tool does not know a version that only the build computes."""
    options = ("--pyproject", "pyproject.toml", "--output-reproducible", "requirements.lock")
    bill = json.loads(_python(sources, "cyclonedx_py", "requirements", *options, moment=moment))
    bill["metadata"]["component"] |= {"version": __version__, "purl": f"pkg:pypi/{image.NAME}@{__version__}"}
    target.write_text(json.dumps(bill, indent=2, ensure_ascii=False) + "\n")


def _python(sources: Path, module: str, *arguments: str, moment: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(toolbox.packages(LOCK)), "SOURCE_DATE_EPOCH": moment}
    return _run(sys.executable, "-m", module, *arguments, cwd=sources, environment=environment).decode()


def _git(checkout: Path, *arguments: str) -> bytes:
    git = shutil.which("git")
    if git is None:
        raise ReleaseError("there is no git, and a release is built from a commit: install git")
    return _run(git, *arguments, cwd=checkout)


def _run(*command: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> bytes:
    done = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True)
    if done.returncode:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise ReleaseError(f"{Path(command[0]).name} {command[1]} ended with {done.returncode}: {said[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        main()
    except (ReleaseError, ClusterError, debian.BaseError, toolbox.ToolError) as error:
        sys.exit(f"make release: {error}")
