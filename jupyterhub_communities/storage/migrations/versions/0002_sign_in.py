"""Sign-in: sites, personal codes, waiting, lost keys, linked identities, and the ends of access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_identities_account_id")
        ),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_account_id"), "identities", ["account_id"], unique=False)
    op.create_table(
        "key_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=8), nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("approved_at", sa.DateTime(), nullable=True),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_key_requests_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_requests")),
        sa.UniqueConstraint("browser_digest", name=op.f("uq_key_requests_browser_digest")),
    )
    op.create_index(
        op.f("ix_key_requests_account_id"), "key_requests", ["account_id"], unique=False
    )
    op.create_index(op.f("ix_key_requests_number"), "key_requests", ["number"], unique=False)
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_notices_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_account_id"), "notices", ["account_id"], unique=False)
    op.create_table(
        "sites",
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["community", "workshop"],
            ["workshops.community", "workshops.slug"],
            name=op.f("fk_sites_community_workshop"),
        ),
        sa.PrimaryKeyConstraint("community", "workshop", "slug", name=op.f("pk_sites")),
    )
    op.create_table(
        "waiting",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("invite_id", sa.String(length=32), nullable=False),
        sa.Column("attempt_digest", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("admitted_at", sa.DateTime(), nullable=True),
        sa.Column("offered_until", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["invite_id"], ["invites.id"], name=op.f("fk_waiting_invite_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting")),
        sa.UniqueConstraint("invite_id", "number", name=op.f("uq_waiting_invite_id_number")),
    )
    op.create_index(
        op.f("ix_waiting_invite_id_attempt_digest"),
        "waiting",
        ["invite_id", "attempt_digest"],
        unique=False,
    )
    op.add_column("accounts", sa.Column("pending_key_browser", sa.String(length=64), nullable=True))
    op.add_column("accounts", sa.Column("blocked_at", sa.DateTime(), nullable=True))
    op.add_column("accounts", sa.Column("erase_at", sa.DateTime(), nullable=True))
    op.create_index(op.f("ix_accounts_blocked_at"), "accounts", ["blocked_at"], unique=False)
    op.create_index(op.f("ix_accounts_erase_at"), "accounts", ["erase_at"], unique=False)
    op.add_column("communities", sa.Column("retention_days", sa.Integer(), nullable=True))
    op.add_column("communities", sa.Column("suspended_at", sa.DateTime(), nullable=True))
    op.add_column("communities", sa.Column("suspended_because", sa.Text(), nullable=True))
    op.add_column("grants", sa.Column("site", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_grants_ends_at"), "grants", ["ends_at"], unique=False)
    op.create_index(op.f("ix_grants_revoked_at"), "grants", ["revoked_at"], unique=False)
    op.add_column("invites", sa.Column("site", sa.String(length=40), nullable=True))
    op.add_column("invites", sa.Column("batch", sa.String(length=32), nullable=True))
    op.add_column("invites", sa.Column("label", sa.String(length=255), nullable=True))
    op.add_column("invites", sa.Column("lasts_seconds", sa.Integer(), nullable=True))
    op.add_column("invites", sa.Column("paused_at", sa.DateTime(), nullable=True))
    op.add_column(
        "invites", sa.Column("is_by_hand", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index(op.f("ix_invites_batch"), "invites", ["batch"], unique=False)
    op.create_index(op.f("ix_invites_made_by"), "invites", ["made_by"], unique=False)
    op.add_column("redemptions", sa.Column("released_at", sa.DateTime(), nullable=True))
