"""Notices to people in the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from ..domain.notices import Notice
from .tables import notices

# Made once: asked at every home page.
_OF_ACCOUNT = (
    select(notices)
    .where(notices.c.account_id == bindparam("account"))
    .order_by(notices.c.created_at, notices.c.id)
)


class SqlNotices:
    def __init__(self, connection: Connection):
        self._connection = connection

    def of_account(self, account_id: str) -> Sequence[Notice]:
        rows = self._connection.execute(_OF_ACCOUNT, {"account": account_id})
        return [
            Notice(
                id=row.id,
                account_id=row.account_id,
                kind=row.kind,
                data=row.data,
                created_at=row.created_at,
            )
            for row in rows
        ]

    def add(self, notice: Notice) -> None:
        self._connection.execute(
            insert(notices).values(
                id=notice.id,
                account_id=notice.account_id,
                kind=notice.kind,
                data=dict(notice.data),
                created_at=notice.created_at,
            )
        )

    def remove(self, account_id: str, notice_id: str) -> None:
        self._connection.execute(
            delete(notices).where(notices.c.account_id == account_id, notices.c.id == notice_id)
        )
