"""A minimal entry point for benchmarks: a generated world; prints its addresses as JSON once it listens."""

import argparse
import asyncio
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import orjson

from reconcile.simulator.generation.scenarios import DEFAULT_MIX, Scenario
from reconcile.simulator.server import Simulator, serve
from reconcile.simulator.world import World, WorldSize


def main() -> None:
    """Serve a generated world until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m reconcile.simulator", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="GHL's port, Calendly's is the next; 0 takes free ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workspaces", type=int, default=2)
    parser.add_argument("--leads", type=int, default=10, help="leads per workspace")
    parser.add_argument("--calendly-share", type=float, default=0.5)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--anchor", type=datetime.fromisoformat, help="reference time of the generated data")
    parser.add_argument(
        "--scenario", type=Scenario, action="append", help="only leads with this scenario; may be repeated"
    )
    parser.add_argument("--no-limits", action="store_true", help="do not enforce the published request limits")
    wanted = parser.parse_args()
    anchor = wanted.anchor or datetime.now(UTC)
    world = World.generate(
        seed=wanted.seed,
        now=lambda: datetime.now(UTC),
        anchor=anchor,
        size=WorldSize(
            workspaces=wanted.workspaces,
            leads_per_workspace=wanted.leads,
            calendly_share=wanted.calendly_share,
            mix=dict.fromkeys(wanted.scenario, 1.0) if wanted.scenario else DEFAULT_MIX,
        ),
    )

    def announce(simulator: Simulator) -> None:
        line = {"ghl": simulator.ghl_url, "calendly": simulator.calendly_url, "anchor": anchor, "seed": wanted.seed}
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
        sys.stdout.flush()

    with suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                world,
                port=wanted.port,
                latency=timedelta(milliseconds=wanted.latency_ms),
                enforce_limits=not wanted.no_limits,
                on_ready=announce,
            )
        )


if __name__ == "__main__":
    main()
