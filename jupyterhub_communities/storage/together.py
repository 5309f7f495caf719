"""Repositories for a look at many people: what is theirs is read for all of them together, and what they
have in common once. They do not see what is written meanwhile. What a repository reads by the methods
that are overridden here, it reads by them alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, cached_property

from sqlalchemy import Connection, bindparam, select

from ..application.ports import GrantHistory
from ..domain.accounts import Account
from ..domain.communities import Community
from ..domain.earliest import End
from ..domain.leases import Lease
from ..domain.quotas import Scope
from ..domain.units import Amounts
from ..domain.workshops import Session, Workshop
from .balances import PERSON, Around, Counter, SqlBalances
from .communities import SqlCommunities
from .leases import SqlLeases
from .meters import FirstAsked, Running, SqlMeters
from .people import SqlPeople
from .tables import balances
from .unmetered import Unmetered, read_unmetered
from .workshops import SqlWorkshops

_OF_MEMBERS = select(balances).where(balances.c.scope.in_(bindparam("keys", expanding=True)))


class PeopleTogether(SqlPeople):
    def __init__(self, connection: Connection, usernames: Collection[str]):
        super().__init__(connection)
        self.usernames = usernames

    @cached_property
    def known(self) -> Mapping[str, tuple[Account, GrantHistory]]:
        return self.by_usernames(self.usernames)

    @property
    def account_ids(self) -> list[str]:
        return [account.id for account, _ in self.known.values()]

    def by_username(self, username: str) -> tuple[Account, GrantHistory] | None:
        return self.known.get(username)


class LeasesTogether(SqlLeases):
    def __init__(
        self,
        connection: Connection,
        hub_name: str,
        usernames: Collection[str],
        people: PeopleTogether,
    ):
        super().__init__(connection, hub_name)
        self._usernames, self._people = usernames, people
        self._ends = cache(super().known_ends)

    @cached_property
    def _known(self) -> Mapping[str, Sequence[Lease]]:
        return self.of_usernames(self._usernames)

    @cached_property
    def _latest(self) -> Mapping[str, Lease]:
        return self.each_latest(self._people.account_ids)

    def of_username(self, username: str) -> Sequence[Lease]:
        return self._known[username]

    def latest(self, account_id: str) -> Lease | None:
        return self._latest.get(account_id)

    def known_ends(self, levels: Collection[Scope], *, most: int) -> Sequence[End]:
        places = [level for level in levels if level.member is None]
        if len(places) < len(levels):  # of one of them: then of all, once
            places += [Scope(member=one) for one in self._people.account_ids]
        return self._ends(tuple(places), most=most)


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
        meters = MetersTogether(connection, hub_name, people)
        super().__init__(connection, hub_name, meters)
        self._people, self._running = people, meters.running
        self._around = cache(super().around)
        self._of_members = cache(self._read_members)
        self._with_servers_once = cache(self._read_with_servers)

    def around(self, scope: Scope, now: datetime, until: datetime | None) -> Around:
        found = self._around(scope.place, now, until)
        own = self._of_members(scope.place).get(self._key(scope), ())
        return replace(found, rows=[*found.rows, *own])

    def _read_members(self, place: Scope) -> Mapping[str, Sequence[Counter]]:
        """What these people hold at a place, by the keys of their scopes."""
        keys = [replace(place, member=one).key for one in self._people.account_ids]
        found: dict[str, list[Counter]] = {}
        for row in self._counters(_OF_MEMBERS, {"keys": keys}):
            found.setdefault(row.scope, []).append(row)
        return found

    def _held_by(self, member: str) -> Sequence[tuple[Scope, Amounts]]:
        running = self._running().get(member, ())
        return [(one.place, one.amounts) for one in running if one.hub == self._hub_name]

    @cached_property
    def _outside(self) -> Mapping[str, Sequence[Amounts]]:
        return self.held_outside(self._people.usernames)

    def _held_outside(self, username: str) -> Sequence[Amounts]:
        return self._outside.get(username, ())

    def _read_with_servers(self, level: Scope) -> frozenset[str]:
        query = select(PERSON).where(*self.with_servers(level))
        return frozenset(self._connection.execute(query.distinct()).scalars())

    def _others_with_servers(
        self, level: Scope, *, member: str | None, outsider: str | None
    ) -> int:
        return len(self._with_servers_once(level) - {member or f"@{outsider}"})


class MetersTogether(SqlMeters):
    def __init__(self, connection: Connection, hub_name: str, people: PeopleTogether):
        super().__init__(connection, hub_name)
        self._people = people
        self._unmetered_once = cache(self._read_unmetered)
        self._spent_once = cache(self._read_spent)
        self._hours_by_once = cache(self._read_hours)
        self._hours_once = cache(super()._hours)
        self._totals_once = cache(super()._totals)
        self._sessions_once = cache(super()._sessions_of)
        self.running = cache(self._read_running)

    def _sessions_of(self, scope: Scope) -> Sequence[Session]:
        return self._sessions_once(scope)

    def _unmetered(self, now: datetime, member: str | None, known: FirstAsked) -> Unmetered:
        return self._unmetered_once(now)

    def _read_unmetered(self, now: datetime) -> Unmetered:
        members = self._people.account_ids
        return read_unmetered(self._connection, self._hub_name, now, members=members)

    def _read_running(self) -> Mapping[str, Sequence[Running]]:
        return self.running_by(self._people.account_ids)

    def _running(self, member: str, known: FirstAsked) -> Sequence[Running]:
        return self.running().get(member, ())

    def _read_spent(self, resource: str, begins: datetime) -> Mapping[str, list[tuple[Scope, int]]]:
        return self.spent_by(self._people.account_ids, resource, begins)

    def _spent_by(
        self, scope: Scope, resource: str, begins: datetime
    ) -> Sequence[tuple[Scope, int]]:
        return self._spent_once(resource, begins).get(scope.member or "", ())

    def _read_hours(
        self, resource: str, begins: datetime
    ) -> Mapping[str, Sequence[tuple[datetime, Scope, int]]]:
        return self.hours_by(self._people.account_ids, resource, begins)

    def _hours_by(
        self, member: str, resource: str, begins: datetime
    ) -> Sequence[tuple[datetime, Scope, int]]:
        return self._hours_by_once(resource, begins).get(member, ())

    def _totals(self, wanted: Sequence[tuple[Scope, str, datetime]]) -> Sequence[int]:
        return self._totals_once(tuple(wanted))

    def _hours(self, scope: Scope, resource: str, begins: datetime) -> dict[datetime, int]:
        return self._hours_once(scope, resource, begins)
