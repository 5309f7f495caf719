"""What the board asks of the database: a fixed number of statements, however many people there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
)

from ..application.ports.board import Placed
from ..domain.accounts import Named
from ..domain.board import Trouble
from ..domain.grants import Role
from ..domain.leases import Lease, ServerKey
from ..domain.line import StartTicket
from ..domain.quotas import Scope
from .grants import unlapsed_at
from .line import ticket_of
from .tables import accounts, grants, leases, start_tickets, start_troubles

# Whoever was ever granted anything there.
_PEOPLE = select(grants.c.account_id).where(
    grants.c.community == bindparam("community"), grants.c.workshop == bindparam("workshop")
)
_NAMED = (accounts.c.id, accounts.c.username, accounts.c.display_name, accounts.c.folded_name)
_LEASE = (
    leases.c.id,
    leases.c.username,
    leases.c.server_name,
    leases.c.account_id,
    leases.c.community,
    leases.c.workshop,
    leases.c.profile,
    leases.c.requested_at,
    leases.c.active_at,
    leases.c.settled_at,
)
_UNSETTLED = select(*_LEASE).where(
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
_LAST = select(*_LEASE).join(
    _NEWEST,
    (leases.c.account_id == _NEWEST.c.account_id) & (leases.c.requested_at == _NEWEST.c.at),
)
_TROUBLED = select(start_troubles.c.account_id).where(start_troubles.c.hub == bindparam("hub"))
_FAILED = _LAST.where(or_(leases.c.active_at.is_(None), leases.c.account_id.in_(_TROUBLED)))
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

    def people(self, community: str, workshop: str, now: datetime) -> Sequence[Placed]:
        query = (
            select(
                *_NAMED,
                grants.c.id.label("grant_id"),
                grants.c.role,
                grants.c.starts_at,
                grants.c.site,
                and_(*unlapsed_at(now)),
                grants.c.revoked_at.is_not(None),
            )
            .join(accounts, accounts.c.id == grants.c.account_id)
            .where(grants.c.community == community, grants.c.workshop == workshop)
            .order_by(grants.c.starts_at, grants.c.id)
        )
        return [
            Placed(
                Named(id, username, name, folded), grant_id, role, at, site, bool(holds), bool(gone)
            )
            for id, username, name, folded, grant_id, role, at, site, holds, gone in (
                self._connection.execute(query)
            )
        ]

    def learners(
        self,
        community: str,
        workshop: str,
        now: datetime,
        *,
        sites: Collection[str] | None,
        limit: int,
    ) -> Sequence[Named]:
        query = (
            select(*_NAMED)
            .join(grants, accounts.c.id == grants.c.account_id)
            .where(grants.c.community == community, grants.c.workshop == workshop)
            .where(*unlapsed_at(now))
            .group_by(*_NAMED)
            .having(func.max(grants.c.role) == int(Role.LEARNER))
            .order_by(accounts.c.folded_name, accounts.c.id)
            .limit(limit)
        )
        if sites is not None:
            query = query.where(grants.c.site.in_(sites))
        return [Named(*row) for row in self._connection.execute(query)]

    def unsettled(self, community: str, workshop: str) -> Sequence[Lease]:
        return [_lease(row) for row in self._rows(_UNSETTLED, community, workshop)]

    def last(self, community: str, workshop: str) -> Mapping[str, Lease]:
        return {row.account_id: _lease(row) for row in self._rows(_LAST, community, workshop)}

    def failed(self, community: str, workshop: str) -> Mapping[str, Lease]:
        return {row.account_id: _lease(row) for row in self._rows(_FAILED, community, workshop)}

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


def _lease(row: Sequence[Any]) -> Lease:
    """As far as the board looks at it. By place: by name each value costs as much as its object."""
    id, username, server, account, community, workshop, profile, requested, active, settled = row
    return Lease(
        id=id,
        server=ServerKey(username, server),
        account_id=account,
        scope=Scope(community, workshop),
        profile=profile,
        requested_at=requested,
        active_at=active,
        settled_at=settled,
    )
