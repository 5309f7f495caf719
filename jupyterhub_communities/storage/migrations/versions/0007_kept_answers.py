"""Answers to requests that may be sent twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("answer_sealed", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name=op.f("pk_kept_answers")),
    )
    op.create_index(op.f("ix_kept_answers_account_id"), "kept_answers", ["account_id"])
    op.create_index(op.f("ix_kept_answers_made_at"), "kept_answers", ["made_at"])
