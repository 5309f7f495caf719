"""The audit trail in the database: only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from ..domain.audit import AuditEntry
from ..domain.paging import Page, Part, part_of
from .tables import audit

_ADD = insert(audit)  # made once: written at every sign-in with a code


class SqlAudit:
    def __init__(self, connection: Connection):
        self._connection = connection

    def add(self, entry: AuditEntry) -> None:
        values = {
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "community": entry.community,
            "before": dict(entry.before),
            "after": dict(entry.after),
            "request_id": entry.request_id,
        }
        self._connection.execute(_ADD, values)

    def of_community(self, community: str, limit: int = 100) -> Sequence[AuditEntry]:
        rows = self._connection.execute(
            select(audit)
            .where(audit.c.community == community)
            .order_by(audit.c.id.desc())
            .limit(limit)
        )
        return [_entry(row) for row in rows]

    def page(self, community: str, page: Page) -> Part[AuditEntry]:
        query = select(audit).where(audit.c.community == community)
        if page.after is not None:
            query = query.where(audit.c.id < page.after[0])
        rows = self._connection.execute(query.order_by(audit.c.id.desc()).limit(page.limit + 1))
        return part_of(rows.all(), lambda row: (row.id,), page).map(_entry)


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        community=row.community,
        before=row.before,
        after=row.after,
        request_id=row.request_id,
    )
