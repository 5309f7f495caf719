"""The line for servers: who waits until one can be started."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "start_tickets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("hub", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("server_name", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("community", sa.String(length=40), nullable=True),
        sa.Column("workshop", sa.String(length=40), nullable=True),
        sa.Column("amounts", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=True),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_start_tickets")),
        sa.UniqueConstraint(
            "hub", "username", "server_name", name=op.f("uq_start_tickets_hub_username_server_name")
        ),
    )
    op.create_index(
        op.f("ix_start_tickets_account_id"), "start_tickets", ["account_id"], unique=False
    )
