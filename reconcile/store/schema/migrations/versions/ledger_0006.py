"""The calls of each run in order, for replaying breakers under other thresholds."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0006"
down_revision = "ledger_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconcile_run_calls",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("checks", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("is_quiet", sa.Boolean, nullable=False),
        sa.Column("is_shadow", sa.Boolean, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )
