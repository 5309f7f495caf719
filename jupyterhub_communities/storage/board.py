"""What the board asks of the database: a fixed number of statements, however many people there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select

from ..domain.board import Trouble
from ..domain.leases import Lease
from ..domain.line import StartTicket
from .leases import lease_of
from .line import ticket_of
from .tables import accounts, grants, leases, start_tickets, start_troubles

# Whoever was ever granted anything there.
_PEOPLE = select(grants.c.account_id).where(
    grants.c.community == bindparam("community"), grants.c.workshop == bindparam("workshop")
)
_UNSETTLED = select(leases).where(
    leases.c.hub == bindparam("hub"),
    leases.c.settled_at.is_(None),
    leases.c.account_id.in_(_PEOPLE),
)
_NEWEST = (
    select(leases.c.account_id, func.max(leases.c.requested_at).label("at"))
    .where(
        leases.c.hub == bindparam("hub"),
        leases.c.community == bindparam("community"),
        leases.c.workshop == bindparam("workshop"),
    )
    .group_by(leases.c.account_id)
    .subquery()
)
_LAST = select(leases).join(
    _NEWEST,
    (leases.c.account_id == _NEWEST.c.account_id) & (leases.c.requested_at == _NEWEST.c.at),
)
_TICKETS = (
    select(start_tickets)
    .where(start_tickets.c.hub == bindparam("hub"), start_tickets.c.account_id.in_(_PEOPLE))
    .order_by(start_tickets.c.taken_at.desc())
)
_TROUBLES = select(start_troubles).where(
    start_troubles.c.hub == bindparam("hub"), start_troubles.c.account_id.in_(_PEOPLE)
)


class SqlBoard:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    def unsettled(self, community: str, workshop: str) -> Sequence[Lease]:
        return [lease_of(row) for row in self._rows(_UNSETTLED, community, workshop)]

    def last(self, community: str, workshop: str) -> Mapping[str, Lease]:
        return {row.account_id: lease_of(row) for row in self._rows(_LAST, community, workshop)}

    def tickets(self, community: str, workshop: str) -> Mapping[str, StartTicket]:
        rows = self._rows(_TICKETS, community, workshop)
        return {row.account_id: ticket_of(row) for row in rows}

    def troubles(self, community: str, workshop: str) -> Mapping[str, Trouble]:
        rows = self._rows(_TROUBLES, community, workshop)
        return {row.account_id: Trouble(row.code, row.at) for row in rows}

    def note_trouble(self, username: str, trouble: Trouble) -> None:
        account_id = self._connection.execute(
            select(accounts.c.id).where(accounts.c.username == username)
        ).scalar_one_or_none()
        if account_id is None:
            return
        self._connection.execute(
            delete(start_troubles).where(
                start_troubles.c.hub == self._hub_name, start_troubles.c.account_id == account_id
            )
        )
        self._connection.execute(
            insert(start_troubles).values(
                hub=self._hub_name, account_id=account_id, code=trouble.code, at=trouble.at
            )
        )

    def end_trouble(self, username: str, code: str) -> None:
        whose = select(accounts.c.id).where(accounts.c.username == username).scalar_subquery()
        self._connection.execute(
            delete(start_troubles).where(
                start_troubles.c.hub == self._hub_name,
                start_troubles.c.account_id == whose,
                start_troubles.c.code == code,
            )
        )

    def forget_troubles(self, before: datetime) -> None:
        self._connection.execute(delete(start_troubles).where(start_troubles.c.at < before))

    def _rows(self, query: Select[Any], community: str, workshop: str) -> Any:
        place = {"hub": self._hub_name, "community": community, "workshop": workshop}
        return self._connection.execute(query, place)
