"""Dead letters of the outbox, and the reason of a failed delivery."""

import sqlalchemy as sa
from alembic import op

from reconcile.store.db.types import Instant

revision = "ledger_0004"
down_revision = "ledger_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reconcile_outbox", sa.Column("given_up_at", Instant))
    op.add_column("reconcile_outbox", sa.Column("reason", sa.Text))
