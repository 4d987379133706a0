"""``reconcile init``: propose a mapping for an existing database."""

import asyncio
import sys
from pathlib import Path

import click

from reconcile.bootstrap import setup
from reconcile.domain.setup.draft import UNDECIDED, MappingProposal
from reconcile.domain.setup.mapping_text import mapping_text
from reconcile.domain.views.finding import FindingStatus, worst
from reconcile.errors import RequestError
from reconcile.settings import Settings
from reconcile_cli.main import ExitCode
from reconcile_cli.options import examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.setup import init_text


@click.command(name="init")
@click.option(
    "--write",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the mapping to this new file instead of printing it.",
)
@click.option(
    "--sql",
    "script_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the SQL that prepares the database to this new file: a role for each command, policies, indexes; or "
    "a view, if the mapping needs one first.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: what is not sure stays undecided.")
@with_settings(("database_url", "log_level", "log_format", "output"))
@examples("reconcile init --write mapping.toml")
def command(settings: Settings, *, path: Path | None, script_path: Path | None, yes: bool) -> None:
    """Propose a mapping for an existing PostgreSQL database, from its catalog and from counts of values by shape.

    Nothing is changed. On a terminal, what is not sure is asked. A choice that stays undecided is written as ?, and no
    run starts before somebody has decided. Ends with doctor's findings and the next three commands.
    """
    for each in (path, script_path):
        if each is not None and each.exists():
            raise RequestError(f"{each} exists; give the path of a new file")
    proposal = asyncio.run(setup.propose(settings))
    is_asked = not yes and is_text(settings) and sys.stdin.isatty() and sys.stdout.isatty()
    text = mapping_text(proposal, answers=_answers(proposal) if is_asked else {})
    path = path if proposal.choices else None
    if path is not None:
        path.write_text(text, encoding="utf-8")
    name = str(path) if path else "the proposed mapping"
    findings = asyncio.run(setup.check_text(settings, text, name=name)) if proposal.choices else []
    script = setup.views_script(proposal) or asyncio.run(setup.database_script(settings, text, findings))
    if script_path is not None and script:
        script_path.write_text(script, encoding="utf-8")
    if is_text(settings):
        init_text.show(text, proposal, findings, path=path)
        if script_path is None:
            click.echo("\nreconcile init --sql FILE writes the SQL for roles, grants and indexes")
        else:
            click.echo(
                f"\nwrote {script_path}" if script else f"\n{script_path} is not written before nothing is undecided"
            )
    else:
        print_json(
            {
                "mapping": text,
                "undecided": [f"[{each.section}] {each.key}" for each in proposal.undecided],
                "obstacles": list(proposal.obstacles),
                "views": list(proposal.views),
                "findings": findings,
                "sql": script,
            }
        )
    is_unfit = not proposal.choices or (worst(findings) is FindingStatus.FAULT and bool(proposal.undecided))
    click.get_current_context().exit(ExitCode.SETTINGS if is_unfit else ExitCode.DONE)


def _answers(proposal: MappingProposal) -> dict[tuple[str, str], str]:
    """Ask what is undecided; the default leaves it so."""
    found = {}
    for each in proposal.undecided:
        question = f"[{each.section}] {each.key}: {each.reason}"
        answer = click.prompt(question, default=UNDECIDED, show_default=False, prompt_suffix=" (Enter: decide later) ")
        if answer != UNDECIDED:
            found[each.section, each.key] = str(answer)
    return found
