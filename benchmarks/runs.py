"""Whole runs as processes: by lists, by single look-ups with a provider's latency, and with nothing due."""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.process import UNCAPPED, Measured, measured
from reconcile import bootstrap
from reconcile.domain.ids import ProviderName
from reconcile.drill.company import lead_of, workspace_of
from reconcile.simulator import Scenario, World, WorldSize
from tests import postgres

SEED = 1
CLI = (sys.executable, "-m", "reconcile_cli.main")


@contextmanager
def simulator(size: WorldSize, *, anchor: datetime, latency_ms: float) -> Iterator[Mapping[str, str]]:
    """Serve a generated world of *size* from a separate process, so that its CPU is not counted."""
    command = [sys.executable, "-m", "reconcile.simulator", f"--seed={SEED}", f"--anchor={anchor.isoformat()}"]
    command += [
        f"--workspaces={size.workspaces}",
        f"--leads={size.leads_per_workspace}",
        f"--calendly-share={size.calendly_share}",
        *(f"--scenario={story}" for story in size.mix),
    ]
    process = subprocess.Popen([*command, f"--latency-ms={latency_ms}"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Give the URL of an empty database."""
    with ExitStack() as stack:
        if kind == "postgresql":
            server = stack.enter_context(postgres.find().start())
            yield server.create_database()
        else:
            folder = stack.enter_context(TemporaryDirectory(prefix="reconcile-bench-"))
            yield f"sqlite:///{Path(folder) / 'bench.db'}"


def seeded(url: str, size: WorldSize, *, anchor: datetime) -> None:
    """Store the world's leads with their true bookings, so that each needs one look-up and no change."""
    world = World.generate(seed=SEED, now=lambda: anchor, anchor=anchor, size=size)
    known = [replace(each, stored=each.truth) for each in world.leads]  # one look-up each, by the booking id
    asyncio.run(bootstrap.migrate_url(url))
    workspaces = [workspace_of(each) for each in world.workspaces.values()]
    asyncio.run(bootstrap.seed_url(url, workspaces=workspaces, leads=[lead_of(each) for each in known]))


def _run(kind: str, wanted: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure the first run, the next by lists, and one by look-ups alone: each finds all leads due."""
    size = WorldSize(
        workspaces=wanted.workspaces,
        leads_per_workspace=wanted.leads,
        calendly_share=1.0 if wanted.provider is ProviderName.CALENDLY else 0.0,
        mix={Scenario.CONFIRMED: 1},
    )
    anchor = datetime.now(UTC)
    with database(kind) as url, simulator(size, anchor=anchor, latency_ms=wanted.latency_ms) as addresses:
        seeded(url, size, anchor=anchor)
        environment = {
            "RECONCILE_DATABASE_URL": url,
            "RECONCILE_GHL_BASE_URL": addresses["ghl"],
            "RECONCILE_CALENDLY_BASE_URL": addresses["calendly"],
            "RECONCILE_WORKSPACE_LIMIT": str(wanted.workspaces),
            "RECONCILE_LEADS_PER_WORKSPACE": str(wanted.leads),
            "RECONCILE_WORKSPACE_CONCURRENCY": str(wanted.workspace_concurrency),
            "RECONCILE_LEAD_CONCURRENCY": str(wanted.lead_concurrency),
            "RECONCILE_HOT_MINUTES": "0",
            "RECONCILE_OUTPUT": "json",
            **UNCAPPED,
        }
        first = measured((*CLI, "run"), environment)
        listed = measured((*CLI, "run"), environment)
        measured((*CLI, "breaker", "hold", f"provider:{wanted.provider}/sweep", "--reason=benchmark"), environment)
        looked_up = measured((*CLI, "run"), environment)
        idle = measured((*CLI, "run"), {**environment, "RECONCILE_HOT_MINUTES": "60"})
    beside = {"idle_ms": round(1000 * idle.wall), "idle_rss_mb": round(idle.peak_rss_mb)}
    runs = {"lists, first": first, "lists": listed, "look-ups": looked_up}
    return [_figures(kind, by, run, wanted) | beside for by, run in runs.items()]


def _figures(kind: str, by: str, run: Measured, wanted: argparse.Namespace) -> dict[str, Any]:
    report = json.loads(run.output.splitlines()[-1])
    checked = report["leadsChecked"] + report["skipped"]
    return {
        "database": kind,
        "provider": wanted.provider,
        "by": by,
        "workspaces": wanted.workspaces,
        "leads": wanted.workspaces * wanted.leads,
        "leads_done": checked,
        "wall_s": round(run.wall, 2),
        "leads_per_s": round(checked / run.wall),
        "cpu_ms_per_lead": round(1000 * run.cpu / max(1, checked), 3),
        "peak_rss_mb": round(run.peak_rss_mb),
        "calls_per_lead": round(report["providerCalls"] / max(1, checked), 3),
        "changed": report["updated"],
        "errors": report["errors"],
        "deferred": report["deferred"],
    }


def main() -> None:
    """Print a table, and as the last line JSON with the first column and the others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runs", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=100)
    parser.add_argument(
        "--provider", type=ProviderName, choices=list(ProviderName), default=ProviderName.HIGHLEVEL, metavar="NAME"
    )
    parser.add_argument("--leads", type=int, default=50, help="leads per workspace")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--workspace-concurrency", type=int, default=16)
    parser.add_argument("--lead-concurrency", type=int, default=8)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    wanted = parser.parse_args()
    results = [each for kind in wanted.database or ("postgresql", "sqlite") for each in _run(kind, wanted)]
    names = list(results[0])
    for name in names:
        print(f"{name:18}", *(f"{result[name]:>12}" for result in results))
    print(json.dumps({**results[0], "others": results[1:]}))


if __name__ == "__main__":
    main()
