"""Wires the proposal of a mapping."""

from collections.abc import Sequence

from reconcile.bootstrap import SystemClock
from reconcile.domain.setup.draft import MappingProposal
from reconcile.domain.setup.proposal import propose_mapping
from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.errors import SettingsError
from reconcile.settings import Settings
from reconcile.store.doctor.check import check_schema
from reconcile.store.doctor.survey import survey
from reconcile.store.mapping.mapping import parse_mapping

_EXECUTE = "execute: "


async def require_empty_database(url: str) -> None:
    """Raise RequestError unless the PostgreSQL database at *url* has no table and no view."""
    from reconcile.store.schema.company import require_empty  # noqa: PLC0415

    await require_empty(url)


async def execute_script(url: str, script: str) -> None:
    """Execute *script* in one transaction of the PostgreSQL database at *url*."""
    from reconcile.store.schema.company import execute_script  # noqa: PLC0415

    await execute_script(url, script)


async def propose(settings: Settings) -> MappingProposal:
    """Return a mapping proposed from the catalog and from counts of values by shape."""
    return propose_mapping(await survey(settings.database_url))


async def check_text(settings: Settings, text: str, *, name: str) -> Sequence[Finding]:
    """Return what doctor finds of the database through the mapping *text*, which may not be in a file yet."""
    try:
        mapping = parse_mapping(text, name=name)
    except SettingsError as error:
        return [Finding(subject="mapping", verdict=FindingStatus.FAULT, text=fault) for fault in error.faults]
    return await check_schema(settings.database_url, mapping=mapping, now=SystemClock().now())


def views_script(proposal: MappingProposal) -> str | None:
    """Return the SQL of the views that are needed before a mapping can be proposed; None without any."""
    head = "-- Execute one of these, and run `reconcile init` again.\n"
    return head + "".join(f"{each};\n" for each in proposal.views) if proposal.views else None


async def database_script(settings: Settings, text: str, findings: Sequence[Finding]) -> str | None:
    """Return the SQL that prepares the database for the mapping *text*: roles, and the statements of *findings*.

    None if the mapping is not decided yet or does not match the tables.
    """
    from reconcile.store.doctor.grants_script import grants_script  # noqa: PLC0415
    from reconcile.store.mapping.mapping import parse_mapping  # noqa: PLC0415

    try:
        mapping = parse_mapping(text, name="the proposed mapping")
    except SettingsError:
        return None
    if any(each.subject == "mapping" and each.verdict is FindingStatus.FAULT for each in findings):
        return None
    script = await grants_script(settings.database_url, mapping)
    advised = [
        each.remedy.removeprefix(_EXECUTE)
        for each in findings
        if each.subject == "indexes" and each.remedy and each.remedy.startswith(_EXECUTE)
    ]
    head = "\n-- Indexes. CONCURRENTLY works outside of a transaction only: do not use psql --single-transaction.\n"
    return script + (head + "".join(f"{each};\n" for each in advised) if advised else "")
