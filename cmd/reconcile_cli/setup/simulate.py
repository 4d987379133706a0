"""``reconcile simulate``: both providers as a local server, with a generated database."""

import asyncio
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from reconcile import bootstrap
from reconcile.bootstrap.setup import require_empty_database
from reconcile.domain.due import START_JITTER, DuePolicy
from reconcile.domain.formatting import span
from reconcile.drill.company import enter, enter_schema
from reconcile.errors import RequestError
from reconcile.settings.kinds import DatabaseUrl
from reconcile.simulator import Fault, FaultKind, FaultRefused, Simulator, World, WorldSize, incident, serve
from reconcile.simulator.generation.company_sql import company_schemas
from reconcile_cli.options import examples
from reconcile_cli.output import print_json

_DUE_AGAIN = DuePolicy().hot + START_JITTER


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTarget:
    """The database that is filled; *path* is the file of an SQLite one."""

    url: str
    path: Path | None = None


class TargetParam(click.ParamType[FillTarget]):
    """Parses the path of a file, or the URL of a PostgreSQL database."""

    name = "target"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> FillTarget:
        if isinstance(value, FillTarget):
            return value
        text = str(value)
        if not text.startswith(("postgresql:", "postgres:")):
            if not text.strip() or Path(text).is_dir():
                self.fail("must be the path of a new file, or postgresql://…", param, ctx)
            return FillTarget(url=f"sqlite:///{text}", path=Path(text))
        try:
            return FillTarget(url=DatabaseUrl().read(text))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class FaultParam(click.ParamType[Fault]):
    """Parses KIND or KIND=VALUE."""

    name = "fault"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fault:
        if isinstance(value, Fault):
            return value
        kind, equals, text = str(value).partition("=")
        if kind not in set(FaultKind):
            self.fail(f"{kind!a} is not a fault; known faults: {', '.join(FaultKind)}", param, ctx)
        try:
            return Fault(kind=FaultKind(kind), value=_number_or_text(text) if equals else None)
        except FaultRefused as error:
            self.fail(str(error), param, ctx)


@click.command(context_settings={"show_default": True})
@click.option(
    "--port", type=click.IntRange(0, 65534), default=8700, help="GHL's port; Calendly's is the next. 0: any free ports."
)
@click.option("--workspaces", type=click.IntRange(1, 10_000), default=2, help="Number of generated workspaces.")
@click.option("--leads", type=click.IntRange(1, 100_000), default=10, help="Number of leads in each workspace.")
@click.option(
    "--calendly-share", type=click.FloatRange(0, 1), default=0.5, help="Share of leads with bookings at Calendly."
)
@click.option("--seed", type=int, default=1, help="Seed of the generated data.")
@click.option("--latency-ms", type=click.FloatRange(0, 60_000), default=0, help="Latency of each response.")
@click.option("--limits/--no-limits", default=True, help="Enforce the published request limits.")
@click.option("--incident", "is_incident", is_flag=True, help="Start with the incident: all GHL records lack their id.")
@click.option(
    "--fault", "faults", type=FaultParam(), multiple=True, metavar="KIND[=VALUE]", help="Start with this fault."
)
@click.option(
    "--fill",
    type=TargetParam(),
    metavar="PATH|URL",
    help="Also create a database with the generated leads: an SQLite file, or an empty one at postgresql://…",
)
@click.option(
    "--schema",
    type=click.Choice(company_schemas()),
    help="With --fill postgresql://…: the schema of the company's tables. [default: our own]",
)
@examples(
    "reconcile simulate --port 8090",
    "reconcile simulate --fill postgresql://localhost/company --schema prisma",
)
def command(
    *,
    port: int,
    workspaces: int,
    leads: int,
    calendly_share: float,
    seed: int,
    latency_ms: float,
    limits: bool,
    is_incident: bool,
    faults: tuple[Fault, ...],
    fill: FillTarget | None,
    schema: str | None,
) -> None:
    """Serve both providers on this machine, with switchable faults, until Ctrl-C or SIGTERM.

    Faults are set at /_simulator/faults while it runs, and listed at /_simulator/kinds.
    """
    if schema is not None and (fill is None or fill.path is not None):
        raise click.UsageError("--schema needs --fill postgresql://…; an SQLite file has our own tables")
    if fill and fill.path and fill.path.exists():
        raise click.UsageError(f"{fill.path} exists; --fill needs the path of a new file")
    size = WorldSize(workspaces=workspaces, leads_per_workspace=leads, calendly_share=calendly_share)
    world = World.generate(seed=seed, now=lambda: datetime.now(UTC), size=size)
    if fill:
        _require_free_ports(port)
        asyncio.run(_fill(fill, world, schema=schema))
    served = serve(
        world,
        port=port,
        faults=(*(incident() if is_incident else ()), *faults),
        latency=timedelta(milliseconds=latency_ms),
        enforce_limits=limits,
        on_ready=lambda simulator: _announce(simulator, fill, schema=schema),
    )
    try:
        asyncio.run(served)
    except OSError as error:
        raise _port_fault(port, error) from error


def _require_free_ports(port: int) -> None:
    """Raise RequestError if the server could not be started after the database was filled."""
    for each in {port, port + 1} if port else ():
        try:
            socket.create_server(("127.0.0.1", each)).close()
        except OSError as error:
            raise _port_fault(port, error) from error


def _port_fault(port: int, error: OSError) -> RequestError:
    return RequestError(f"port {port} or the next cannot be opened ({error.strerror}); give another --port")


async def _fill(target: FillTarget, world: World, *, schema: str | None) -> None:
    if target.path is None:
        await require_empty_database(target.url)
    if schema is not None:
        await enter_schema(target.url, world, schema=schema, now=datetime.now(UTC))
        return
    await bootstrap.migrate_url(target.url)
    await enter(target.url, world)


def _announce(simulator: Simulator, fill: FillTarget | None, *, schema: str | None) -> None:
    """Print the address: lines to paste on a terminal, else one line of JSON."""
    variables = {"RECONCILE_GHL_BASE_URL": simulator.ghl_url, "RECONCILE_CALENDLY_BASE_URL": simulator.calendly_url}
    if fill:
        variables["RECONCILE_DATABASE_URL"] = fill.url
    if not sys.stdout.isatty():
        print_json(variables)
    else:
        click.echo("".join(f"export {name}={value}\n" for name, value in variables.items()))
        if schema is not None:
            click.echo("map it     reconcile init --write mapping.toml")
        switch = f"{simulator.ghl_url}/_simulator/faults"
        click.echo(f'break it   curl -d \'{{"preset": "incident"}}\' {switch}\nheal it    curl -X DELETE {switch}')
        click.echo(f"{' ' * 11}a lead that was checked is due again after {span(_DUE_AGAIN)} at the earliest")
    sys.stdout.flush()


def _number_or_text(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
