"""The tables of the ledger as first published."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0001", None, None, None

WORD, HASH, BIG = sa.String(200), sa.String(64), sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "account", sa.Column("id", WORD, primary_key=True), sa.Column("owner", WORD), sa.Column("kind", WORD)
    )
    op.create_table("asset", sa.Column("id", WORD, primary_key=True), sa.Column("unit", WORD), sa.Column("cap", BIG))
    op.create_table(
        "balance", sa.Column("account", WORD, primary_key=True), sa.Column("asset", WORD, primary_key=True),
        sa.Column("dr", BIG), sa.Column("cr", BIG), sa.Column("held", BIG),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "tx", sa.Column("seq", BIG, primary_key=True), sa.Column("at", BIG), sa.Column("idem_key", WORD, unique=True), sa.Column("actor", WORD),
        sa.Column("kind", WORD), sa.Column("command", sa.Text), sa.Column("answer", sa.Text), sa.Column("rule_set_id", WORD),
        sa.Column("rule_set_hash", HASH), sa.Column("leaf", HASH),
    )  # fmt: skip
    op.create_table(
        "transfer", sa.Column("seq", BIG, primary_key=True), sa.Column("leg", sa.Integer, primary_key=True), sa.Column("debit", WORD, index=True),
        sa.Column("credit", WORD, index=True), sa.Column("asset", WORD), sa.Column("quantity", BIG), sa.Column("why", WORD),
        sa.Column("trade", WORD), sa.Column("obligation", WORD), sa.Column("hold", WORD), sa.Column("ranges", sa.Text),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "trade", sa.Column("id", WORD, primary_key=True), sa.Column("seq", BIG, index=True), sa.Column("at", BIG), sa.Column("asset", WORD, index=True),
        sa.Column("quantity", BIG), sa.Column("price", BIG), sa.Column("money", BIG), sa.Column("seller", WORD), sa.Column("buyer", WORD),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "lot", sa.Column("id", WORD, primary_key=True), sa.Column("issue", sa.Integer), sa.Column("asset", WORD, index=True), sa.Column("issued", BIG),
        sa.Column("evidence", HASH), sa.Column("status", WORD),
    )  # fmt: skip
    op.create_table(
        "serial_range", sa.Column("lot", WORD, primary_key=True), sa.Column("start", BIG, primary_key=True), sa.Column("end", BIG),
        sa.Column("account", WORD, index=True), sa.Column("asset", WORD), sa.Column("hold", WORD), sa.Column("free_on", BIG),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "hold", sa.Column("id", WORD, primary_key=True), sa.Column("account", WORD, index=True), sa.Column("asset", WORD), sa.Column("quantity", BIG),
        sa.Column("reason", WORD), sa.Column("ref", WORD),
    )  # fmt: skip
    op.create_table(
        "register_record", sa.Column("register", WORD, primary_key=True), sa.Column("id", WORD, primary_key=True), sa.Column("version", sa.Integer),
        sa.Column("state", WORD, index=True), sa.Column("seq", BIG), sa.Column("content", sa.Text),
    )  # fmt: skip
    op.create_table("applied", sa.Column("venue", WORD, primary_key=True), sa.Column("next", BIG))


def downgrade() -> None:
    for name in (
        "applied",
        "register_record",
        "hold",
        "serial_range",
        "lot",
        "trade",
        "transfer",
        "tx",
        "balance",
        "asset",
        "account",
    ):
        op.drop_table(name)
