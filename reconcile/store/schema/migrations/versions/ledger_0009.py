"""What is left of each account's day, and the rate at which it is used."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.db.types import Instant

revision = "ledger_0009"
down_revision = "ledger_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconcile_account_day",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("read_at", Instant, nullable=False),
        sa.Column("calls_left", sa.BigInteger, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("cadence", sa.Text, nullable=False),
        sa.Column("hour_seconds", sa.Float, nullable=False),
        sa.Column("hour_calls", sa.BigInteger, nullable=False),
        sa.Column("hour_own_calls", sa.BigInteger, nullable=False),
        sa.Column("before_seconds", sa.Float, nullable=False),
        sa.Column("before_calls", sa.BigInteger, nullable=False),
        sa.Column("before_own_calls", sa.BigInteger, nullable=False),
        sa.Column("used_up_at", Instant),
    )
