"""``reconcile doctor``: what is wrong with the surroundings, and what to do."""

import asyncio

import click

from reconcile import bootstrap
from reconcile.domain.finding import FindingStatus, worst
from reconcile.settings import Settings
from reconcile_cli.main import ExitCode
from reconcile_cli.options import EVERYTHING, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.text import doctor as text

_CODES = {FindingStatus.AWAY: ExitCode.TEMPORARY, FindingStatus.FAULT: ExitCode.SETTINGS}


@click.command()
@with_settings(EVERYTHING)
@examples("reconcile doctor")
def command(settings: Settings) -> None:
    """Check settings, database, schema, mapping, credentials, clock, webhook and rights in Kubernetes; say what to do.

    Exits with 0 if a run can be made, 78 if something has to be put right first, 75 if the database does not answer.
    """
    findings = asyncio.run(bootstrap.doctor(settings))
    if is_text(settings):
        text.show(findings)
    else:
        print_json({"verdict": worst(findings), "findings": findings})
    click.get_current_context().exit(_CODES.get(worst(findings), ExitCode.DONE))
