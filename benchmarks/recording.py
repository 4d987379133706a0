"""Cost of recording a run's calls: CPU of a whole run with and without, and of the recorder alone."""

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.process import UNCAPPED, measured
from benchmarks.runs import CLI, seeded, simulator
from reconcile import bootstrap
from reconcile.domain.replay.recorder import CallRecorder
from reconcile.domain.run.report import Trigger
from reconcile.domain.run.request import RunRequest
from reconcile.services.run.context import Dependencies, RunPolicy
from reconcile.settings import Settings
from reconcile.simulator import Scenario, WorldSize

_TARGET = 0.02
_REPEATS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """Runs that all begin with the same database."""

    seeded: Path
    environment: Mapping[str, str]

    def run(self, kind: str) -> tuple[float, Mapping[str, Any]]:
        """Return the CPU seconds of a run in a separate process, and its output."""
        path = self.seeded.with_name("run.db")
        for old in path.parent.glob("run.db*"):
            old.unlink()
        shutil.copy(self.seeded, path)
        command = (sys.executable, "-m", "benchmarks.recording", f"--child={kind}")
        done = measured(command, {**self.environment, "RECONCILE_DATABASE_URL": f"sqlite:///{path}"})
        return done.cpu, json.loads(done.output.splitlines()[-1])


async def _child(kind: str) -> Mapping[str, Any]:
    """Make one run and return how many leads it checked; ``timed``: also what recording its events takes alone."""
    noted: list[tuple[Any, Any, Mapping[str, Any]]] = []
    note = CallRecorder.note

    def keep(recorder: CallRecorder, event: Any, transitions: Any, **facts: Any) -> None:  # noqa: ANN401 - the recorder's
        noted.append((event, transitions, facts))
        note(recorder, event, transitions, **facts)

    def adapt(deps: Dependencies, policy: RunPolicy) -> tuple[Dependencies, RunPolicy]:
        return deps, replace(policy, records_calls=kind != "off")

    settings = Settings.from_env(os.environ)
    request = RunRequest(
        workspace_limit=settings.workspace_limit,
        leads_per_workspace=settings.leads_per_workspace,
        trigger=Trigger.MANUAL,
    )
    if kind == "timed":
        CallRecorder.note = keep  # type: ignore[assignment,method-assign]
    report = await bootstrap.run(settings, request, adapt=adapt)
    figures: dict[str, Any] = {"checked": report.leads_checked}
    if kind == "timed":
        recorder = CallRecorder()
        started_at = time.process_time()
        for _ in range(_REPEATS):
            recorder = CallRecorder()
            for event, transitions, facts in noted:
                note(recorder, event, transitions, **facts)
            size = len(json.dumps(record.document)) if (record := recorder.record()) else 0
        figures |= {
            "recorder_s": (time.process_time() - started_at) / _REPEATS,
            "bytes": size,
            "calls": record.calls if record else 0,
        }
    return figures


def main() -> None:
    """Print a table, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=15)
    parser.add_argument("--leads", type=int, default=70, help="leads per workspace")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--child", choices=("on", "off", "timed"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        print(json.dumps(asyncio.run(_child(wanted.child))))
        return
    leads = wanted.workspaces * wanted.leads
    size = WorldSize(
        workspaces=wanted.workspaces, leads_per_workspace=wanted.leads, calendly_share=0.0, mix={Scenario.CONFIRMED: 1}
    )
    anchor = datetime.now(UTC)
    with (
        TemporaryDirectory(prefix="reconcile-bench-") as folder,
        simulator(size, anchor=anchor, latency_ms=1) as addresses,
    ):
        path = Path(folder) / "seeded.db"
        url = f"sqlite:///{path}"
        seeded(url, size, anchor=anchor)
        environment = {
            "RECONCILE_GHL_BASE_URL": addresses["ghl"],
            "RECONCILE_CALENDLY_BASE_URL": addresses["calendly"],
            "RECONCILE_WORKSPACE_LIMIT": str(wanted.workspaces),
            "RECONCILE_LEADS_PER_WORKSPACE": str(wanted.leads),
            "RECONCILE_OUTPUT": "json",
            **UNCAPPED,
        }
        # Each lead is looked up: lists would settle them with few calls to record.
        hold = (*CLI, "breaker", "hold", "provider:ghl/sweep", "--reason=benchmark")
        measured(hold, {**environment, "RECONCILE_DATABASE_URL": url})
        bench = _Bench(seeded=path, environment=environment)
        _, timed = bench.run("timed")
        assert timed["calls"] == timed["checked"] == leads, timed
        pairs = [(bench.run("off")[0], bench.run("on")[0]) for _ in range(wanted.rounds)]
    off, on = (min(each) for each in zip(*pairs, strict=True))  # other load only adds to it
    figures = {
        "leads": leads,
        "cpu_off_s": round(off, 3),
        "cpu_on_s": round(on, 3),
        "cpu_cost": round(on / off - 1, 4),
        "recorder_ms": round(1000 * timed["recorder_s"], 2),
        "recorder_share": round(timed["recorder_s"] / off, 4),
        "bytes_per_call": round(timed["bytes"] / timed["calls"], 1),
    }
    for name, value in figures.items():
        print(f"{name:16} {value:>10}")
    print(f"target: {_TARGET:.0%} of a run's CPU")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
