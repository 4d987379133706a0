"""Prints a proposed mapping, what is open, and what comes next."""

from collections.abc import Sequence
from pathlib import Path

import click

from reconcile.domain.setup.draft import MappingProposal
from reconcile.domain.views.finding import Finding
from reconcile_cli.setup import doctor_text


def show(text: str, proposal: MappingProposal, findings: Sequence[Finding], *, path: Path | None) -> None:
    """Print the mapping unless it is in the file *path*, doctor's findings, and the next commands."""
    if path is None:
        click.echo(text)
    else:
        click.echo(f"wrote {path}: {len(proposal.choices)} choices, {len(proposal.undecided)} undecided")
    for each in proposal.obstacles:
        click.echo(f"cannot be mapped: {each}")
    for each in proposal.views:
        click.echo(f"\n{each};")
    if not proposal.choices:
        return
    if findings:
        doctor_text.show(findings)
    where = path or "FILE"
    click.echo(
        f"\nnext:\n  export RECONCILE_SCHEMA_MAPPING={where}\n  reconcile migrate && reconcile doctor\n"
        "  reconcile run --dry-run"
    )
