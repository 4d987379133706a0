"""Whole commands on companies' schemas, each under exactly the role that the script of ``init --sql`` gives it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from reconcile.simulator import World, simulate
from reconcile.simulator.generation.company_sql import fill_script, tables_script
from reconcile.store.doctor.grants_script import ROLES, grants_script
from tests import postgres, samples
from tests.cli import prefork
from tests.cli.command import BASE, Done, variables
from tests.schemas.journey import MAPPINGS, SIZE, execute, written_mapping

pytestmark = pytest.mark.integration


@dataclass
class Roles:
    """A company on PostgreSQL, and how each command connects to it."""

    urls: dict[str, str]
    settings: dict[str, str]
    commands: prefork.Server

    async def json(self, command: str, *arguments: str) -> Any:
        """Run one command under its role, assert that it succeeds, and return its document."""
        env = {**BASE, **variables({**self.settings, "database_url": self.urls[command]})}
        code, out, err = await self.commands.run((command, *arguments), env=env, prepare="")
        assert code == 0, (command, out, err)
        return Done(code=code, out=out, err=err).json


OpenRoles = Callable[[str], Any]


@pytest.fixture
async def roles(
    request: pytest.FixtureRequest, postgres_server: postgres.Server, commands: prefork.Server
) -> AsyncIterator[Roles]:
    """Give a company with the schema of that name, whose owner has executed the script of roles."""
    schema: str = request.param
    url = postgres_server.create_database()
    world = World.generate(seed=3, now=lambda: datetime.now(UTC), size=SIZE)
    filled = fill_script(schema, workspaces=world.workspaces.values(), leads=world.leads, now=datetime.now(UTC))
    await execute(url, tables_script(schema) + filled)
    script, names = await grants_script(url, written_mapping(schema)), {}
    for command, role in ROLES.items():
        names[command] = f"{role}_{url[-12:]}"
        script = script.replace(role, names[command])
    await execute(url, script)
    async with simulate(world) as simulator:
        yield Roles(
            urls={command: url.replace("reconcile@", f"{name}@") for command, name in names.items()},
            settings={
                "schema_mapping": str(MAPPINGS / f"{schema}.toml"),
                "ghl_base_url": simulator.ghl_url,
                "calendly_base_url": simulator.calendly_url,
                "hot_minutes": "0",
                "output": "json",
            },
            commands=commands,
        )
    for name in reversed(names.values()):
        await execute(url, f"DROP OWNED BY {name}; DROP ROLE {name}")
    postgres_server.drop_database(url)


@samples.cells(1)
@pytest.mark.parametrize("roles", ["snake", "prisma", "booleans", "policies"], indirect=True)
async def test_each_command_does_its_whole_work_under_its_own_role(roles: Roles) -> None:
    await roles.json("migrate")
    ran = await roles.json("run")
    undone = await roles.json("undo", "--run", ran["runId"])
    planned = await roles.json("backfill", "plan", "--stale-booked", "0s", "--name", "again")
    applied = await roles.json("backfill", "apply", "again", "--approve", planned["hash"])
    pruned = await roles.json("prune", "--older-than", "1d")

    assert ran["errors"] == 0
    assert len(undone["reverted"]) == sum(ran["changes"].values()) > 0
    assert undone["left"] == []
    assert applied["undo"] is not None
    assert pruned
