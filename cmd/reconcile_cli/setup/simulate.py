"""``reconcile simulate``: both providers as a local server, with a generated database."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from reconcile import bootstrap
from reconcile.domain.due import START_JITTER, DuePolicy
from reconcile.domain.formatting import span
from reconcile.drill.company import enter
from reconcile.errors import RequestError
from reconcile.simulator import Fault, FaultKind, FaultRefused, Simulator, World, WorldSize, incident, serve
from reconcile_cli.options import examples
from reconcile_cli.output import print_json

_DUE_AGAIN = DuePolicy().hot + START_JITTER


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
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Also create an SQLite database with the generated leads in this file.",
)
@examples("reconcile simulate --port 8090")
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
    fill: Path | None,
) -> None:
    """Serve both providers on this machine, with switchable faults, until Ctrl-C or SIGTERM.

    Faults are set at /_simulator/faults while it runs, and listed at /_simulator/kinds.
    """
    if fill and fill.exists():
        raise click.UsageError(f"{fill} exists; --fill needs the path of a new file")
    size = WorldSize(workspaces=workspaces, leads_per_workspace=leads, calendly_share=calendly_share)
    world = World.generate(seed=seed, now=lambda: datetime.now(UTC), size=size)
    if fill:
        asyncio.run(_fill(fill, world))
    served = serve(
        world,
        port=port,
        faults=(*(incident() if is_incident else ()), *faults),
        latency=timedelta(milliseconds=latency_ms),
        enforce_limits=limits,
        on_ready=lambda simulator: _announce(simulator, fill),
    )
    try:
        asyncio.run(served)
    except OSError as error:
        if fill:
            fill.unlink(missing_ok=True)
        raise RequestError(
            f"port {port} or the next cannot be opened ({error.strerror}); give another --port"
        ) from error


async def _fill(path: Path, world: World) -> None:
    url = f"sqlite:///{path}"
    await bootstrap.migrate_url(url)
    await enter(url, world)


def _announce(simulator: Simulator, fill: Path | None) -> None:
    """Print the address: lines to paste on a terminal, else one line of JSON."""
    variables = {"RECONCILE_GHL_BASE_URL": simulator.ghl_url, "RECONCILE_CALENDLY_BASE_URL": simulator.calendly_url}
    if fill:
        variables["RECONCILE_DATABASE_URL"] = f"sqlite:///{fill}"
    if not sys.stdout.isatty():
        print_json(variables)
    else:
        click.echo("".join(f"export {name}={value}\n" for name, value in variables.items()))
        switch = f"{simulator.ghl_url}/_simulator/faults"
        click.echo(f'break it   curl -d \'{{"preset": "incident"}}\' {switch}\nheal it    curl -X DELETE {switch}')
        click.echo(f"{' ' * 11}a lead that was checked is due again after {span(_DUE_AGAIN)} at the earliest")
    sys.stdout.flush()


def _number_or_text(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
