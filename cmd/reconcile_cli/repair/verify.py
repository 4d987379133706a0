"""``reconcile verify``: whether a rollout has fixed a failure."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from reconcile.bootstrap.verify import means_of
from reconcile.checklist import read_checklist, read_instant
from reconcile.domain.formatting import quoted
from reconcile.domain.verification.checklist import ClaimStep, FigureSource, StepResult, VerifiedStep, overall
from reconcile.domain.verification.claim import MIN_CHECKS, Claim, Expected, Rate, Ruling, RulingReason, RulingStatus
from reconcile.errors import QuestionError
from reconcile.services.verification.document import document, markdown
from reconcile.services.verification.verify import single, watch, work_through
from reconcile.settings import Settings
from reconcile.settings.cluster import Label
from reconcile_cli.main import ExitCode
from reconcile_cli.options import COMMON, DurationParam, KindParam, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.repair import verify_text

_CODES = {
    RulingStatus.PASS: ExitCode.DONE,
    RulingStatus.FAIL: ExitCode.FAILED,
    RulingStatus.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}
Value = TypeVar("Value")
_ALONE = ("signature", "expected", "max_error_rate", "min_checks", "logs", "cronjob", "wait", "every")


class Misuse(click.UsageError):
    """A wrong call of verify."""

    exit_code = ExitCode.QUESTION


class Command(click.Command):
    """Ends a wrong call with a code of its own: click's 2 is what an inconclusive ruling ends with."""

    def make_context(self, *arguments: Any, **facts: Any) -> click.Context:  # noqa: ANN401 - click's own
        try:
            return super().make_context(*arguments, **facts)
        except click.UsageError as error:
            raise Misuse(error.format_message(), ctx=error.ctx) from None


@click.command(cls=Command)
@click.option("--signature", metavar="TEXT", help="What the failure's message holds.")
@click.option("--gone", "expected", flag_value="gone", help="It must not have been seen since.")
@click.option("--present", "expected", flag_value="present", help="It must have been seen since.")
@click.option(
    "--since",
    metavar="TIME",
    help="When the rollout was done: an instant with its zone, or like 90m ago. Without it a log is judged whole.",
)
@click.option("--max-error-rate", metavar="N/UNIT", help="Maximum errors in any unit of time, like 5/min or 300/h.")
@click.option("--min-checks", type=click.IntRange(1), help="Checks that a verdict needs. [default: 5]")
@click.option("--logs", metavar="FILE", help="Read this exported log (- is stdin) instead of the ledger.")
@click.option("--cronjob", type=KindParam(Label()), metavar="NAME", help="Read the logs of this CronJob's pods.")
@click.option("--wait", type=DurationParam(), help="Repeat the check for this long; a failure ends it at once.")
@click.option("--every", type=DurationParam(), help="Interval of --wait. [default: 1m]")
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE", help="Evaluate this checklist.")
@click.option("--markdown", "is_markdown", is_flag=True, help="Print a list with ticked boxes.")
@with_settings((*COMMON, "namespace"))
@examples(
    'reconcile verify --since 2026-03-01T09:30Z --signature "missing provider id" --gone',
    "reconcile verify --since 90m --max-error-rate 5/min --logs exported.log",
)
def command(settings: Settings, *, since: str | None, plan: Path | None, is_markdown: bool, **options: Any) -> None:  # noqa: ANN401
    """Check whether a rollout has fixed a failure: pass, fail, or inconclusive where too little was exercised to know.

    Exit codes: 0 pass, 1 fail, 2 inconclusive, 64 invalid arguments, 66 a file cannot be read, 75 try again later,
    78 settings.
    """
    now = datetime.now(UTC)
    at = None if since is None else _read("--since", since, lambda text: read_instant(text, now=now))
    if plan is None:
        results = asyncio.run(_one(settings, _step(at, options), is_text=is_text(settings) and not is_markdown))
    else:
        given = [name for name in _ALONE if options[name] is not None]
        if given:
            raise QuestionError(f"the checklist of --plan contains the claims: leave out {_flag(given[0])}")
        results = asyncio.run(_many(settings, plan, at, now))
    _print(results, settings, is_markdown=is_markdown)
    if any(each.ruling.why is RulingReason.ENDED for each in results):
        raise click.exceptions.Exit(ExitCode.TERMINATED)
    raise click.exceptions.Exit(_CODES[overall(results)])


