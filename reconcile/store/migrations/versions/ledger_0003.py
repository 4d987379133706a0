"""What operators are told, what failed in which run, and repairs over many runs."""

revision = "ledger_0003"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
