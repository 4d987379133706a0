"""Kinds of changes that a run holds until a person approves them."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.db.types import Instant

revision = "ledger_0007"
down_revision = "ledger_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconcile_change_hold",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("since", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("leads", sa.Integer, nullable=False),
        sa.Column("written", sa.Integer, nullable=False),
        sa.Column("checked", sa.Integer, nullable=False),
        sa.Column("shift", sa.Text),
        sa.Column("approved_until", Instant),
        sa.Column("approved_by", sa.Text),
        sa.Column("reason", sa.Text),
    )
