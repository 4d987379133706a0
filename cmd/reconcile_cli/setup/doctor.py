"""``reconcile doctor``: check the environment and print remedies."""

import asyncio

import click

from reconcile import bootstrap
from reconcile.domain.views.finding import FindingStatus, worst
from reconcile.settings import Settings
from reconcile_cli.main import ExitCode
from reconcile_cli.options import EVERYTHING, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.setup import doctor_text

_CODES = {FindingStatus.AWAY: ExitCode.TEMPORARY, FindingStatus.FAULT: ExitCode.SETTINGS}


@click.command()
@with_settings(EVERYTHING)
@examples("reconcile doctor")
def command(settings: Settings) -> None:
    """Check settings, database, schema, mapping, credentials, clock, webhook and Kubernetes rights, and print remedies.

    Exits with 0 if a run can start, 78 if something has to be fixed first, 75 if the database does not respond.
    """
    findings = asyncio.run(bootstrap.doctor(settings))
    if is_text(settings):
        doctor_text.show(findings)
    else:
        print_json({"verdict": worst(findings), "findings": findings})
    click.get_current_context().exit(_CODES.get(worst(findings), ExitCode.DONE))