def _step(since: datetime | None, options: dict[str, Any]) -> ClaimStep:
    """Return the claim of the options; raise QuestionError."""
    if since is None and options["logs"] is None:
        raise QuestionError("--since is missing: when was the rollout done?")
    if (options["signature"] is None) is not (options["expected"] is None):
        raise QuestionError("--signature needs --gone or --present, and these need --signature")
    if options["signature"] is not None and not options["signature"].strip():
        raise QuestionError("--signature must not be empty: every message contains that")
    if options["logs"] is not None and options["cronjob"] is not None:
        raise QuestionError("--logs and --cronjob are two places to look at: give one")
    if options["logs"] is not None and options["wait"]:
        raise QuestionError("an exported log does not grow: remove --wait")
    if options["every"] is not None and not options["wait"]:
        raise QuestionError("--every needs --wait")
    rate = options["max_error_rate"]
    if options["signature"] is None and rate is None and options["min_checks"] is None:
        raise QuestionError("nothing is claimed: give --signature, --max-error-rate, --min-checks or --plan")
    if options["every"] is not None and options["every"] <= timedelta(0):
        raise QuestionError("--every must be above zero")
    signatures = [(options["signature"], Expected(options["expected"]))] if options["signature"] is not None else []
    claim = Claim(
        since=since,
        signatures=signatures,
        max_error_rate=None if rate is None else _read("--max-error-rate", rate, Rate.parse),
        min_checks=options["min_checks"] or MIN_CHECKS,
    )
    source = (
        FigureSource.LOGS
        if options["logs"] is not None
        else FigureSource.CRONJOB
        if options["cronjob"]
        else FigureSource.LEDGER
    )
    return ClaimStep(
        claim=claim,
        source=source,
        name=options["logs"] or options["cronjob"] or "",
        wait=options["wait"] or timedelta(0),
        every=options["every"] or timedelta(minutes=1),
    )


async def _one(settings: Settings, step: ClaimStep, *, is_text: bool) -> Sequence[StepResult]:
    def looked(ruling: Ruling) -> None:
        click.echo(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {ruling.word}: {ruling.text}", err=True)

    on_look = looked if is_text and step.wait else None
    async with means_of(settings, needs_store=step.source is FigureSource.LEDGER, on_look=on_look) as means:
        return [single(step.claim, await watch(step, means))]


async def _many(settings: Settings, plan: Path, since: datetime | None, now: datetime) -> Sequence[StepResult]:
    steps = read_checklist(plan, now=now, since=since)

    def asks_ledger(what: object) -> bool:
        return isinstance(what, VerifiedStep) or (isinstance(what, ClaimStep) and what.source is FigureSource.LEDGER)

    def report_step(number: int, result: StepResult) -> None:
        click.echo(f"{number}/{len(steps)} {result.ruling.word}: {result.title}", err=True)

    async with means_of(settings, needs_store=any(asks_ledger(each.what) for each in steps)) as means:
        return await work_through(steps, means, on_step=report_step if is_text(settings) else None)


def _print(results: Sequence[StepResult], settings: Settings, *, is_markdown: bool) -> None:
    if is_markdown:
        click.echo(markdown(results), nl=False)
    elif is_text(settings):
        verify_text.show(results)
    else:
        print_json(document(results))


def _read(flag: str, text: str, read: Callable[[str], Value]) -> Value:
    try:
        return read(text)
    except ValueError as error:
        raise QuestionError(f"{flag} {error}, not {quoted(text)}") from None


def _flag(name: str) -> str:
    return {"expected": "--gone and --present"}.get(name, f"--{name.replace('_', '-')}")
