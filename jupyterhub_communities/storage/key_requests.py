"""Requests for a new return key in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from ..domain.key_requests import LASTS, KeyRequest
from .tables import key_requests


class SqlKeyRequests:
    def __init__(self, connection: Connection):
        self._connection = connection

    def by_browser(self, browser_digest: str) -> KeyRequest | None:
        return self._one(key_requests.c.browser_digest == browser_digest)

    def by_number(self, number: str, now: datetime) -> KeyRequest | None:
        return self._one(
            key_requests.c.number == number,
            key_requests.c.used_at.is_(None),
            key_requests.c.created_at > now - LASTS,
        )

    def add(self, request: KeyRequest) -> None:
        self._connection.execute(
            insert(key_requests).values(
                id=request.id,
                number=request.number,
                browser_digest=request.browser_digest,
                created_at=request.created_at,
            )
        )

    def approve(
        self, request_id: str, *, account_id: str, approved_by: str | None, now: datetime
    ) -> bool:
        return self._update(
            request_id,
            key_requests.c.approved_at.is_(None),
            account_id=account_id,
            approved_by=approved_by,
            approved_at=now,
        )

    def use(self, request_id: str, now: datetime) -> bool:
        return self._update(request_id, key_requests.c.used_at.is_(None), used_at=now)

    def forget(self, before: datetime) -> None:
        self._connection.execute(delete(key_requests).where(key_requests.c.created_at < before))

    def _one(self, *conditions: ColumnElement[bool]) -> KeyRequest | None:
        rows = self._connection.execute(select(key_requests).where(*conditions).limit(2)).all()
        if len(rows) != 1:  # two of one number, drawn in the same instant: neither is known by it
            return None
        (row,) = rows
        return KeyRequest(
            id=row.id,
            number=row.number,
            browser_digest=row.browser_digest,
            created_at=row.created_at,
            account_id=row.account_id,
            approved_by=row.approved_by,
            approved_at=row.approved_at,
            used_at=row.used_at,
        )

    def _update(
        self, request_id: str, condition: ColumnElement[bool], **values: datetime | str | None
    ) -> bool:
        changed = self._connection.execute(
            update(key_requests).where(key_requests.c.id == request_id, condition).values(**values)
        )
        return changed.rowcount == 1
