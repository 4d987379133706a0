"""The same small company on SQLite, whose file can be looked at whatever has been done to it."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import asyncpg

from tests.faults.company import SMALL, Scene, seed_world, settle_here
from tests.integration.processes import SECRET, Company, a_simulator
from tests.integration.receiver import a_receiver
from tests.postgres import Server

_HELD = "SELECT name FROM reconcile_lease WHERE expires_at > strftime('%Y-%m-%dT%H:%M:%f', 'now') ORDER BY name"


@dataclass
class File:
    """What a test asks of the file, each time over a connection of its own."""

    path: Path

    async def fetch(self, question: str) -> Sequence[sqlite3.Row]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(question).fetchall()

    async def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement)

    async def close(self) -> None:
        """There is nothing to close."""


class FileCompany(Company):
    """A company whose leases are told by SQLite's clock."""

    async def expire_leases(self) -> None:
        await self.database.execute("UPDATE reconcile_lease SET expires_at = '1970-01-01T00:00:00.000000+00:00'")

    async def held_leases(self) -> list[str]:
        return [row["name"] for row in await self.database.fetch(_HELD)]


@dataclass
class FileScene(Scene):
    """A file as a template."""

    folder: Path
    number: int = 0

    @asynccontextmanager
    async def company(self, **settings: str) -> AsyncIterator[Company]:
        self.number += 1
        path = self.folder / f"company-{self.number}.db"
        shutil.copy(self.template, path)
        async with a_receiver() as receiver:
            given = {
                "database_url": f"sqlite:///{path}",
                "ghl_base_url": self.simulator.ghl_url,
                "calendly_base_url": self.simulator.calendly_url,
                "webhook_url": receiver.url,
                "webhook_secret": SECRET,
                "follow_ups": "all",
                "run_min_changes": "10000",
                "hot_minutes": "0",
                "workspace_concurrency": "1",  # one writer at a time: the same writes in the same order in each run
                "lead_concurrency": "1",
                "output": "json",
                **settings,
            }
            yield FileCompany(
                url=given["database_url"],
                world=self.simulator.world,
                simulator=self.simulator,
                receiver=receiver,
                database=cast("asyncpg.Connection", File(path)),
                settings={f"RECONCILE_{name.upper()}": value for name, value in given.items()},
            )


@asynccontextmanager
async def a_file_scene(migrated: Path, folder: Path) -> AsyncIterator[FileScene]:
    """Make a company in a file as a template, and let a copy of it come to its end undisturbed."""
    template = folder / "template.db"
    shutil.copy(migrated, template)
    async with a_simulator(seed=1, size=SMALL) as simulator:
        await seed_world(f"sqlite:///{template}", simulator.world)
        given: dict[str, Any] = {"facts": {}, "changes": Counter()}
        scene = FileScene(server=Server(""), simulator=simulator, template=str(template), folder=folder, **given)
        async with scene.company() as peaceful:
            await settle_here(peaceful)
            scene.facts, scene.changes = await peaceful.facts(), Counter(await peaceful.changes())
        yield scene
