"""The cadence override, and the annotation commands that were applied."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.db.types import Instant

revision = "ledger_0002"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconcile_cadence",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("every_seconds", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("set_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )
    op.create_table(
        "reconcile_order",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("fault", sa.Text),
        sa.Column("until", Instant),
    )
