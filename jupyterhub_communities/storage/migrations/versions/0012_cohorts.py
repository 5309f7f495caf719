"""What communities of a cohort ask for, lend to one another, and share as templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("quota", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("had", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("asked_by", sa.String(length=32), nullable=True),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_for", sa.String(length=40), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.slug"], name=op.f("fk_asks_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asks")),
    )
    op.create_index(op.f("ix_asks_asked_by"), "asks", ["asked_by"])
    op.create_index(op.f("ix_asks_community_state"), "asks", ["community", "state"])
    op.create_table(
        "loans",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("cohort", sa.String(length=40), nullable=False),
        sa.Column("lender", sa.String(length=40), nullable=False),
        sa.Column("borrower", sa.String(length=40), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["lender"], ["communities.slug"], name=op.f("fk_loans_lender")),
        sa.ForeignKeyConstraint(["borrower"], ["communities.slug"], name=op.f("fk_loans_borrower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loans")),
    )
    for column in ("lender", "borrower", "ends_at"):
        op.create_index(op.f(f"ix_loans_{column}"), "loans", [column])
    op.create_table(
        "workshop_templates",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("sessions", sa.JSON(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("profile", sa.String(length=64), nullable=True),
        sa.Column("shared_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community", "workshop"],
            ["workshops.community", "workshops.slug"],
            name=op.f("fk_workshop_templates_community_workshop"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workshop_templates")),
        sa.UniqueConstraint(
            "community", "workshop", name=op.f("uq_workshop_templates_community_workshop")
        ),
    )
