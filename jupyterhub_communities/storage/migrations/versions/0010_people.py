"""Offers of roles; what members of a community see; communities that are archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "communities",
        sa.Column("shows_people", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("communities", sa.Column("archived_at", sa.DateTime(), nullable=True))
    op.create_table(
        "role_offers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.slug"], name=op.f("fk_role_offers_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_offers")),
        sa.UniqueConstraint(
            "community", "username", name=op.f("uq_role_offers_community_username")
        ),
    )
    op.create_index(op.f("ix_role_offers_username"), "role_offers", ["username"])
