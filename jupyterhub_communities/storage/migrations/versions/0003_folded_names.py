"""Folded names: *were you here before?* is one look-up, however many have joined."""

from __future__ import annotations

from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts",
        sa.Column("folded_name", sa.String(length=255), nullable=False, server_default=""),
    )
    op.create_index(op.f("ix_accounts_folded_name"), "accounts", ["folded_name"], unique=False)
    accounts = sa.table(
        "accounts", sa.column("id"), sa.column("display_name"), sa.column("folded_name")
    )
    connection = op.get_bind()
    names = connection.execute(sa.select(accounts.c.id, accounts.c.display_name)).all()
    if names:
        connection.execute(
            accounts.update()
            .where(accounts.c.id == sa.bindparam("account"))
            .values(folded_name=sa.bindparam("folded")),
            [
                {"account": id, "folded": normalize("NFKC", name).casefold()[:255]}
                for id, name in names
            ],
        )
