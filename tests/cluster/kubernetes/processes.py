"""Start servers beside the tests, and end them in reverse order however the tests end."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

LIMIT = 300.0
"""Seconds before a wait is given up, as in tests/timeouts.py, which the image of a Kubernetes does not hold."""

# A shell stands between the tests and each server: when the pipe on its standard input closes, as it does however the
# tests end, SIGKILL included, it ends the server and runs what the second argument says.
SUPERVISOR = """
log=$1 cleanup=$2; shift 2
exec 3<&0 </dev/null
"$@" >"$log" 2>&1 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -TERM $server 2>/dev/null; } &
watch=$!
wait $server
kill $watch 2>/dev/null
eval "$cleanup"
"""
Answer = TypeVar("Answer")
GRACE = 45.0
STEP = 0.1
TAIL = 1500


class ClusterError(RuntimeError):
    """What was to be started did not start; the message says why, or what to do."""


@dataclass(slots=True)
class Processes:
    """The servers of one cluster, each with a log named after it in *folder*."""

    folder: Path
    running: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(
        self, name: str, command: Sequence[str | Path], *, cleanup: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start *command* as *name*; the shell code *cleanup* runs once it has ended."""
        self.log(name).touch()
        shell = subprocess.Popen(
            ["/bin/sh", "-c", SUPERVISOR, name, self.log(name), cleanup, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self.folder,
            env=env,
        )
        self.running.append((name, shell))
        return shell

    def log(self, name: str) -> Path:
        """Return where *name* writes what it has to say."""
        return self.folder / f"{name}.log"

    def wait(self, until: Callable[[], object], *, what: str, seconds: float = LIMIT) -> None:
        """Wait until the question is answered with yes, or raise ClusterError, at once if a server has ended."""
        deadline = time.monotonic() + seconds
        while not until():
            for name, shell in self.running:
                if shell.poll() is not None:
                    raise ClusterError(f"{name} ended while waiting for {what}: {self._last_words(name)}")
            if time.monotonic() > deadline:
                words = "; ".join(f"{name}: {self._last_words(name, 400)}" for name, _ in self.running)
                raise ClusterError(f"{what} did not come within {seconds:g} s; {words}")
            time.sleep(STEP)

    def stop(self) -> None:
        """End the servers in reverse order."""
        while self.running:
            _, shell = self.running.pop()
            _end(shell)

    def _last_words(self, name: str, tail: int = TAIL) -> str:
        log = self.log(name)
        return log.read_text(errors="replace")[-tail:].strip() if log.exists() else "nothing was logged"


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    """Give a place to start servers from; they are ended with the block."""
    started = Processes(folder)
    try:
        yield started
    finally:
        started.stop()


def eventually(question: Callable[[], Answer], *, what: str, seconds: float = LIMIT) -> Answer:
    """Ask until the answer is true or not empty, and return it; raise ClusterError when *what* never comes."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} did not come within {seconds:g} s")
        time.sleep(STEP)
    return answer


def removal(folder: Path) -> str:
    """Return the shell code that removes *folder* if this process, which would do it, was killed."""
    return f"kill -0 {os.getpid()} 2>/dev/null || rm -rf --one-file-system '{folder}'"


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that nothing listens on; bind it soon."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _end(shell: subprocess.Popen[bytes]) -> None:
    if shell.stdin:
        shell.stdin.close()
    try:
        shell.wait(GRACE)
    except subprocess.TimeoutExpired:
        # The server ignores SIGTERM: its shell's other children are in the shell's session, and end with it.
        subprocess.run(["/bin/kill", "-KILL", "--", f"-{shell.pid}"], check=False)
        shell.wait(GRACE)
