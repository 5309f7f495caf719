"""Who trained whom, answers without names, and countries of sites."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_WORKSHOP = (["community", "workshop"], ["workshops.community", "workshops.slug"])


def upgrade() -> None:
    op.add_column("workshops", sa.Column("promised", sa.Integer(), nullable=True))
    op.add_column("sites", sa.Column("country", sa.String(length=2), nullable=True))
    for table, column in (
        ("communities", "is_public"),
        ("grants", "is_named"),
        ("workshops", "is_told"),
    ):
        op.add_column(
            table,
            sa.Column(column, sa.Boolean(), server_default=sa.false(), nullable=False),
        )
    op.create_table(
        "trainings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("trained_by", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_trainings_account_id")
        ),
        sa.ForeignKeyConstraint(*_WORKSHOP, name=op.f("fk_trainings_community_workshop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trainings")),
    )
    op.create_index(op.f("ix_trainings_account_id"), "trainings", ["account_id"])
    op.create_index(op.f("ix_trainings_community_at"), "trainings", ["community", "at"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("useful", sa.Integer(), nullable=False),
        sa.Column("followed", sa.String(length=16), nullable=False),
        sa.Column("missing", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(*_WORKSHOP, name=op.f("fk_feedback_community_workshop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_feedback_community_workshop"), "feedback", ["community", "workshop"])
    op.create_table(
        "feedback_marks",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_feedback_marks_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "community", "workshop", name=op.f("pk_feedback_marks")
        ),
        sqlite_with_rowid=False,
    )
