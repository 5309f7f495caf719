"""Repositories for a look at many people: what is theirs is read for all of them together, and what they
have in common once. They do not see what is written meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from ..application.ports import GrantHistory
from ..domain.accounts import Account
from ..domain.communities import Community
from ..domain.leases import Lease
from ..domain.ledger import End
from ..domain.quotas import Scope
from ..domain.workshops import Session, Workshop
from .balances import Around, SqlBalances
from .communities import SqlCommunities
from .leases import SqlLeases
from .meters import SqlMeters, Stretch
from .people import SqlPeople
from .tables import balances
from .workshops import SqlWorkshops

_OF_MEMBERS = select(balances).where(balances.c.scope.in_(bindparam("keys", expanding=True)))


class PeopleTogether(SqlPeople):
    def __init__(self, connection: Connection, usernames: Collection[str]):
        super().__init__(connection)
        self._usernames = usernames

    @cached_property
    def known(self) -> Mapping[str, tuple[Account, GrantHistory]]:
        return self.by_usernames(self._usernames)

    def by_username(self, username: str) -> tuple[Account, GrantHistory] | None:
        return self.known.get(username)


class LeasesTogether(SqlLeases):
    def __init__(self, connection: Connection, hub_name: str, usernames: Collection[str]):
        super().__init__(connection, hub_name)
        self._usernames = usernames
        self._ends = cache(super().known_ends)

    @cached_property
    def _known(self) -> Mapping[str, Sequence[Lease]]:
        return self.of_usernames(self._usernames)

    def of_username(self, username: str) -> Sequence[Lease]:
        return self._known[username]

    def known_ends(self, *, most: int) -> Sequence[End]:
        return self._ends(most=most)


class CommunitiesTogether(SqlCommunities):
    def __init__(self, connection: Connection):
        super().__init__(connection)
        self._get = cache(super().get)

    def get(self, slug: str) -> Community | None:
        return self._get(slug)


class WorkshopsTogether(SqlWorkshops):
    def __init__(self, connection: Connection):
        super().__init__(connection)
        self._get = cache(super().get)

    def get(self, community: str, slug: str) -> Workshop | None:
        return self._get(community, slug)


class BalancesTogether(SqlBalances):
    def __init__(self, connection: Connection, hub_name: str, people: PeopleTogether):
        super().__init__(connection, hub_name, MetersTogether(connection, hub_name))
        self._people = people
        self._around = cache(super().around)
        self._of_members = cache(self._read_members)

    def around(self, scope: Scope, now: datetime, until: datetime) -> Around:
        found = self._around(scope.place, now, until)
        own = self._of_members(scope.place).get(self._key(scope), ())
        return replace(found, rows=[*found.rows, *own])

    def _read_members(self, place: Scope) -> Mapping[str, Sequence[Row[Any]]]:
        """What these people hold at a place, by the keys of their scopes."""
        keys = [replace(place, member=account.id).key for account, _ in self._people.known.values()]
        found: dict[str, list[Row[Any]]] = {}
        for row in self._connection.execute(_OF_MEMBERS, {"keys": keys}):
            found.setdefault(row.scope, []).append(row)
        return found


class MetersTogether(SqlMeters):
    def __init__(self, connection: Connection, hub_name: str):
        super().__init__(connection, hub_name)
        self._unmetered_once = cache(super()._unmetered)
        self._hours_once = cache(super()._hours)
        self._sessions_once = cache(super()._sessions_of)
        self._allowed_once = cache(super()._allowed_on)

    def _allowed_on(self, keys: tuple[str, ...]) -> Sequence[Row[Any]]:
        return self._allowed_once(tuple(key for key in keys if "@" not in key))

    def _sessions_of(self, scope: Scope) -> Sequence[Session]:
        return self._sessions_once(scope)

    def _unmetered(self, now: datetime) -> tuple[datetime, list[Stretch]]:
        return self._unmetered_once(now)

    def _hours(self, scope: Scope, resource: str, begins: datetime) -> dict[datetime, int]:
        return dict(self._hours_once(scope, resource, begins))
