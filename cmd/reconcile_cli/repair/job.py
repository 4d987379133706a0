"""``reconcile job``: one-off Jobs for kubectl."""

import json
from collections.abc import Callable
from typing import Any

import click

from reconcile.bootstrap import jobs
from reconcile.domain.coordination.shard import MAX_SHARDS
from reconcile.errors import RequestError
from reconcile.settings.cluster import Label
from reconcile_cli.options import Decorator, KindParam, examples

NAME = KindParam(Label())


@click.group()
def command() -> None:
    """Print one-off Jobs for kubectl."""


_OPTIONS: tuple[Decorator, ...] = (
    click.option("--name", type=NAME, required=True, metavar="NAME", help="Name of the Job."),
    click.option(
        "--release",
        type=NAME,
        metavar="NAME",
        help="The release's CronJob, whose pod the Job gets; read with the rights of kubectl's user.",
    ),
    click.option(
        "--from-cronjob",
        "cronjob_file",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        metavar="FILE",
        help="Read that CronJob from a file, YAML or JSON, instead of the cluster; - is stdin.",
    ),
    click.option("--namespace", type=NAME, metavar="NAME", help="Namespace of both. [default: kubectl's]"),
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
    click.option("--service-account", type=NAME, metavar="NAME", help="Account of the pods. [default: the CronJob's]"),
    click.option("--files", type=NAME, metavar="NAME", help="ConfigMap that is mounted at /files."),
    click.option("--memory", metavar="QUANTITY", help="Memory limit of each pod. [default: the CronJob's]"),
    click.option("--cpu", metavar="QUANTITY", help="CPU request of each pod. [default: the CronJob's]"),
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


def print_job(
    arguments: tuple[str, ...],
    *,
    release: str | None,
    cronjob_file: str | None,
    form: str,
    **facts: object,
) -> None:
    """Print a Job that runs *arguments* in the pod of the CronJob that was named or given."""
    if (release is None) == (cronjob_file is None):
        raise RequestError("name the release's CronJob with --release, or give it with --from-cronjob")
    if release is not None:
        namespace = facts["namespace"]
        cronjob = jobs.release_cronjob(release=release, namespace=namespace if isinstance(namespace, str) else None)
    elif cronjob_file is not None:
        with click.open_file(cronjob_file, "rb") as file:
            cronjob = jobs.cronjob_of(file.read())
    job = jobs.job_manifest(cronjob, command=arguments, **facts)
    click.echo(json.dumps(job, indent=2) if form == "json" else jobs.as_yaml(job).rstrip())


@command.command(context_settings={"ignore_unknown_options": True})
@job_options
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND [ARGUMENTS]...", type=click.UNPROCESSED)
@examples(
    "reconcile job manifest --name dry --release rec -- run --dry-run",
    "reconcile job manifest --name dry --from-cronjob - -- run --dry-run",
)
def manifest(*, arguments: tuple[str, ...], **facts: Any) -> None:  # noqa: ANN401
    """Print a Job that runs COMMAND.

    Its pods are those of the release's CronJob: image, settings, Secrets, placement, limits, account. With several
    shards each pod takes its own shard of the workspaces, and a shard that fails permanently does not stop the others.
    """
    print_job(arguments, **facts)
