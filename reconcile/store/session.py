"""Opens a database as the store's ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from reconcile.errors import SettingsError
from reconcile.ports import Store, TokenSource
from reconcile.store.backfill.backfills import SqlBackfills
from reconcile.store.coordination.alerts import SqlAlerts
from reconcile.store.coordination.breakers import SqlBreakers
from reconcile.store.coordination.cadences import SqlAppliedAnnotations, SqlCadences
from reconcile.store.coordination.database_clock import SqlDatabaseClock
from reconcile.store.coordination.day_quotas import SqlDayQuotas
from reconcile.store.coordination.leases import SqlLeases
from reconcile.store.coordination.outbox import SqlOutbox
from reconcile.store.coordination.rate_limits import SqlBudgets
from reconcile.store.db.address import VARIABLE
from reconcile.store.db.clock import check_clock
from reconcile.store.db.database import Database
from reconcile.store.leads.leads import SqlLeads
from reconcile.store.ledger.change_holds import SqlChangeHolds
from reconcile.store.ledger.ledger import SqlLedger
from reconcile.store.mapping.catalog import read_catalog
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.expression_check import expression_faults
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.mapping.mapping_check import fit_faults
from reconcile.store.schema.version import version_faults


@asynccontextmanager
async def open_store(
    database_url: str, *, mapping: SchemaMapping, tokens: TokenSource | None = None, now: datetime | None = None
) -> AsyncIterator[Store]:
    """Give the store of *database_url* through *mapping*; *now* is this machine's time, if it is to be written.

    Raises StoreUnavailable where the database is away or its clock another one, SettingsError where its schema is not
    what is needed.
    """
    async with open_domain(database_url, mapping, now=now) as (database, domain):
        yield Store(
            leads=SqlLeads(database, domain, tokens),
            leases=SqlLeases(database),
            breakers=SqlBreakers(database),
            budgets=SqlBudgets(database),
            day_quotas=SqlDayQuotas(database),
            ledger=SqlLedger(database, domain),
            outbox=SqlOutbox(database),
            cadences=SqlCadences(database),
            change_holds=SqlChangeHolds(database),
            applied_annotations=SqlAppliedAnnotations(database),
            alerts=SqlAlerts(database),
            backfills=SqlBackfills(database, domain, tokens),
            database_clock=SqlDatabaseClock(database),
            damaged_rows=database.damaged,
        )


@asynccontextmanager
async def open_domain(
    database_url: str, mapping: SchemaMapping, *, now: datetime | None = None
) -> AsyncIterator[tuple[Database, DomainTables]]:
    """Give the pool and the mapped tables, after a look at schema version and columns."""
    database = Database(database_url)
    if database.address.is_missing():
        raise SettingsError(
            [f"there is no file at {database.address.dsn}; correct {VARIABLE} or run `reconcile migrate`"]
        )
    try:
        async with database.read_connection() as connection:
            if now is not None:
                await check_clock(connection, now)
            faults = await version_faults(connection, mapping)
            catalog = {} if faults else await read_catalog(connection, mapping)
            faults = faults or fit_faults(mapping, catalog, dialect=database.dialect)
            if not faults:
                domain = DomainTables.of(mapping, catalog, dialect=database.dialect)
                faults = await expression_faults(connection, domain)
        if faults:
            raise SettingsError(faults)
        yield database, domain
    finally:
        await database.close()
