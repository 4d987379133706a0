"""Runs commands in processes forked from one that has loaded the program: starting Python anew costs most of a second.

``python -m tests.cli.prefork`` is that process. A request is one message on its stdin, a Unix socket: JSON, and the
descriptors that become the command's stdout and stderr and that its exit code is written to.
"""

import asyncio
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

LONGEST = 1 << 17
"""Bytes of a request."""
DESCRIPTORS = 3
NOT_SERVED = ("reconcile.store.schema.migrations", "reconcile.__main__")
"""What runs, or can be imported by its own loader alone."""


class Server:
    """The process that has loaded the program, seen from the tests."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests

    async def run(self, arguments: Sequence[str], *, env: Mapping[str, str], prepare: str = "") -> tuple[int, str, str]:
        """Run one command to its end; return its exit code, stdout and stderr.

        *prepare* names a module of the tests that is imported first.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            reading, writing = os.pipe()
            message = json.dumps({"arguments": arguments, "env": dict(env), "prepare": prepare}).encode()
            socket.send_fds(self._requests, [message], [out.fileno(), err.fileno(), writing])
            os.close(writing)
            with os.fdopen(reading) as status:
                code = await asyncio.to_thread(status.read)
            out.seek(0)
            err.seek(0)
            return int(code), out.read().decode(), err.read().decode()


@contextmanager
def start() -> Iterator[Server]:
    """Give a server that ends with this context."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen([sys.executable, "-m", __name__], stdin=theirs.fileno())
        theirs.close()
        yield Server(ours)
    process.wait()


def _load() -> None:
    for package in ("reconcile", "reconcile_cli"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.startswith(NOT_SERVED):
                importlib.import_module(module.name)
    for name in ("aiosqlite", "asyncpg", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.sqlite.aiosqlite"):
        importlib.import_module(name)


def _serve(requests: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a child: it tells its exit code itself
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, LONGEST, DESCRIPTORS)
        if not message:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _run_forked(json.loads(message), *descriptors)
        for each in descriptors:
            os.close(each)


def _run_forked(request: Mapping[str, object], out: int, err: int, status: int) -> NoReturn:
    code: object = 70
    try:
        for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
            os.dup2(descriptor, number)
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[call-overload]
        if request["prepare"]:
            importlib.import_module(str(request["prepare"]))
        main = importlib.import_module("reconcile_cli.main")
        main.cli(args=request["arguments"], prog_name="reconcile")
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(status, str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    _load()
    with socket.socket(fileno=os.dup(0)) as served:
        _serve(served)
