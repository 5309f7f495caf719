"""Raised hands in the database, and the access to servers that was given for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, insert, select, update

from ..domain.hands import Hand, ServerAccess
from ..domain.leases import ServerKey
from .tables import hands, server_accesses


class SqlHands:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    def get(self, hand_id: str) -> Hand | None:
        found = self._select(hands.c.id == hand_id)
        return found[0] if found else None

    def of_person(self, community: str, workshop: str, account_id: str) -> Hand | None:
        found = self._select(
            hands.c.community == community,
            hands.c.workshop == workshop,
            hands.c.account_id == account_id,
            hands.c.ended_at.is_(None),
        )
        return found[0] if found else None

    def of_workshop(self, community: str, workshop: str) -> Sequence[Hand]:
        return self._select(
            hands.c.community == community,
            hands.c.workshop == workshop,
            hands.c.ended_at.is_(None),
        )

    def all(self) -> Sequence[Hand]:
        return self._select(hands.c.ended_at.is_(None))

    def add(self, hand: Hand) -> None:
        self._connection.execute(
            insert(hands).values(
                id=hand.id,
                community=hand.community,
                workshop=hand.workshop,
                site=hand.site,
                account_id=hand.account_id,
                question=hand.question,
                raised_at=hand.raised_at,
            )
        )

    def set_question(self, hand_id: str, question: str | None) -> None:
        self._update(hands.c.id == hand_id, question=question)

    def take(self, hand_id: str, helper_id: str, now: datetime) -> bool:
        is_free = and_(hands.c.taken_by.is_(None), hands.c.ended_at.is_(None))
        return self._update(and_(hands.c.id == hand_id, is_free), taken_by=helper_id, taken_at=now)

    def end(self, hand_id: str, now: datetime) -> bool:
        return self._update(and_(hands.c.id == hand_id, hands.c.ended_at.is_(None)), ended_at=now)

    def has_old(self, before: datetime) -> bool:
        query = select(hands.c.id).where(hands.c.ended_at < before).limit(1)
        return self._connection.execute(query).first() is not None

    def forget(self, before: datetime) -> None:
        is_old = and_(hands.c.ended_at.is_not(None), hands.c.ended_at < before)
        these = select(hands.c.id).where(is_old)
        self._connection.execute(
            delete(server_accesses).where(
                server_accesses.c.hand_id.in_(these), server_accesses.c.removed_at.is_not(None)
            )
        )
        has_access = exists().where(server_accesses.c.hand_id == hands.c.id)
        self._connection.execute(delete(hands).where(is_old, ~has_access))

    def add_access(self, access: ServerAccess) -> None:
        self._connection.execute(
            insert(server_accesses).values(
                id=access.id,
                hub=self._hub_name,
                hand_id=access.hand_id,
                community=access.community,
                workshop=access.workshop,
                username=access.server.username,
                server_name=access.server.server_name,
                owner_id=access.owner_id,
                helper_id=access.helper_id,
                starts_at=access.starts_at,
                ends_at=access.ends_at,
            )
        )

    def access(self, access_id: str) -> ServerAccess | None:
        found = self._accesses(server_accesses.c.id == access_id)
        return found[0] if found else None

    def accesses(self, hand_id: str) -> Sequence[ServerAccess]:
        return self._accesses(server_accesses.c.hand_id == hand_id)

    def accesses_to_remove(self) -> Sequence[ServerAccess]:
        return self._accesses(
            server_accesses.c.hub == self._hub_name, server_accesses.c.removed_at.is_(None)
        )

    def end_access(self, hand_id: str, now: datetime) -> bool:
        changed = self._connection.execute(
            update(server_accesses)
            .where(
                server_accesses.c.hand_id == hand_id,
                server_accesses.c.ended_at.is_(None),
                server_accesses.c.removed_at.is_(None),
            )
            .values(ended_at=now)
        )
        return changed.rowcount > 0

    def note_removed(self, access_id: str, now: datetime) -> None:
        self._connection.execute(
            update(server_accesses)
            .where(server_accesses.c.id == access_id, server_accesses.c.removed_at.is_(None))
            .values(removed_at=now)
        )

    def _update(self, condition: ColumnElement[bool], **values: datetime | str | None) -> bool:
        changed = self._connection.execute(update(hands).where(condition).values(**values))
        return changed.rowcount == 1

    def _select(self, *conditions: ColumnElement[bool]) -> list[Hand]:
        rows = self._connection.execute(
            select(hands).where(*conditions).order_by(hands.c.raised_at, hands.c.id)
        )
        return [_hand(row) for row in rows]

    def _accesses(self, *conditions: ColumnElement[bool]) -> list[ServerAccess]:
        rows = self._connection.execute(
            select(server_accesses)
            .where(*conditions)
            .order_by(server_accesses.c.starts_at, server_accesses.c.id)
        )
        return [_access(row) for row in rows]


def _hand(row: Row[Any]) -> Hand:
    return Hand(
        id=row.id,
        community=row.community,
        workshop=row.workshop,
        site=row.site,
        account_id=row.account_id,
        question=row.question,
        raised_at=row.raised_at,
        taken_by=row.taken_by,
        taken_at=row.taken_at,
        ended_at=row.ended_at,
    )


def _access(row: Row[Any]) -> ServerAccess:
    return ServerAccess(
        id=row.id,
        hand_id=row.hand_id,
        community=row.community,
        workshop=row.workshop,
        server=ServerKey(row.username, row.server_name),
        owner_id=row.owner_id,
        helper_id=row.helper_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        removed_at=row.removed_at,
    )
