"""Alerts, failures by run, backfill plans, and indexes for due leads."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.db.types import Instant

revision = "ledger_0003"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _alerts()
    _signatures_by_run()
    _backfills()
    _due_indexes()


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


def _signatures_by_run() -> None:
    op.create_table(
        "reconcile_signature_run",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("workspace_id", sa.Text, primary_key=True),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.Column("last_seen_at", Instant, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_reconcile_signature_run_run_id", "reconcile_signature_run", ["run_id"])
    op.create_index("ix_reconcile_signature_run_last_seen_at", "reconcile_signature_run", ["last_seen_at"])


def _backfills() -> None:
    op.create_table(
        "reconcile_backfill",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("selected", sa.Integer, nullable=False),
        sa.Column("planned_at", Instant),
        sa.Column("hash", sa.Text),
        sa.Column("summary", sa.JSON, nullable=False),
        sa.Column("held", sa.JSON, nullable=False),
        sa.Column("approved_hash", sa.Text),
        sa.Column("applied_at", Instant),
    )
    op.create_table(
        "reconcile_backfill_lead",
        sa.Column("plan_id", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("outcome", sa.Text),
        sa.Column("verified_at", Instant),
        sa.Column("facts", sa.Text),
        sa.Column("change", sa.JSON),
        sa.Column("is_absent", sa.Boolean),
        sa.Column("mismatch", sa.Text),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.Column("reason", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("moved_at", Instant),
    )
    columns = ["plan_id", "state", "workspace_id", "lead_id"]
    op.create_index("reconcile_backfill_lead_state", "reconcile_backfill_lead", columns)


def _due_indexes() -> None:
    """Create, for each due reason in ``reconcile_lead_state``, an index of the leads with this reason."""
    reasons = {
        "verified_at": "quarantined_at IS NULL",
        "absent_since": "absent_since IS NOT NULL",
        "booking_starts_at": "booking_starts_at IS NOT NULL",
        "booking_id": "booking_id IS NOT NULL AND booking_status IS NULL",
    }
    for column, condition in reasons.items():
        where = sa.text(condition)
        name = f"reconcile_lead_state_{column}"
        op.create_index(name, "reconcile_lead_state", [column], postgresql_where=where, sqlite_where=where)
