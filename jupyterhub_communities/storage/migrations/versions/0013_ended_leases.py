"""An index of the leases that have ended and are not metered yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_leases_ended_unmetered",
        "leases",
        ["hub"],
        sqlite_where=sa.text("metered_at IS NULL AND settled_at IS NOT NULL"),
        postgresql_where=sa.text("metered_at IS NULL AND settled_at IS NOT NULL"),
    )
