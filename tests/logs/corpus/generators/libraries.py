"""Real logging libraries, installed once from locks and kept outside the checkout, and what they write.

Each writes 40 lines, ``lead 0 was looked at`` to ``lead 39 …``: every second one is an error's, the others are warnings
and infos in turn. nginx and journald are Debian's packages; where they are not installed, their logs stay as they are.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.cluster.kubernetes import binaries
from tests.logs.corpus.generators import services

HERE = Path(__file__).parent
CORPUS = HERE.parent
_LIMIT = 900
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/lib/systemd"))


class LibraryError(Exception):
    """A library could not be installed, or failed; the message is what it said."""


@dataclass(frozen=True)
class Family:
    """Libraries of one language: what installs them into a folder, and the command that writes a corpus from there."""

    names: Sequence[str]
    needs: Sequence[str]
    locks: Sequence[Path]
    install: Callable[[Path], None]
    command: Callable[[Path, str], Sequence[str | Path]]

    @property
    def folder(self) -> str:
        content = b"".join(each.read_bytes() for each in self.locks)
        return f"log-{self.names[0]}-{hashlib.sha256(content).hexdigest()[:12]}"

    def lack(self) -> str | None:
        """Say why these cannot be run here, None where they can."""
        missing = [each for each in self.needs if shutil.which(each, path=_PATH) is None]
        return f"{', '.join(missing)} is not installed" if missing else None

    @property
    def is_installed(self) -> bool:
        return (binaries.cache() / self.folder).exists()

    def installed(self) -> Path:
        return binaries.once(self.folder, self.install)

    def lines(self, name: str) -> list[str]:
        """Return what the library of this *name* writes now."""
        text = run(*self.command(self.installed(), name))
        # What is of this machine: places and its name.
        named = {str(HERE): "/srv/app", str(self.installed()): "/srv/packages", f'"{socket.gethostname()}"': '"web-1"'}
        for here, anywhere in named.items():
            text = text.replace(here, anywhere)
        return text.splitlines()


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what a command printed; raise LibraryError."""
    environment = {**os.environ, "PATH": _PATH, "TZ": "UTC", "NO_COLOR": "1"}
    environment.pop("FORCE_COLOR", None)
    done = subprocess.run(
        command, capture_output=True, check=False, text=True, timeout=_LIMIT, cwd=cwd, env=environment
    )
    if done.returncode:
        raise LibraryError(f"{Path(command[0]).name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"[-4000:])
    return done.stdout or done.stderr


def _go(folder: Path) -> None:
    binaries.go_build(HERE / "go", folder / "loggers")


def _npm(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "npm" / name, folder)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder)


def _java(folder: Path) -> None:
    shutil.copytree(HERE / "java", folder / "source")
    jars = f"-DoutputDirectory={folder / 'jars'}"
    run("mvn", "-q", "-B", "-C", "dependency:copy-dependencies", jars, cwd=folder / "source")
    sources = sorted(folder.glob("source/**/*.java"))
    run("javac", "-cp", f"{folder / 'jars'}/*", "-d", folder / "classes", *sources)


def _python(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "--requirement", HERE / "python.lock")


FAMILIES: Mapping[str, Family] = {
    "go": Family(
        names=(
            "zap",
            "zap-console",
            "logrus",
            "logrus-json",
            "logrus-tty",
            "slog-text",
            "slog-json",
            "slog-default",
            "zerolog",
            "zerolog-console",
            "klog",
        ),
        needs=("go",),
        locks=(HERE / "go" / "main.go", HERE / "go" / "go.sum"),
        install=_go,
        command=lambda folder, name: (folder / "loggers", name),
    ),
    "npm": Family(
        names=("pino", "bunyan", "winston-json", "winston-simple", "winston-printf", "log4js"),
        needs=("node", "npm"),
        locks=(HERE / "npm" / "package-lock.json",),
        install=_npm,
        command=lambda folder, name: ("node", HERE / "generate.cjs", folder, name),
    ),
    "python": Family(
        names=(
            "logging",
            "logging-asctime",
            "logging-brackets",
            "loguru",
            "loguru-serialized",
            "structlog",
            "structlog-json",
        ),
        needs=(),
        locks=(HERE / "python.lock",),
        install=_python,
        command=lambda folder, name: (folder / "bin" / "python", HERE / "generate_python.py", name),
    ),
    "java": Family(
        names=("logback", "logback-json", "log4j2", "log4j2-json", "java-util"),
        needs=("java", "javac", "mvn"),
        locks=(HERE / "java" / "pom.xml", *sorted((HERE / "java").glob("**/*.java"))),
        install=_java,
        command=lambda folder, name: ("java", "-cp", f"{folder / 'jars'}/*:{folder / 'classes'}", "Loggers", name),
    ),
    "services": Family(
        names=("nginx-error", "nginx-access", "journald-json", "journald-export", "journald-short-iso"),
        needs=services.COMMANDS,
        locks=(HERE / "services.py",),
        install=lambda folder: None,
        command=lambda folder, name: (sys.executable, "-m", "tests.logs.corpus.generators.services", name),
    ),
}


def family_of(name: str) -> Family:
    """Return the family that has the library of this *name*."""
    return next(each for each in FAMILIES.values() if name in each.names)


def tools() -> Mapping[str, Callable[[], object]]:
    """Return what installs each family that can be had here, by the name that ``make tools`` has for it."""
    return {f"log-{name}": partial(_install, each) for name, each in FAMILIES.items() if name != "services"}


def _install(family: Family) -> None:
    if (lack := family.lack()) is None:
        family.installed()
    else:
        sys.stdout.write(f"left out: {', '.join(family.names)}: {lack}\n")


def main(*names: str) -> None:
    """Write the corpus of these libraries, or of all that can be run here."""
    for family in FAMILIES.values():
        if (lack := family.lack()) is not None:
            sys.stdout.write(f"left as they are: {', '.join(family.names)}: {lack}\n")
            continue
        for name in family.names:
            if not names or name in names:
                (CORPUS / f"{name}.log").write_text("\n".join(family.lines(name)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
