"""Indexes for the choice of due work: what `reconcile doctor` advises where the tables are not ours."""

import sqlalchemy as sa
from alembic import op

revision = "domain_0002"
down_revision = "domain_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_lead_booking_starts_at", "lead", ["booking_starts_at"])
    op.create_index("ix_lead_last_inbound_at", "lead", ["last_inbound_at"])
    _partial("ix_lead_in_sequence", "in_sequence", on_sqlite="in_sequence = 1")
    is_untold = "booking_id IS NOT NULL AND booking_status IS NULL"
    _partial("ix_lead_untold", is_untold, on_sqlite=is_untold)


def _partial(name: str, condition: str, *, on_sqlite: str) -> None:
    columns = ["workspace_id", "id"]
    op.create_index(name, "lead", columns, postgresql_where=sa.text(condition), sqlite_where=sa.text(on_sqlite))
