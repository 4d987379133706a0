"""Build the image into ``dist/``, with a few lines on its size and the time it takes to start: ``make image``.

Variables: BASE and INDEX (the Dockerfile's arguments), SOURCE_DATE_EPOCH.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.image import archive, bill, debian, figures
from deploy.image.engine import MachinesDocker, engine
from reconcile import __version__
from tests.cluster.docker import Docker
from tests.cluster.kubernetes.processes import ClusterError

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
NAME = "appointment-reconciler"
TAG = f"{NAME}:{__version__}"
ARCHIVE = DIST / f"{NAME}-{__version__}.tar"
BILL = DIST / f"{NAME}-{__version__}.cdx.json"
FIGURES = DIST / "image.txt"
PULLED_WITHIN = 300
BUILT_WITHIN = 900
# pip settings of the machine; their paths do not exist inside a build.
PIP_OPTIONS = {"index-url", "extra-index-url", "trusted-host", "proxy", "retries", "timeout", "default-timeout"}
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def main() -> None:
    """Build, save and measure."""
    with engine() as docker:
        base = make(docker)
        FIGURES.write_text(
            f"{ARCHIVE.relative_to(ROOT)}, on {base}; its contents: {BILL.relative_to(ROOT)}\n"
            f"{figures.table(docker, TAG, ARCHIVE)}\n"
        )


def make(docker: Docker) -> str:
    """Write the archive and its bill of materials; return the base."""
    DIST.mkdir(exist_ok=True)
    base = available_base(docker)
    build(docker, base)
    save(docker, ARCHIVE)
    BILL.write_text(docker("run", "--rm", "--network=none", "--entrypoint=python", TAG, "-c", _print(bill.BILL)))
    return base


def save(docker: Docker, target: Path) -> None:
    """Write the image to the archive *target*: the same image of the same commit makes the same file."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        saved = Path(folder) / "saved.tar"
        docker("save", "--output", saved, TAG)
        target.unlink(missing_ok=True)
        archive.normalize(saved, target, moment=commit_time())


def build(docker: Docker, base: str, *, tag: str = TAG, options: tuple[str, ...] = ()) -> None:
    """Build the image on *base* as *tag*; the builder's output goes to a file next to the archive."""
    with ExitStack() as stack:
        command = [str(docker.client), "build", f"--tag={tag}", *options]
        command += [f"--build-arg={name}={value}" for name, value in arguments(base).items()]
        command += [f"--secret=id={name},src={path}" for name, path in stack.enter_context(secrets()).items()]
        # A private Docker has no network for its containers.
        command += [] if isinstance(docker, MachinesDocker) else ["--network=host"]
        log = DIST / "build.log"
        with log.open("w") as output:
            environment = {**docker.environment, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
            done = subprocess.run(
                [*command, "."],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=BUILT_WITHIN,
                check=False,
            )
        if done.returncode:
            raise ClusterError(f"the build ended with {done.returncode}: {log.read_text()[-4000:]}")


def commit_time() -> int:
    """Return SOURCE_DATE_EPOCH, by default the time of the last commit."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct") or 0)


def arguments(base: str) -> Mapping[str, str]:
    """Return the build's arguments."""
    revision = _git("rev-parse", "HEAD") + ("-dirty" if _git("status", "--porcelain") else "")
    given = {"BASE": base, "VERSION": __version__, "REVISION": revision, "SOURCE_DATE_EPOCH": str(commit_time())}
    given |= {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    if index := os.environ.get("INDEX"):
        given["INDEX"] = index
    return given


@contextmanager
def secrets() -> Iterator[Mapping[str, Path]]:
    """Give the files that the build may read and the image will not hold: how this machine reaches its packages."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    options = dict(re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
    certificates = options.get("cert") or os.environ.get("SSL_CERT_FILE")
    found = {"certificates": Path(certificates)} if certificates and Path(certificates).is_file() else {}
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        lines = [f"{name} = {value}".replace("\\n", "\n    ") for name, value in options.items() if name in PIP_OPTIONS]
        file.write("\n".join(["[global]", *lines, ""]))
        file.flush()
        yield {**found, "pip": Path(file.name)}


def available_base(docker: Docker) -> str:
    """Return the name of an available base: the requested one, the public one, or one built from Debian packages."""
    requested = os.environ.get("BASE")
    public = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    if requested or isinstance(docker, MachinesDocker):
        name = requested or (public.group(1) if public else "")
        pulling = [docker.client, "pull", "--quiet", name]
        try:
            pulled = subprocess.run(
                pulling, env=docker.environment, timeout=PULLED_WITHIN, check=False, capture_output=True
            )
        except subprocess.TimeoutExpired:
            pulled = None
        if requested or (pulled and not pulled.returncode):
            return name
    return debian_base(docker, debian.PYTHON)


def debian_base(docker: Docker, base: debian.Base, *changes: str) -> str:
    """Give *docker* a base of Debian packages, and return its name."""
    name = f"{NAME}-base:{base.key}"
    docker("import", *(f"--change={change}" for change in changes), debian.archive(base), name)
    return name


def _print(path: Path) -> str:
    return f"print(open({str(path)!r}, encoding='utf-8').read(), end='')"


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    return subprocess.run([git, *arguments], cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    try:
        main()
    except (ClusterError, debian.BaseError) as error:
        sys.exit(f"make image: {error}")
