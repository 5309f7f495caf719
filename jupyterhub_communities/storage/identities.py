"""Upstream identities that are linked to an account of another name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from .tables import identities


class SqlIdentities:
    def __init__(self, connection: Connection):
        self._connection = connection

    def account_of(self, subject: str) -> str | None:
        query = select(identities.c.account_id).where(identities.c.subject == subject)
        return self._connection.execute(query).scalar_one_or_none()

    def of_account(self, account_id: str) -> Sequence[str]:
        query = select(identities.c.subject).where(identities.c.account_id == account_id)
        return self._connection.execute(query.order_by(identities.c.subject)).scalars().all()

    def add(self, subject: str, account_id: str, now: datetime) -> None:
        self._connection.execute(
            insert(identities).values(subject=subject, account_id=account_id, linked_at=now)
        )

    def remove(self, account_id: str) -> int:
        removed = self._connection.execute(
            delete(identities).where(identities.c.account_id == account_id)
        )
        return removed.rowcount
