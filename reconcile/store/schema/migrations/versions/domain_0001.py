"""The domain's tables of the preset ``default``: workspace, lead, appointment."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.db.types import Instant

revision = "domain_0001"
down_revision = None
branch_labels = ("domain",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workspace",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("timezone", sa.Text),
        sa.Column("ghl_location_id", sa.Text),
        sa.Column("ghl_token", sa.Text),
        sa.Column("calendly_user", sa.Text),
        sa.Column("calendly_token", sa.Text),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    )
    op.create_table(
        "lead",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspace.id"), nullable=False, index=True),
        sa.Column("email", sa.Text),
        sa.Column("contact_id", sa.Text),
        sa.Column("status", sa.Text, nullable=False, server_default="new"),
        sa.Column("booking_id", sa.Text),
        sa.Column("booking_provider", sa.Text),
        sa.Column("booking_status", sa.Text),
        sa.Column("booking_starts_at", Instant),
        sa.Column("booking_ends_at", Instant),
        sa.Column("booking_canceled_at", Instant),
        sa.Column("in_sequence", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("last_inbound_at", Instant),
        sa.Column("updated_at", Instant),
    )
    op.create_table(
        "appointment",
        sa.Column("lead_id", sa.Text, sa.ForeignKey("lead.id"), primary_key=True),
        sa.Column("appointment_id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("starts_at", Instant, nullable=False),
        sa.Column("ends_at", Instant),
        sa.Column("canceled_at", Instant),
        sa.Column("replaces", sa.Text),
        sa.Column("updated_at", Instant),
    )
