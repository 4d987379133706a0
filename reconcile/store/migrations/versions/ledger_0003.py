"""What operators are told, what failed in which run, and repairs over many runs."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.types import Instant

revision = "ledger_0003"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _alerts()


def _alerts() -> None:
    op.create_table(
        "reconcile_alert",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("over_at", Instant),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("coming", sa.Text, nullable=False),
        sa.Column("commands", sa.JSON, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("usual_calls", sa.BigInteger, nullable=False),
        sa.Column("saved_calls", sa.BigInteger, nullable=False),
        sa.Column("counted_run", sa.Text),
        sa.Column("heard", sa.JSON, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "reconcile_alert_channel",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("known_since", Instant, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", Instant),
        sa.Column("fault", sa.Text),
        sa.Column("not_before", Instant),
    )
