"""The walk of docs/adopt.md, typed literally: every command of the page in its order, on a company's own schema."""

import asyncio
import json
import os
import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from reconcile.simulator import World, simulate
from reconcile.simulator.generation.company_sql import fill_script, tables_script
from tests import samples
from tests.cli.command import BASE
from tests.schemas.journey import SIZE, execute
from tests.timeouts import HUNG

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adopt.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DATABASE = "export RECONCILE_DATABASE_URL="
BEFORE_MIGRATION = 78
"""How doctor exits before our tables exist; every other command of the page succeeds."""

pytestmark = pytest.mark.integration


def page_lines() -> list[str]:
    """Return the commands of the page in order, without their comments."""
    lines = [line for block in _BLOCK.findall(PAGE) for line in block.splitlines()]
    return [shlex.join(shlex.split(line, comments=True)) for line in lines]


def typed(line: str, *, url: str, workspace: str, lead: str) -> str:
    """Return what a reader types: the page's line, with the values in place of its examples."""
    if line.startswith(("export RECONCILE_DATABASE_URL", "export 'RECONCILE_DATABASE_URL")):
        return f"{_DATABASE}{shlex.quote(url)}"
    return line.replace("--workspace ID", f"--workspace {workspace}").replace("lead ID", f"lead {lead}")


@samples.WHOLE
async def test_each_command_of_the_page_does_what_it_says(postgres_url: str, tmp_path: Path) -> None:
    world = World.generate(seed=3, now=lambda: datetime.now(UTC), size=SIZE)
    filled = fill_script("prisma", workspaces=world.workspaces.values(), leads=world.leads, now=datetime.now(UTC))
    await execute(postgres_url, tables_script("prisma") + filled)
    connection = await asyncpg.connect(postgres_url)
    lead, workspace = await connection.fetchrow('SELECT "id", "workspaceId" FROM "Lead" ORDER BY 1')
    await connection.close()
    lines = [typed(line, url=postgres_url, workspace=workspace, lead=lead) for line in page_lines()]
    function = f'reconcile() {{ {shlex.quote(sys.executable)} -m reconcile_cli.main "$@"; }}'
    steps = [f'{line} >out.{n}; echo "$? $SECONDS" >code.{n}' for n, line in enumerate(lines)]
    async with simulate(world) as simulator:
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            "\n".join([function, *steps]),
            cwd=tmp_path,
            env={
                **BASE,
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT / 'cmd'}:{ROOT}",
                "RECONCILE_GHL_BASE_URL": simulator.ghl_url,
                "RECONCILE_CALENDLY_BASE_URL": simulator.calendly_url,
            },
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(HUNG):
            _, stderr = await process.communicate()
    ended = [(tmp_path / f"code.{n}").read_text().split() for n in range(len(lines))]
    for line, (code, seconds) in zip(lines, ended, strict=True):
        print(f"{int(seconds):4d} s  exit {code}  {line.partition('postgresql')[0]}")  # noqa: T201 - for the reader
    print(f"the walk took {int(ended[-1][1]) / 60:.1f} minutes, without reading")  # noqa: T201
    codes = [(line, int(code)) for line, (code, _) in zip(lines, ended, strict=True)]
    run, dry = lines.index("reconcile run"), lines.index("reconcile run --dry-run")

    assert [code for line, code in codes if line == "reconcile doctor"] == [BEFORE_MIGRATION, 0], stderr.decode()
    assert {code for line, code in codes if line != "reconcile doctor"} == {0}, (codes, stderr.decode())
    reports = [json.loads((tmp_path / f"out.{n}").read_text()) for n in (dry, run)]
    assert [each["errors"] for each in reports] == [0, 0]
    assert sum(reports[0]["changes"].values()) >= sum(reports[1]["changes"].values()) > 0
    assert "?" not in (tmp_path / "mapping.toml").read_text().partition("#")[0]
    assert "CREATE ROLE reconcile_run LOGIN;" in (tmp_path / "prepare.sql").read_text()
