"""The live board: starts that came to nothing, raised hands with access to servers, rehearsals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "start_troubles",
        sa.Column("hub", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_start_troubles_account_id")
        ),
        sa.PrimaryKeyConstraint("hub", "account_id", name=op.f("pk_start_troubles")),
    )
    op.create_index(op.f("ix_start_troubles_account_id"), "start_troubles", ["account_id"])
    op.create_index(op.f("ix_start_troubles_at"), "start_troubles", ["at"])
    op.create_table(
        "hands",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("raised_at", sa.DateTime(), nullable=False),
        sa.Column("taken_by", sa.String(length=32), nullable=True),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_hands_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hands")),
    )
    op.create_index(op.f("ix_hands_account_id"), "hands", ["account_id"])
    op.create_index(op.f("ix_hands_ended_at"), "hands", ["ended_at"])
    op.create_index(
        "uq_hands_up",
        "hands",
        ["community", "workshop", "account_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "server_accesses",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("hub", sa.String(length=64), nullable=False),
        sa.Column("hand_id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("server_name", sa.String(length=255), nullable=False),
        sa.Column("owner_id", sa.String(length=32), nullable=False),
        sa.Column("helper_id", sa.String(length=32), nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["hand_id"], ["hands.id"], name=op.f("fk_server_accesses_hand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_accesses")),
    )
    op.create_index(op.f("ix_server_accesses_hand_id"), "server_accesses", ["hand_id"])
    op.create_index(op.f("ix_server_accesses_owner_id"), "server_accesses", ["owner_id"])
    op.create_index(op.f("ix_server_accesses_helper_id"), "server_accesses", ["helper_id"])
    op.create_index(op.f("ix_server_accesses_removed_at"), "server_accesses", ["removed_at"])
    op.create_table(
        "rehearsals",
        sa.Column("invite_id", sa.String(length=32), nullable=False),
        sa.Column("lesson_at", sa.DateTime(), nullable=True),
        sa.Column("language_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["invites.id"], name=op.f("fk_rehearsals_invite_id")
        ),
        sa.PrimaryKeyConstraint("invite_id", name=op.f("pk_rehearsals")),
    )
