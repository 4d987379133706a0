"""A company that commands can be tried on: its database in a file, both providers simulated in this process."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconcile import bootstrap
from reconcile.drill.company import enter
from reconcile.simulator import Simulator, World, WorldSize, simulate
from tests.cli import prefork
from tests.cli.command import ARGUMENTS, BASE, Done, run_anew, variables


@dataclass
class Shop:
    """What a test turns and looks at."""

    world: World
    simulator: Simulator
    env: dict[str, str]
    commands: prefork.Server
    prepare: str = ""
    """A module of the tests that each command imports first."""

    async def reconcile(self, *arguments: str, **settings: str) -> Done:
        """Run one command to its end; *settings* are variables without their prefix."""
        env = {**BASE, **self.env, **variables(settings)}
        code, out, err = await self.commands.run(arguments, env=env, prepare=self.prepare)
        return Done(code=code, out=out, err=err)

    async def reconcile_anew(self, *arguments: str, **settings: str) -> Done:
        """Run one command in a new Python, as its users do: where it matters how that starts."""
        env = {**BASE, **self.env, **variables(settings)}
        return await asyncio.to_thread(run_anew, arguments, env=env)

    async def unread(self, *arguments: str) -> tuple[int | None, str]:
        """Run one command whose stdout nobody reads any more; return its exit code and stderr."""
        reading, writing = os.pipe()
        os.close(reading)
        process = await asyncio.create_subprocess_exec(
            *ARGUMENTS, *arguments, env={**BASE, **self.env}, stdout=writing, stderr=asyncio.subprocess.PIPE
        )
        os.close(writing)
        _, err = await process.communicate()
        return process.returncode, err.decode()

    async def json(self, *arguments: str, **settings: str) -> Any:
        """Run one command that succeeds, and return its document."""
        done = await self.reconcile(*arguments, **settings)
        assert done.code == 0, done.err
        return done.json


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Give the log back as it was: a command configures it for its process."""
    logger = logging.getLogger("reconcile")
    before = logger.handlers[:], logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate, logger.level = before


@pytest.fixture(scope="session")
def commands() -> Iterator[prefork.Server]:
    """Give the process that commands are forked from."""
    with prefork.start() as server:
        yield server


@pytest.fixture
async def shop(tmp_path: Path, commands: prefork.Server) -> AsyncIterator[Shop]:
    """Give a company of two workspaces with five leads each, all due every minute."""
    world = World.generate(
        seed=3, now=lambda: datetime.now(UTC), size=WorldSize(workspaces=2, leads_per_workspace=5, calendly_share=0.0)
    )
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    await bootstrap.migrate_url(url)
    await enter(url, world)
    async with simulate(world) as simulator:
        env = {
            "RECONCILE_DATABASE_URL": url,
            "RECONCILE_GHL_BASE_URL": simulator.ghl_url,
            "RECONCILE_CALENDLY_BASE_URL": simulator.calendly_url,
            "RECONCILE_HOT_MINUTES": "0",
        }
        yield Shop(world=world, simulator=simulator, env=env, commands=commands)
