"""The line for servers, in the database. A repository sees the tickets of its own hub."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select, update

from ..domain.leases import ServerKey
from ..domain.line import StartTicket
from ..domain.quotas import Scope
from .tables import start_tickets


class SqlLine:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    def all(self) -> Sequence[StartTicket]:
        return self._select()

    def of_server(self, server: ServerKey) -> StartTicket | None:
        found = self._select(
            start_tickets.c.username == server.username,
            start_tickets.c.server_name == server.server_name,
        )
        return found[0] if found else None

    def of_user(self, username: str) -> Sequence[StartTicket]:
        return self._select(start_tickets.c.username == username)

    def put(self, ticket: StartTicket) -> None:
        self._connection.execute(
            delete(start_tickets).where(
                start_tickets.c.hub == self._hub_name,
                start_tickets.c.username == ticket.server.username,
                start_tickets.c.server_name == ticket.server.server_name,
            )
        )
        self._connection.execute(
            insert(start_tickets).values(
                id=ticket.id,
                hub=self._hub_name,
                username=ticket.server.username,
                server_name=ticket.server.server_name,
                account_id=ticket.account_id,
                community=ticket.scope.community,
                workshop=ticket.scope.workshop,
                amounts=dict(ticket.amounts),
                options=None if ticket.options is None else dict(ticket.options),
                taken_at=ticket.taken_at,
                seen_at=ticket.seen_at,
            )
        )

    def note_seen(self, seen: Mapping[str, datetime]) -> None:
        if seen:
            self._connection.execute(
                update(start_tickets)
                .where(start_tickets.c.id == bindparam("ticket"))
                .values(seen_at=bindparam("at")),
                [{"ticket": ticket_id, "at": at} for ticket_id, at in seen.items()],
            )

    def remove(self, ticket_ids: Iterable[str]) -> None:
        self._delete(start_tickets.c.id.in_(list(ticket_ids)))

    def remove_of_account(self, account_id: str) -> None:
        self._delete(start_tickets.c.account_id == account_id)

    def remove_of_community(self, community: str) -> None:
        self._delete(start_tickets.c.community == community)

    def _delete(self, condition: ColumnElement[bool]) -> None:
        self._connection.execute(delete(start_tickets).where(condition))

    def _select(self, *conditions: ColumnElement[bool]) -> list[StartTicket]:
        rows = self._connection.execute(
            select(start_tickets)
            .where(start_tickets.c.hub == self._hub_name, *conditions)
            .order_by(start_tickets.c.taken_at, start_tickets.c.id)
        )
        return [ticket_of(row) for row in rows]


def ticket_of(row: Row[Any]) -> StartTicket:
    return StartTicket(
        id=row.id,
        server=ServerKey(row.username, row.server_name),
        account_id=row.account_id,
        scope=Scope(row.community, row.workshop),
        taken_at=row.taken_at,
        seen_at=row.seen_at,
        amounts=row.amounts,
        options=row.options,
    )
