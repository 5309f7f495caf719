"""Quotas: limits of every kind, what leases hold, and what is spent by the hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("communities") as communities:
        communities.add_column(sa.Column("cohort", sa.String(length=40), nullable=True))
        communities.create_index(op.f("ix_communities_cohort"), ["cohort"], unique=False)
    with op.batch_alter_table("workshops") as workshops:
        workshops.add_column(sa.Column("reserved", sa.JSON(), nullable=True))
        workshops.add_column(sa.Column("reserved_at", sa.DateTime(), nullable=True))
    op.create_index(op.f("ix_sessions_ends_at"), "sessions", ["ends_at"], unique=False)
    with op.batch_alter_table("leases") as leases:
        leases.add_column(
            sa.Column("amounts", sa.JSON(), nullable=False, server_default='{"servers": 1}')
        )
        for name in ("metered_until", "metered_at", "ends_at", "warned_at", "stop_at"):
            leases.add_column(sa.Column(name, sa.DateTime(), nullable=True))
        leases.add_column(sa.Column("stop_reason", sa.String(length=32), nullable=True))
        for name in ("is_rescue", "is_hub_admin"):
            leases.add_column(
                sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
            )
    op.create_index(
        "ix_leases_unmetered",
        "leases",
        ["hub", "settled_at"],
        unique=False,
        sqlite_where=sa.text("metered_at IS NULL"),
        postgresql_where=sa.text("metered_at IS NULL"),
    )
    op.create_index(
        "ix_leases_unsettled_account",
        "leases",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index(op.f("ix_leases_settled_at"), "leases", ["settled_at"], unique=False)
    with op.batch_alter_table("balances") as balances:
        balances.alter_column("scope", type_=sa.String(length=160), existing_nullable=False)
        balances.alter_column("resource", type_=sa.String(length=64), existing_nullable=False)
        for name in ("quota_each", "nominal", "may_borrow", "may_lend"):
            balances.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
        balances.add_column(
            sa.Column("is_shared_equally", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_table(
        "allowances",
        sa.Column("scope", sa.String(length=160), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("span", sa.String(length=64), nullable=False),
        sa.Column("is_each", sa.Boolean(), nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "resource", "span", "is_each", name=op.f("pk_allowances")),
    )
    op.create_table(
        "spent",
        sa.Column("scope", sa.String(length=160), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "resource", "hour", name=op.f("pk_spent")),
    )
    op.create_table(
        "usage",
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("scope", sa.String(length=160), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("gpu_kind", sa.String(length=40), nullable=False),
        sa.Column("server_time", sa.BigInteger(), nullable=False),
        sa.Column("cpu_time", sa.BigInteger(), nullable=False),
        sa.Column("memory_time", sa.BigInteger(), nullable=False),
        sa.Column("gpu_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour", "scope", "account_id", "profile", "gpu_kind", name=op.f("pk_usage")
        ),
    )
    op.create_index(
        "ix_usage_account_id_hour",
        "usage",
        [
            "account_id",
            "hour",
            "scope",
            "gpu_kind",
            "server_time",
            "cpu_time",
            "memory_time",
            "gpu_time",
        ],
        unique=False,
    )
    op.create_index(op.f("ix_usage_scope_hour"), "usage", ["scope", "hour"], unique=False)
