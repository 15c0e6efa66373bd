"""Trades are found by their id and by the record of their legs: two indexes less to write for each settlement."""

from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade() -> None:
    op.drop_index("ix_trade_seq", "trade")
    op.drop_index("ix_trade_asset", "trade")


def downgrade() -> None:
    op.create_index("ix_trade_seq", "trade", ["seq"])
    op.create_index("ix_trade_asset", "trade", ["asset"])
