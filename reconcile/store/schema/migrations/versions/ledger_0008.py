"""Which mapping our tables were made with."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0008"
down_revision = "ledger_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconcile_mapping",
        sa.Column("section", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("mapping", sa.Text, nullable=False),
    )
