"""Count of bookings that became active again, and indexes of canceled and disappeared bookings."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0005"
down_revision = "ledger_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reconcile_lead_state", sa.Column("occurrence", sa.Integer, nullable=False, server_default="0"))
    for column in ("mismatch", "booking_canceled_at"):
        where = sa.text(f"{column} IS NOT NULL")
        name = f"reconcile_lead_state_{column}"
        op.create_index(name, "reconcile_lead_state", [column], postgresql_where=where, sqlite_where=where)
