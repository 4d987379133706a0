"""Our own tables: runs, lead state, breakers, leases, rate budgets and follow-ups."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.db.types import Instant

revision = "ledger_0001"
down_revision = None
branch_labels = ("ledger",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _runs()
    _states()
    _guards()
    op.create_table(
        "reconcile_outbox",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("appointment_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", Instant),
        sa.Column("delivered_at", Instant),
    )
    is_pending = sa.text("delivered_at IS NULL")
    op.create_index(
        "reconcile_outbox_pending",
        "reconcile_outbox",
        ["created_at", "key"],
        postgresql_where=is_pending,
        sqlite_where=is_pending,
    )


def _runs() -> None:
    op.create_table(
        "reconcile_run",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("started_at", Instant, nullable=False, index=True),
        sa.Column("finished_at", Instant),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("report", sa.JSON),
    )
    op.create_table(
        "reconcile_batch",
        sa.Column("id", _NUMBER, sa.Identity(), primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False, index=True),
        sa.Column("workspace_id", sa.Text, nullable=False, index=True),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
    )
    op.create_table(
        "reconcile_change",
        sa.Column("id", _NUMBER, sa.Identity(), primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False, index=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("lead_id", sa.Text, nullable=False, index=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
    )
    op.create_table(
        "reconcile_signature",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("error_class", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("shape", sa.JSON, nullable=False),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.Column("last_seen_at", Instant, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("last_workspace_id", sa.Text, nullable=False),
    )


def _states() -> None:
    op.create_table(
        "reconcile_workspace_state",
        sa.Column("workspace_id", sa.Text, primary_key=True),
        sa.Column("visited_at", Instant),
        sa.Column("not_before", Instant),
    )
    op.create_table(
        "reconcile_lead_state",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("attempted_at", Instant),
        sa.Column("verified_at", Instant),
        sa.Column("next_attempt_at", Instant),
        sa.Column("failure_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("quarantined_at", Instant),
        sa.Column("reason", sa.Text),
        sa.Column("absent_since", Instant),
        sa.Column("mismatch", sa.Text),
        sa.Column("mismatch_at", Instant),
        sa.Column("contact_id", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("booking_id", sa.Text),
        sa.Column("booking_provider", sa.Text),
        sa.Column("booking_status", sa.Text),
        sa.Column("booking_starts_at", Instant),
        sa.Column("booking_ends_at", Instant),
        sa.Column("booking_canceled_at", Instant),
    )
    for name in ("quarantined_at", "mismatch_at"):
        is_set = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"reconcile_lead_state_{name}",
            "reconcile_lead_state",
            [name, "lead_id"],
            postgresql_where=is_set,
            sqlite_where=is_set,
        )
    op.create_table(
        "reconcile_appointment_state",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("appointment_id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("starts_at", Instant),
        sa.Column("ends_at", Instant),
        sa.Column("canceled_at", Instant),
        sa.Column("replaces", sa.Text),
    )


def _guards() -> None:
    op.create_table(
        "reconcile_breaker",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", Instant),
        sa.Column("opened_at", Instant),
        sa.Column("cooldown_seconds", sa.Float),
        sa.Column("next_probe_at", Instant),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("checks", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("fault", sa.Text),
        sa.Column("tripped_by", sa.Text),
        sa.Column("is_held", sa.Boolean, nullable=False),
        sa.Column("override", sa.JSON),
        sa.Column("saved_at", Instant, nullable=False),
    )
    op.create_table(
        "reconcile_lease",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )
    op.create_table(
        "reconcile_budget",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("arrival_at", Instant, nullable=False),
        sa.Column("limit_interval_seconds", sa.Float),
        sa.Column("limit_burst", sa.Integer),
        sa.Column("limit_until", Instant),
    )
