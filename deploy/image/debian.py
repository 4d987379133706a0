"""Builds base images from Debian packages for machines without a registry; each is cached for a month."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SUITE = "bookworm"
HERE = Path(__file__).parent
# Manuals are not needed in a base; copyright files are, because they belong to the copied files.
WITHOUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/var/log/*")
WITH = ("/usr/share/doc/*/copyright", "/usr/share/locale/locale.alias")


class BaseError(RuntimeError):
    """A base could not be made; the message says why, or what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A root file system of Debian packages, with additional files by path."""

    name: str
    packages: tuple[str, ...]
    files: tuple[tuple[Path, str], ...] = ()

    @property
    def key(self) -> str:
        """The name of the archive: it depends on the content, and on the month for security updates."""
        content = repr((self.packages, WITHOUT, WITH)).encode() + b"".join(file.read_bytes() for file, _ in self.files)
        digest = hashlib.sha256(content).hexdigest()[:12]
        return f"{self.name}-{SUITE}-{datetime.now(UTC):%Y-%m}-{digest}"


PYTHON = Base(name="python", packages=("ca-certificates", "libstdc++6", "python3", "python3-venv"))
POSTGRES = Base(
    name="postgres",
    packages=("postgresql",),
    files=((HERE / "postgres-entrypoint.sh", "/usr/local/bin/postgres-entrypoint.sh"),),
)


def cache() -> Path:
    """Return the folder that outlives checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "appointment-reconciler" / "bases"


def archive(base: Base) -> Path:
    """Return the tar archive of *base*, made now if this month's is not there; by one process, whole or not at all."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{base.key}.tar"
    with (folder / f".{base.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            unfinished = folder / f".{base.key}.unfinished.tar"
            _make(base, unfinished)
            unfinished.rename(target)
            for old in set(folder.glob(f"{base.name}-{SUITE}-*.tar")) - {target}:
                old.unlink()
    return target


def _make(base: Base, target: Path) -> None:
    command = shutil.which("mmdebstrap")
    if command is None:
        raise BaseError("no base can be pulled, and there is no mmdebstrap to make one: install Debian's mmdebstrap")
    options = [f"--include={','.join(base.packages)}"]
    options += [f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT]
    options += [f"--dpkgopt=path-include={pattern}" for pattern in WITH]
    options += [f"--customize-hook=copy-in {file} {Path(path).parent}" for file, path in base.files]
    options += [f"--customize-hook=chmod 0755 $1{path}" for _, path in base.files]
    done = subprocess.run(
        [command, "--variant=essential", "--aptopt=APT::Install-Recommends false", *options, SUITE, target],
        check=False,
        capture_output=True,
        text=True,
        # The same packages make the same archive.
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
    )
    if done.returncode:
        raise BaseError(f"mmdebstrap ended with {done.returncode}: {done.stderr[-2000:]}")
