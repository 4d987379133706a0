"""Checks a live database for ``reconcile doctor``: faults that fail a run, and unexpected settings."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.views.finding import Finding, FindingStatus, worst
from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.store.db import clock
from reconcile.store.db.database import Database
from reconcile.store.db.read_only import file_obstacles, server_obstacles
from reconcile.store.doctor.contents import row_counts, sample_leads, status_counts
from reconcile.store.doctor.grants import command_rights, missing_grants
from reconcile.store.doctor.indexes import index_advice
from reconcile.store.doctor.own_rows import damaged_rows
from reconcile.store.doctor.row_access import access_findings
from reconcile.store.doctor.run_statements import refused_statements
from reconcile.store.doctor.unique_keys import key_findings
from reconcile.store.doctor.values import unreadable_values
from reconcile.store.mapping.catalog import read_catalog
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.expression_check import expression_faults
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.mapping.mapping_check import fit_faults
from reconcile.store.schema.recorded_mapping import other_mapping_warning, recorded_mapping
from reconcile.store.schema.version import unknown_versions, version_faults, versions

CLOCK_TOLERANCE = timedelta(seconds=2)
"""The largest difference of clocks without a warning; beyond it, times in logs and tables no longer match."""


async def check_schema(database_url: str, *, mapping: SchemaMapping, now: datetime) -> Sequence[Finding]:
    """Return the findings on the database at *database_url*; *now* is this machine's time."""
    try:
        database = Database(database_url)
    except SettingsError as error:
        return [_finding("database", FindingStatus.FAULT, fault) for fault in error.faults]
    try:
        if faults := _file_faults(database):
            return [_finding("database", FindingStatus.FAULT, each) for each in faults]
        async with database.read_connection() as connection:
            findings = await _findings(connection, mapping, now)
        if any(each.verdict is FindingStatus.FAULT for each in findings):
            return findings
        return [
            *findings,
            *(_finding("own rows", FindingStatus.WARNING, each) for each in await damaged_rows(database)),
        ]
    except StoreUnavailable as error:
        return [_finding("database", FindingStatus.AWAY, f"{error}; check that it runs and is reachable")]
    except SettingsError as error:
        return [_finding("database", FindingStatus.FAULT, fault) for fault in error.faults]
    finally:
        await database.close()


def _file_faults(database: Database) -> Sequence[str]:
    if database.is_postgresql:
        return []
    path = database.address.dsn
    if database.address.is_missing():
        return [f"there is no file at {path}; run `reconcile migrate`, or correct the path"]
    return [str(each) for each in file_obstacles(path)]


async def _findings(connection: AsyncConnection, mapping: SchemaMapping, now: datetime) -> Sequence[Finding]:
    findings = [await _server(connection, now)]
    findings += [_finding("database", FindingStatus.FAULT, str(each)) for each in await server_obstacles(connection)]
    unfit = await version_faults(connection, mapping)
    findings += [_finding("schema", FindingStatus.FAULT, each) for each in unfit]
    if not unfit:
        later = unknown_versions(await versions(connection))
        fine = f"the reconcile_ tables are of a later version, {', '.join(later)}, which this version can use"
        findings.append(
            _finding("schema", FindingStatus.FINE, fine if later else "the reconcile_ tables are those of this version")
        )
    if unfit and mapping.is_ours:
        return findings
    catalog = await read_catalog(connection, mapping)
    faults = list(fit_faults(mapping, catalog, dialect=connection.dialect.name))
    if not faults:
        domain = DomainTables.of(mapping, catalog, dialect=connection.dialect.name)
        faults = list(await expression_faults(connection, domain, with_ours=not unfit))
    findings += [_finding("mapping", FindingStatus.FAULT, each) for each in faults]
    if faults:
        return findings
    findings.append(_finding("mapping", FindingStatus.FINE, f"{mapping.name} matches the tables"))
    findings += [_finding("mapping", FindingStatus.WARNING, each) for each in _mapping_warnings(mapping)]
    if not unfit and (other := other_mapping_warning(await recorded_mapping(connection), mapping)):
        findings.append(_finding("mapping", FindingStatus.WARNING, other))
    grants = await missing_grants(connection, mapping, with_ours=not unfit)
    findings += [_finding("grants", FindingStatus.FAULT, each) for each in grants]
    if not grants and not unfit:
        rights = await command_rights(connection, mapping)
        findings += [_finding("grants", FindingStatus.FINE, each) for each in rights]
    if not grants:
        findings += await _of_tables(connection, domain, with_ours=not unfit)
    findings += [_finding("indexes", FindingStatus.WARNING, each) for each in await index_advice(connection, mapping)]
    return findings


async def _of_tables(connection: AsyncConnection, domain: DomainTables, *, with_ours: bool) -> Sequence[Finding]:
    """Return the findings on the mapped tables and their rows, which this role may read."""
    findings = [_finding("access", *each) for each in await access_findings(connection, domain.mapping)]
    findings += [_finding("keys", *each) for each in await key_findings(connection, domain)]
    if with_ours and worst(findings) is not FindingStatus.FAULT:
        refused = await refused_statements(connection, domain)
        findings += [_finding("access", FindingStatus.FAULT, each) for each in refused]
    unread = await unreadable_values(connection, domain)
    findings += [_finding("values", FindingStatus.WARNING, each) for each in unread]
    findings.append(_finding("contents", *await row_counts(connection, domain)))
    findings += [_finding("statuses", *each) for each in await status_counts(connection, domain)]
    findings += [_finding("samples", *each) for each in await sample_leads(connection, domain)]
    return findings


async def _server(connection: AsyncConnection, now: datetime) -> Finding:
    theirs: datetime = (await connection.execute(select(clock.now(connection.dialect.name)))).scalar_one()
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    skew = theirs - now
    if abs(skew) > CLOCK_TOLERANCE:
        direction = "ahead of" if skew > timedelta(0) else "behind"
        apart = f"the database's clock is {abs(skew).total_seconds():.0f} s {direction} this machine's"
        return _finding("clock", FindingStatus.WARNING, f"{apart}; synchronize both clocks")
    return _finding(
        "database", FindingStatus.FINE, f"{connection.dialect.name} {version} responds, and the clocks agree"
    )


def _mapping_warnings(mapping: SchemaMapping) -> Iterator[str]:
    lead = mapping.lead.sources
    if "in_sequence" not in lead and "last_inbound_at" not in lead and "booking_id" not in lead:
        yield (
            "no lead will ever be due: [lead.columns] names neither in_sequence nor last_inbound_at nor booking_id; "
            "name at least one of them"
        )
    if "email" not in lead and "contact_id" not in lead and "booking_id" not in lead:
        yield (
            "no lead can be looked up: [lead.columns] names neither email nor contact_id nor booking_id; "
            "name at least one of them"
        )
    if "status" in lead and not mapping.lead_words.keep:
        yield "a booking may replace every status; list the exceptions in keep of [lead.status]"


def _finding(subject: str, verdict: FindingStatus, sentence: str) -> Finding:
    """Split a sentence at its last semicolon into fault and remedy."""
    text, separator, remedy = sentence.rpartition("; ")
    if not separator:
        return Finding(subject=subject, verdict=verdict, text=sentence)
    return Finding(subject=subject, verdict=verdict, text=text, remedy=remedy)
