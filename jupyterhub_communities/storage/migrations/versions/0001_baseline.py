"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=True),
        sa.Column("key_confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("pending_key_digest", sa.String(length=64), nullable=True),
        sa.Column("pending_key_sealed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_accounts_key_digest")),
        sa.UniqueConstraint("pending_key_digest", name=op.f("uq_accounts_pending_key_digest")),
        sa.UniqueConstraint("username", name=op.f("uq_accounts_username")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_community_id"), "audit", ["community", "id"], unique=False)

    op.create_table(
        "balances",
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("scope", "resource", name=op.f("pk_balances")),
    )
    op.create_table(
        "communities",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("declared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_communities")),
    )
    op.create_table(
        "leases",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("hub", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("server_name", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("community", sa.String(length=40), nullable=True),
        sa.Column("workshop", sa.String(length=40), nullable=True),
        sa.Column("profile", sa.String(length=64), nullable=True),
        sa.Column("requested_at", sa.DateTime(), nullable=False),
        sa.Column("active_at", sa.DateTime(), nullable=True),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
    )
    op.create_index(
        op.f("ix_leases_account_id_requested_at"),
        "leases",
        ["account_id", "requested_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_leases_community_settled_at"), "leases", ["community", "settled_at"], unique=False
    )
    op.create_index(
        "uq_leases_unsettled_server",
        "leases",
        ["hub", "username", "server_name"],
        unique=True,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )

    op.create_table(
        "grants",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=True),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_grants_account_id")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.slug"], name=op.f("fk_grants_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_account_id"), "grants", ["account_id"], unique=False)
    op.create_index(
        op.f("ix_grants_community_workshop"), "grants", ["community", "workshop"], unique=False
    )

    op.create_table(
        "invites",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=True),
        sa.Column("workshop", sa.String(length=40), nullable=True),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opens_at", sa.DateTime(), nullable=True),
        sa.Column("closes_at", sa.DateTime(), nullable=True),
        sa.Column("lasts_until", sa.DateTime(), nullable=True),
        sa.Column("bound_username", sa.String(length=255), nullable=True),
        sa.Column("made_by", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("code_sealed", sa.Text(), nullable=False),
        sa.Column("link_digest", sa.String(length=64), nullable=False),
        sa.Column("link_sealed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.slug"], name=op.f("fk_invites_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_invites_code_digest")),
        sa.UniqueConstraint("link_digest", name=op.f("uq_invites_link_digest")),
    )
    op.create_index(
        op.f("ix_invites_community_workshop"), "invites", ["community", "workshop"], unique=False
    )

    op.create_table(
        "workshops",
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("profile", sa.String(length=64), nullable=True),
        sa.Column("made_by", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.slug"], name=op.f("fk_workshops_community")
        ),
        sa.PrimaryKeyConstraint("community", "slug", name=op.f("pk_workshops")),
    )
    op.create_table(
        "redemptions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("invite_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("attempt_digest", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.String(length=32), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_redemptions_account_id")
        ),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_redemptions_grant_id")),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["invites.id"], name=op.f("fk_redemptions_invite_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemptions")),
        sa.UniqueConstraint(
            "invite_id", "account_id", name=op.f("uq_redemptions_invite_id_account_id")
        ),
        sa.UniqueConstraint(
            "invite_id", "attempt_digest", name=op.f("uq_redemptions_invite_id_attempt_digest")
        ),
    )
    op.create_index(op.f("ix_redemptions_account_id"), "redemptions", ["account_id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community", "workshop"],
            ["workshops.community", "workshops.slug"],
            name=op.f("fk_sessions_community_workshop"),
        ),
        sa.PrimaryKeyConstraint("community", "workshop", "starts_at", name=op.f("pk_sessions")),
    )
