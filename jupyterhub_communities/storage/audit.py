"""The audit trail in the database: only ever added to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, literal, or_, select

from ..domain.audit import NO_LINK, WHOLE_TRAIL, AuditEntry, AuditLink, TrailFilter
from .many import EACH_ID, with_ids
from .tables import audit, audit_links

_ADD = insert(audit)  # made once: written at every sign-in with a code


class SqlAudit:
    def __init__(self, connection: Connection):
        self._connection = connection

    def add(self, entry: AuditEntry) -> None:
        self._connection.execute(_ADD, _values(entry))

    def add_each(self, entry: AuditEntry, subjects: Iterable[str]) -> None:
        same = _values(entry)
        del same["subject"]
        query = select(
            EACH_ID, *(literal(value, audit.c[name].type) for name, value in same.items())
        )
        self._connection.execute(
            insert(audit).from_select(["subject", *same], query), with_ids(subjects)
        )

    def of_community(
        self,
        community: str | None,
        wanted: TrailFilter = WHOLE_TRAIL,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        query = select(audit).where(*_conditions(community, wanted)).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        if after is not None:
            # The next ones in time, told newest first like all others.
            query = query.where(audit.c.id > after).order_by(audit.c.id)
            return _entries(self._connection.execute(query))[::-1]
        return _entries(self._connection.execute(query.order_by(audit.c.id.desc())))

    def counts(self, community: str, start: datetime, end: datetime) -> Mapping[str, int]:
        query = (
            select(audit.c.action, func.count())
            .where(audit.c.community == community, audit.c.at >= start, audit.c.at < end)
            .group_by(audit.c.action)
        )
        return {action: number for action, number in self._connection.execute(query)}

    # The chain

    def last_link(self) -> AuditLink:
        row = self._connection.execute(
            select(audit_links).order_by(audit_links.c.number.desc()).limit(1)
        ).first()
        return NO_LINK if row is None else _link(row)

    def links_after(self, number: int, limit: int) -> Sequence[AuditLink]:
        rows = self._connection.execute(
            select(audit_links)
            .where(audit_links.c.number > number)
            .order_by(audit_links.c.number)
            .limit(limit)
        )
        return [_link(row) for row in rows]

    def add_link(self, link: AuditLink) -> None:
        values = {
            "number": link.number,
            "first_id": link.first_id,
            "last_id": link.last_id,
            "count": link.count,
            "hash": link.hash,
        }
        self._connection.execute(insert(audit_links), values)

    def stretch(self, first: int, last: int | None, limit: int) -> Sequence[AuditEntry]:
        query = select(audit).where(audit.c.id >= first).order_by(audit.c.id).limit(limit)
        if last is not None:
            query = query.where(audit.c.id <= last)
        return _entries(self._connection.execute(query))

    def count_between(self, first: int, last: int | None) -> int:
        query = select(func.count()).select_from(audit).where(audit.c.id >= first)
        if last is not None:
            query = query.where(audit.c.id <= last)
        return self._connection.execute(query).scalar_one()


def _values(entry: AuditEntry) -> dict[str, object]:
    return {
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "community": entry.community,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "request_id": entry.request_id,
    }


def _conditions(community: str | None, wanted: TrailFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if community is not None:
        conditions.append(audit.c.community == community)
    if wanted.start is not None:
        conditions.append(audit.c.at >= wanted.start)
    if wanted.end is not None:
        conditions.append(audit.c.at < wanted.end)
    if wanted.action is not None:
        conditions.append(audit.c.action == wanted.action)
    if wanted.person is not None:
        is_about = audit.c.subject == f"account/{wanted.person}"
        conditions.append(or_(audit.c.actor == wanted.person, is_about))
    if wanted.subject is not None:
        conditions.append(audit.c.subject.startswith(wanted.subject, autoescape=True))
    return conditions


def _entries(rows: Any) -> list[AuditEntry]:
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
            id=row.id,
        )
        for row in rows
    ]


def _link(row: Row[Any]) -> AuditLink:
    return AuditLink(**row._mapping)
