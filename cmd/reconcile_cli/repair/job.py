"""``reconcile job``: one-off Jobs for kubectl."""

import json
from collections.abc import Callable

import click

from reconcile.bootstrap import jobs
from reconcile.domain.coordination.shard import MAX_SHARDS
from reconcile.settings.cluster import Label, ObjectName
from reconcile_cli.options import Decorator, KindParam, examples

NAME = KindParam(Label())


@click.group()
def command() -> None:
    """Print one-off Jobs for kubectl."""


_OPTIONS: tuple[Decorator, ...] = (
    click.option("--name", type=NAME, required=True, metavar="NAME", help="Name of the Job."),
    click.option("--image", required=True, metavar="IMAGE", help="The image, with its tag or digest."),
    click.option(
        "--release",
        type=NAME,
        required=True,
        metavar="NAME",
        help="Helm release whose ConfigMap and account the Job uses.",
    ),
    click.option("--namespace", type=NAME, metavar="NAME", help="Namespace. [default: kubectl's]"),
    click.option(
        "--shards",
        type=click.IntRange(1, MAX_SHARDS),
        default=1,
        show_default=True,
        help="Number of pods, each with a shard of the workspaces.",
    ),
    click.option("--parallelism", type=click.IntRange(1, MAX_SHARDS), help="Number of concurrent pods. [default: all]"),
    click.option(
        "--max-failed-shards",
        type=click.IntRange(0, MAX_SHARDS),
        help="Number of failed shards after which the Job ends. [default: unlimited]",
    ),
    click.option("--retries", type=click.IntRange(0, 20), default=2, show_default=True, help="Retries of each pod."),
    click.option(
        "--deadline-seconds",
        type=click.IntRange(1, 604_800),
        default=3600,
        show_default=True,
        help="Time limit of the Job.",
    ),
    click.option("--service-account", type=NAME, metavar="NAME", help="Account of the pods. [default: the release's]"),
    click.option(
        "--state-object", type=KindParam(ObjectName()), metavar="KIND/NAME", help="Object that mirrors the breakers."
    ),
    click.option("--database-secret", type=NAME, metavar="NAME", help="Secret with the database's URL."),
    click.option("--database-key", default="url", show_default=True, metavar="KEY", help="Its key."),
    click.option("--credentials-secret", type=NAME, metavar="NAME", help="Secret with the providers' tokens."),
    click.option("--files", type=NAME, metavar="NAME", help="ConfigMap that is mounted at /files."),
    click.option("--memory", default="256Mi", show_default=True, metavar="QUANTITY", help="Memory limit of each pod."),
    click.option("--cpu", default="100m", show_default=True, metavar="QUANTITY", help="CPU request of each pod."),
    click.option(
        "--format",
        "form",
        type=click.Choice(["yaml", "json"]),
        default="yaml",
        show_default=True,
        help="Format of the manifest.",
    ),
)


def job_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags that describe a Job."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@command.command(context_settings={"ignore_unknown_options": True})
@job_options
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND [ARGUMENTS]...", type=click.UNPROCESSED)
@examples("reconcile job manifest --name dry --image reconcile:1.0.0 --release rec -- run --dry-run")
def manifest(*, form: str, arguments: tuple[str, ...], **facts: object) -> None:
    """Print a Job that runs COMMAND.

    Its pods are those of the chart: not root, no privileges, only /tmp is writable. With several shards each pod takes
    its own shard of the workspaces, and a shard that fails permanently does not stop the others.
    """
    job = jobs.job_manifest(command=arguments, **facts)
    click.echo(json.dumps(job, indent=2) if form == "json" else jobs.as_yaml(job).rstrip())
