"""The audit trail is only ever added to, and chained."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEYS = {"audit": "id", "audit_links": "number"}
_SENTENCE = "the audit trail is only ever added to"


def upgrade() -> None:
    op.create_table(
        "audit_links",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_links")),
    )
    op.create_index(
        op.f("ix_audit_community_at_action"), "audit", ["community", "at", "action"], unique=False
    )
    statements = _on_sqlite() if op.get_bind().dialect.name == "sqlite" else _on_postgresql()
    for statement in statements:
        op.execute(statement)


def _on_sqlite() -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_SENTENCE}'); END"
    statements = []
    for table, key in _KEYS.items():
        statements += [
            f"CREATE TRIGGER {table}_never_updated BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_never_deleted BEFORE DELETE ON {table} {refuse}",
            # INSERT OR REPLACE deletes without asking the trigger above.
            f"CREATE TRIGGER {table}_never_replaced BEFORE INSERT ON {table}"
            f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) {refuse}",
        ]
    return statements


def _on_postgresql() -> list[str]:
    return [
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_SENTENCE}'; END $$",
        *(
            f"CREATE TRIGGER {table}_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
            for table in _KEYS
        ),
    ]
