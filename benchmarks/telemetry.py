"""Cost of telemetry: CPU of a whole run with and without, and the end of a run with an unreachable collector."""

import argparse
import json
import os
import shutil
import socket
import statistics
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.process import UNCAPPED, Measured, measured
from benchmarks.runs import CLI, seeded, simulator
from reconcile.simulator import Scenario, WorldSize

_RUN = (*CLI, "run")
_IMPORTED = (
    "import sys; from reconcile_cli.main import cli; cli(['run'], standalone_mode=False); "
    "print(sum(each.startswith(('opentelemetry', 'google')) for each in sys.modules))"
)
_TARGET = 0.08
_AS_IN_THE_IMAGE = 'raise ImportError("the image does not have it, so OpenTelemetry\'s SDK does not load it there")\n'


class _Taker(BaseHTTPRequestHandler):
    """Takes everything, in a thread of this process: its CPU is not counted as the run's."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def _well() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _dead() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def _silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """Runs that start with equal databases, independent of each other."""

    seeded: Path
    environment: Mapping[str, str]
    leads: int

    def run(self, collector: str | None) -> Measured:
        path = self.seeded.with_name("run.db")
        for old in path.parent.glob("run.db*"):
            old.unlink()
        shutil.copy(self.seeded, path)
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector} if collector else {}
        done = measured(_RUN, {**self.environment, "RECONCILE_DATABASE_URL": f"sqlite:///{path}", **variables})
        report = json.loads(done.output.splitlines()[-1])
        assert report["leadsChecked"] == self.leads, report
        return done

    def cost(self, *, rounds: int) -> tuple[float, float, float]:
        """Return the minimum CPU seconds of a run without and with telemetry, and the difference.

        The minimum, because other load only adds to it; rounds alternate.
        """
        with _well() as url:
            self.run(url)  # files are in the page cache now
            pairs = [(self.run(None).cpu, self.run(url).cpu) for _ in range(rounds)]
        off, on = (min(each) for each in zip(*pairs, strict=True))
        return off, on, on / off - 1

    def wall(self, collector: str | None, *, rounds: int) -> float:
        """Return how long a run takes."""
        return statistics.median(self.run(collector).wall for _ in range(rounds))


def main() -> None:
    """Print a table, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telemetry", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=10)
    parser.add_argument("--leads", type=int, default=50, help="leads per workspace")
    parser.add_argument("--rounds", type=int, default=7)
    wanted = parser.parse_args()
    size = WorldSize(
        workspaces=wanted.workspaces,
        leads_per_workspace=wanted.leads,
        calendly_share=0.0,
        mix={Scenario.CONFIRMED: 1},
    )
    anchor = datetime.now(UTC)
    with (
        TemporaryDirectory(prefix="reconcile-bench-") as folder,
        simulator(size, anchor=anchor, latency_ms=5) as addresses,
    ):
        # Installed for development and not in the image; the SDK would import it.
        (hidden := Path(folder) / "hidden").mkdir()
        (hidden / "psutil.py").write_text(_AS_IN_THE_IMAGE)
        path = Path(folder) / "seeded.db"
        seeded(f"sqlite:///{path}", size, anchor=anchor)
        environment = {
            "PYTHONPATH": os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")]),
            "RECONCILE_GHL_BASE_URL": addresses["ghl"],
            "RECONCILE_CALENDLY_BASE_URL": addresses["calendly"],
            "RECONCILE_WORKSPACE_LIMIT": str(wanted.workspaces),
            "RECONCILE_LEADS_PER_WORKSPACE": str(wanted.leads),
            "RECONCILE_OUTPUT": "json",
            **UNCAPPED,
        }
        bench = _Bench(seeded=path, environment=environment, leads=wanted.workspaces * wanted.leads)
        busy = bench.cost(rounds=wanted.rounds)
        bench.run(None)
        shutil.copy(path.with_name("run.db"), path)  # all leads were just attempted, so nothing is due
        at_rest = replace(bench, environment={**environment, "RECONCILE_HOT_MINUTES": "60"}, leads=0)
        idle = at_rest.cost(rounds=wanted.rounds)
        base = at_rest.wall(None, rounds=wanted.rounds)
        with _dead() as nobody, _silent() as mute:
            tails = {name: at_rest.wall(url, rounds=3) - base for name, url in (("dead", nobody), ("silent", mute))}
        imported = int(measured((sys.executable, "-c", _IMPORTED), environment).output.splitlines()[-1])
    print(f"{'CPU of a run':24} {'off':>8} {'on':>8} {'cost':>8}")
    for name, (off, on, cost) in (("leads: " + str(wanted.workspaces * wanted.leads), busy), ("nothing due", idle)):
        print(f"{name:24} {off * 1000:6.0f}ms {on * 1000:6.0f}ms {cost:8.1%}")
    for name, tail in tails.items():
        print(f"a {name} collector makes a run {tail:.2f} s longer")
    print(f"modules of OpenTelemetry that are loaded where it is off: {imported}")
    print(f"target: {_TARGET:.0%} of a run's CPU, 3 s, none")
    figures = {
        "cpu_off_s": round(busy[0], 3),
        "cpu_on_s": round(busy[1], 3),
        "cpu_cost": round(busy[2], 4),
        "idle_cpu_cost": round(idle[2], 4),
        "tail_dead_s": round(tails["dead"], 2),
        "tail_silent_s": round(tails["silent"], 2),
        "modules_off": imported,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
