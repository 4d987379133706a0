"""``reconcile job``: one-off Jobs for kubectl."""

import json
from collections.abc import Callable

import click

from reconcile.bootstrap import jobs
from reconcile.domain.shard import MOST
from reconcile.settings.cluster import Label, ObjectName
from reconcile_cli.options import Decorator, KindParam, examples

NAME = KindParam(Label())


@click.group()
def command() -> None:
    """Print one-off Jobs that kubectl applies."""


_OPTIONS: tuple[Decorator, ...] = (
    click.option("--name", type=NAME, required=True, metavar="NAME", help="Name of the Job."),
    click.option("--image", required=True, metavar="IMAGE", help="The image, with its tag or digest."),
    click.option(
        "--release", type=NAME, required=True, metavar="NAME", help="Helm release whose ConfigMap and account it gets."
    ),
    click.option("--namespace", type=NAME, metavar="NAME", help="Namespace. [default: kubectl's]"),
    click.option(
        "--shards", type=click.IntRange(1, MOST), default=1, show_default=True, help="Pods that share the workspaces."
    ),
    click.option("--parallelism", type=click.IntRange(1, MOST), help="Pods at the same time. [default: all]"),
    click.option(
        "--max-failed-shards", type=click.IntRange(0, MOST), help="End the Job after more than these. [default: never]"
    ),
    click.option(
        "--retries", type=click.IntRange(0, 20), default=2, show_default=True, help="Further attempts of each pod."
    ),
    click.option(
        "--deadline-seconds",
        type=click.IntRange(1, 604_800),
        default=3600,
        show_default=True,
        help="End it after this.",
    ),
    click.option("--service-account", type=NAME, metavar="NAME", help="Account of the pods. [default: the release's]"),
    click.option(
        "--state-object", type=KindParam(ObjectName()), metavar="KIND/NAME", help="Object that mirrors the breakers."
    ),
    click.option("--database-secret", type=NAME, metavar="NAME", help="Secret that holds the database's URL."),
    click.option("--database-key", default="url", show_default=True, metavar="KEY", help="Its key."),
    click.option("--credentials-secret", type=NAME, metavar="NAME", help="Secret of the providers' tokens."),
    click.option("--files", type=NAME, metavar="NAME", help="ConfigMap whose files the pods find in /files."),
    click.option("--memory", default="256Mi", show_default=True, metavar="QUANTITY", help="Memory of each pod."),
    click.option("--cpu", default="100m", show_default=True, metavar="QUANTITY", help="Processor share of each pod."),
    click.option(
        "--format",
        "form",
        type=click.Choice(["yaml", "json"]),
        default="yaml",
        show_default=True,
        help="How it is written.",
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

    Its pods are as the chart's: not root, without privileges, nothing writable but /tmp. With several shards each pod
    takes its own share of the workspaces, and one that fails for good lets the others go on.
    """
    job = jobs.job_manifest(command=arguments, **facts)
    click.echo(json.dumps(job, indent=2) if form == "json" else jobs.as_yaml(job).rstrip())
