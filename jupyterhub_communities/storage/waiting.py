"""People in line for a seat, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from ..domain.waiting import Ticket
from .tables import waiting

_BY_ATTEMPT = select(waiting).where(  # made once: asked at every sign-in with a code
    waiting.c.invite_id == bindparam("invite"),
    waiting.c.attempt_digest == bindparam("sought"),
    waiting.c.ended_at.is_(None),
)


class SqlWaiting:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, ticket_id: str) -> Ticket | None:
        found = self._select(waiting.c.id == ticket_id)
        return found[0] if found else None

    def by_attempt(self, invite_id: str, attempt_digest: str) -> Ticket | None:
        values = {"invite": invite_id, "sought": attempt_digest}
        row = self._connection.execute(_BY_ATTEMPT, values).first()
        return None if row is None else _ticket(row)

    def of_invite(self, invite_id: str) -> Sequence[Ticket]:
        return self._select(waiting.c.invite_id == invite_id, waiting.c.ended_at.is_(None))

    def next_number(self, invite_id: str) -> int:
        query = select(func.max(waiting.c.number)).where(waiting.c.invite_id == invite_id)
        return (self._connection.execute(query).scalar_one() or 0) + 1

    def add(self, ticket: Ticket) -> None:
        self._connection.execute(
            insert(waiting).values(
                id=ticket.id,
                invite_id=ticket.invite_id,
                attempt_digest=ticket.attempt_digest,
                number=ticket.number,
                name=ticket.name,
                created_at=ticket.created_at,
                admitted_at=ticket.admitted_at,
            )
        )

    def admit(self, ticket_id: str, now: datetime) -> None:
        self._update(ticket_id, waiting.c.admitted_at.is_(None), admitted_at=now)

    def offer(self, ticket_id: str, until: datetime) -> bool:
        return self._update(
            ticket_id,
            waiting.c.offered_until.is_(None),
            waiting.c.ended_at.is_(None),
            offered_until=until,
        )

    def end(self, ticket_id: str, now: datetime) -> bool:
        return self._update(ticket_id, waiting.c.ended_at.is_(None), ended_at=now)

    def forget(self, before: datetime) -> None:
        self._connection.execute(delete(waiting).where(waiting.c.ended_at < before))

    def end_overdue(self, invite_id: str, now: datetime) -> int:
        ended = self._connection.execute(
            update(waiting)
            .where(
                waiting.c.invite_id == invite_id,
                waiting.c.ended_at.is_(None),
                waiting.c.offered_until <= now,
            )
            .values(ended_at=now)
        )
        return ended.rowcount

    def invites_to_look_at(self) -> Sequence[str]:
        query = select(waiting.c.invite_id).where(waiting.c.ended_at.is_(None)).distinct()
        return self._connection.execute(query).scalars().all()

    def _select(self, *conditions: ColumnElement[bool]) -> list[Ticket]:
        rows = self._connection.execute(
            select(waiting).where(*conditions).order_by(waiting.c.number)
        )
        return [_ticket(row) for row in rows]

    def _update(self, ticket_id: str, *conditions: ColumnElement[bool], **values: datetime) -> bool:
        changed = self._connection.execute(
            update(waiting).where(waiting.c.id == ticket_id, *conditions).values(**values)
        )
        return changed.rowcount == 1


def _ticket(row: Row[tuple[object, ...]]) -> Ticket:
    return Ticket(
        id=row.id,
        invite_id=row.invite_id,
        attempt_digest=row.attempt_digest,
        number=row.number,
        name=row.name,
        created_at=row.created_at,
        admitted_at=row.admitted_at,
        offered_until=row.offered_until,
        ended_at=row.ended_at,
    )
