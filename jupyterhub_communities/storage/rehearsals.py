"""Rehearsals in the database: an invite of their own kind, with what the staff have ticked off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from ..domain.invites import InviteKind
from ..domain.rehearsals import Step, Ticks
from .tables import invites, redemptions, rehearsals

_COLUMNS = {Step.LESSON: rehearsals.c.lesson_at, Step.LANGUAGE: rehearsals.c.language_at}


class SqlRehearsals:
    def __init__(self, connection: Connection):
        self._connection = connection

    def add(self, invite_id: str) -> None:
        self._connection.execute(insert(rehearsals).values(invite_id=invite_id))

    def ticks(self, invite_id: str) -> Ticks:
        query = select(rehearsals).where(rehearsals.c.invite_id == invite_id)
        row = self._connection.execute(query).one_or_none()
        return Ticks() if row is None else Ticks(row.lesson_at, row.language_at)

    def tick(self, invite_id: str, step: Step, now: datetime) -> bool:
        column = _COLUMNS[step]
        ticked = self._connection.execute(
            update(rehearsals)
            .where(rehearsals.c.invite_id == invite_id, column.is_(None))
            .values({column: now})
        )
        return ticked.rowcount == 1

    def joined(self, invite_id: str) -> Mapping[str, datetime]:
        query = select(redemptions.c.account_id, redemptions.c.redeemed_at).where(
            redemptions.c.invite_id == invite_id
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def grant_ids(self, community: str, workshop: str) -> frozenset[str]:
        query = (
            select(redemptions.c.grant_id)
            .join(invites, invites.c.id == redemptions.c.invite_id)
            .where(
                invites.c.community == community,
                invites.c.workshop == workshop,
                invites.c.kind == InviteKind.REHEARSAL.value,
                redemptions.c.grant_id.is_not(None),
            )
        )
        return frozenset(self._connection.execute(query).scalars())
