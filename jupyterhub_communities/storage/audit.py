"""The audit trail in the database: only ever added to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from ..domain.audit import AuditEntry
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
        return [
            AuditEntry(
                at=row.at,
                actor=row.actor,
                action=row.action,
                subject=row.subject,
                community=row.community,
                before=row.before,
                after=row.after,
                request_id=row.request_id,
            )
            for row in rows
        ]
