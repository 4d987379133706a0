"""Alembic's entry: migrates over the connection that it is handed, in that connection's transaction."""

from alembic import context

from reconcile.store.schema.tables import metadata
from reconcile.store.schema.version import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
