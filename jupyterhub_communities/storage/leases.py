"""Leases in the database. A repository sees the leases of its own hub only."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Text,
    and_,
    bindparam,
    case,
    cast,
    extract,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    type_coerce,
    union_all,
    update,
)

from ..domain.earliest import End
from ..domain.leases import Lease, ServerKey
from ..domain.quotas import HUB, Scope
from ..domain.timelines import Changes
from .many import ONE
from .tables import UtcDateTime, accounts, communities, leases

_NO_SERVER = ServerKey("")
_METERED = (
    leases.c.community,
    leases.c.workshop,
    leases.c.profile,
    func.coalesce(leases.c.metered_until, leases.c.requested_at),
    leases.c.settled_at,
)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Made once: asked at every start and stop.
_BY_ID = select(leases).where(leases.c.id == bindparam("sought"))
_IS_OF_SERVER = and_(
    leases.c.hub == bindparam("this_hub"),
    leases.c.username == bindparam("user"),
    leases.c.server_name == bindparam("server"),
    leases.c.settled_at.is_(None),
)
_OF_SERVER = select(leases).where(_IS_OF_SERVER)
_SETTLE_SERVER = (
    update(leases)
    .where(_IS_OF_SERVER)
    .values(
        settled_at=bindparam("now"),
        active_at=func.coalesce(leases.c.active_at, bindparam("up_at", type_=UtcDateTime)),
    )
    .returning(leases)
)
_LATEST = (
    select(leases)
    .where(leases.c.account_id == bindparam("account"), leases.c.community.is_not(None))
    .order_by(leases.c.requested_at.desc())
    .limit(ONE)
)
# One that is to be stopped ends then, which may be later: its person has been warned.
_ENDS_AT = func.coalesce(leases.c.stop_at, leases.c.ends_at)
# Of each refusal, and of many leases: only what is looked at.
_KNOWN_ENDS = (
    select(
        _ENDS_AT.label("at"),
        leases.c.hub,
        leases.c.community,
        leases.c.workshop,
        leases.c.account_id,
        leases.c.amounts,
    )
    .where(leases.c.settled_at.is_(None), _ENDS_AT.is_not(None))
    .order_by(_ENDS_AT)
    .limit(bindparam("most"))
)
_ADD = insert(leases)
_ACTIVATE = (
    update(leases)
    .where(
        leases.c.id == bindparam("of"),
        leases.c.active_at.is_(None),
        leases.c.settled_at.is_(None),
    )
    .values(active_at=bindparam("now"))
)
_SETTLE = (
    update(leases)
    .where(leases.c.id == bindparam("of"), leases.c.settled_at.is_(None))
    .values(settled_at=bindparam("now"))
)
_OF_USERNAME = (
    select(leases)
    .where(
        leases.c.hub == bindparam("hub"),
        leases.c.username == bindparam("sought"),
        leases.c.settled_at.is_(None),
    )
    .order_by(leases.c.server_name)
)
_OF_USERNAMES = (
    select(leases)
    .where(
        leases.c.hub == bindparam("hub"),
        leases.c.username.in_(bindparam("sought", expanding=True)),
        leases.c.settled_at.is_(None),
    )
    .order_by(leases.c.server_name)
)
_EACH_LATEST = select(leases).where(
    leases.c.id.in_(
        select(
            select(leases.c.id)
            .where(leases.c.account_id == accounts.c.id, leases.c.community.is_not(None))
            .order_by(leases.c.requested_at.desc())
            .limit(ONE)
            .scalar_subquery()
        ).where(accounts.c.id.in_(bindparam("accounts", expanding=True)))
    )
)
_PLAN_STOP = (
    update(leases)
    .where(leases.c.id == bindparam("of"), leases.c.settled_at.is_(None))
    .values(
        ends_at=bindparam("ends_at"),
        warned_at=bindparam("warned_at"),
        stop_at=bindparam("stop_at"),
        stop_reason=bindparam("stop_reason"),
    )
)


class SqlLeases:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    def get(self, lease_id: str) -> Lease | None:
        row = self._connection.execute(_BY_ID, {"sought": lease_id}).one_or_none()
        return None if row is None else lease_of(row)

    def unsettled(self) -> Sequence[Lease]:
        rows = self._connection.execute(
            select(leases).where(leases.c.hub == self._hub_name, leases.c.settled_at.is_(None))
        )
        return [lease_of(row) for row in rows]

    def of_server(self, server: ServerKey) -> Lease | None:
        row = self._connection.execute(_OF_SERVER, self._sought(server)).one_or_none()
        return None if row is None else lease_of(row)

    def _sought(self, server: ServerKey) -> dict[str, Any]:
        return {
            "this_hub": self._hub_name,
            "user": server.username,
            "server": server.server_name,
        }

    def of_account(self, account_id: str) -> Sequence[Lease]:
        rows = self._connection.execute(
            select(leases).where(
                leases.c.hub == self._hub_name,
                leases.c.account_id == account_id,
                leases.c.settled_at.is_(None),
            )
        )
        return [lease_of(row) for row in rows]

    def of_username(self, username: str) -> Sequence[Lease]:
        rows = self._connection.execute(_OF_USERNAME, {"hub": self._hub_name, "sought": username})
        return [lease_of(row) for row in rows]

    def of_usernames(self, usernames: Collection[str]) -> Mapping[str, Sequence[Lease]]:
        found: dict[str, list[Lease]] = {username: [] for username in usernames}
        sought = {"hub": self._hub_name, "sought": list(usernames)}
        for row in self._connection.execute(_OF_USERNAMES, sought):
            found[row.username].append(lease_of(row))
        return found

    def settled(
        self, community: str | None, since: datetime, *, after: Lease | None, limit: int
    ) -> Sequence[Lease]:
        query = select(leases).where(self._settled_since(community, since))
        if after is not None:
            at = after.settled_at
            behind = and_(leases.c.settled_at == at, leases.c.id > after.id)
            query = query.where(leases.c.settled_at >= at, or_(leases.c.settled_at > at, behind))
        query = query.order_by(leases.c.settled_at, leases.c.id).limit(limit)
        return [lease_of(row) for row in self._connection.execute(query)]

    def count_settled(self, community: str | None, since: datetime) -> int:
        query = select(func.count()).where(self._settled_since(community, since))
        return self._connection.execute(query).scalar_one()

    def _settled_since(self, community: str | None, since: datetime) -> ColumnElement[bool]:
        mine = and_(leases.c.hub == self._hub_name, leases.c.settled_at > since)
        return mine if community is None else and_(mine, leases.c.community == community)

    def changes(
        self,
        places: Sequence[Scope],
        resource: str,
        start: datetime,
        end: datetime,
        step: timedelta,
    ) -> Mapping[Scope, Sequence[Changes]]:
        first = places[0]
        place = literal("") if first == HUB else leases.c.community
        there: list[ColumnElement[bool]] = []
        if first != HUB:
            there.append(leases.c.community.in_([one.community for one in places]))
        if first.workshop is not None:
            there.append(leases.c.workshop == first.workshop)
        amount = cast(leases.c.amounts[resource].as_string(), BigInteger)
        holding = (
            select(
                place.label("place"),
                case((leases.c.requested_at < start, start), else_=leases.c.requested_at).label(
                    "at"
                ),
                leases.c.settled_at.label("until"),
                amount.label("amount"),
            )
            .where(
                leases.c.hub == self._hub_name,
                leases.c.requested_at < end,
                or_(leases.c.settled_at.is_(None), leases.c.settled_at > start),
                # A clock that was set back: it held nothing for any time.
                or_(leases.c.settled_at.is_(None), leases.c.settled_at > leases.c.requested_at),
                amount.is_not(None),
            )
            .where(*there)
            .cte("holding")
        )
        begun = select(holding.c.place, holding.c.at, holding.c.amount.label("by"))
        over = select(holding.c.place, holding.c.until, -holding.c.amount)
        both = union_all(begun, over.where(holding.c.until < end)).subquery()
        at: ColumnElement[datetime] = type_coerce(both.c.at, UtcDateTime)
        running = select(
            both.c.place,
            at.label("at"),
            both.c.by,
            # All changes of one moment count together.
            func.sum(both.c.by).over(partition_by=both.c.place, order_by=both.c.at).label("held"),
        ).subquery()
        number = self._step_of(running.c.at, start, step).label("number")
        query = (
            select(
                running.c.place,
                number,
                func.min(running.c.at).label("first_at"),
                func.sum(running.c.by).label("net"),
                func.max(running.c.held).label("most"),
            )
            .group_by(running.c.place, number)
            .order_by(running.c.place, number)
        )
        found: dict[Scope, list[Changes]] = {one: [] for one in places}
        for row in self._connection.execute(query):
            scope = first if first == HUB or first.workshop else Scope(row.place)
            found[scope].append(Changes(row.number, row.first_at, int(row.net), int(row.most)))
        return found

    def _step_of(
        self, at: ColumnElement[datetime], start: datetime, step: timedelta
    ) -> ColumnElement[int]:
        seconds: ColumnElement[int] = extract("epoch", at)  # whole ones on SQLite
        if self._connection.dialect.name == "postgresql":
            seconds = cast(func.floor(seconds), BigInteger)
        return (seconds - int(start.timestamp())) // int(step.total_seconds())

    def had_any(self, account_ids: Iterable[str]) -> frozenset[str]:
        wanted = list(account_ids)
        if not wanted:
            return frozenset()
        query = select(leases.c.account_id).where(leases.c.account_id.in_(wanted)).distinct()
        return frozenset(self._connection.execute(query).scalars())

    def starts(
        self, community: str, workshop: str
    ) -> Mapping[str, tuple[datetime | None, datetime | None]]:
        query = (
            select(leases.c.account_id, func.min(leases.c.active_at), func.max(leases.c.active_at))
            .where(
                leases.c.community == community,
                leases.c.workshop == workshop,
                leases.c.account_id.is_not(None),
            )
            .group_by(leases.c.account_id)
        )
        return {row[0]: (row[1], row[2]) for row in self._connection.execute(query)}

    def stopped_since(
        self, servers: Collection[ServerKey], since: datetime
    ) -> frozenset[ServerKey]:
        if not servers:
            return frozenset()
        query = select(leases.c.username, leases.c.server_name).where(
            leases.c.hub == self._hub_name,
            leases.c.settled_at >= since,
            leases.c.username.in_({one.username for one in servers}),
        )
        return frozenset(ServerKey(*row) for row in self._connection.execute(query)) & set(servers)

    def latest(self, account_id: str) -> Lease | None:
        row = self._connection.execute(_LATEST, {"account": account_id}).one_or_none()
        return None if row is None else lease_of(row)

    def each_latest(self, account_ids: Collection[str]) -> Mapping[str, Lease]:
        rows = self._connection.execute(_EACH_LATEST, {"accounts": list(account_ids)})
        return {row.account_id: lease_of(row) for row in rows}

    def add(self, lease: Lease) -> None:
        self._connection.execute(
            _ADD,
            {
                "id": lease.id,
                "hub": self._hub_name,
                "username": lease.server.username,
                "server_name": lease.server.server_name,
                "account_id": lease.account_id,
                "community": lease.scope.community,
                "workshop": lease.scope.workshop,
                "profile": lease.profile,
                "requested_at": lease.requested_at,
                "active_at": lease.active_at,
                "adopted": lease.adopted,
                "amounts": dict(lease.amounts),
                "ends_at": lease.ends_at,
                "is_rescue": lease.is_rescue,
                "is_hub_admin": lease.is_hub_admin,
            },
        )

    def unmetered(self, lease_ids: Sequence[str] | None = None) -> Sequence[Lease]:
        query = select(leases).where(self._has_unmetered())
        if lease_ids is not None:
            query = query.where(leases.c.id.in_(lease_ids))
        return [lease_of(row) for row in self._connection.execute(query)]

    def unmetered_alike(self) -> Sequence[tuple[Lease, int]]:
        amounts = cast(leases.c.amounts, Text)  # PostgreSQL compares no JSON
        rows = self._connection.execute(
            select(*_METERED, amounts, func.count())
            .where(self._has_unmetered())
            .group_by(*_METERED, amounts)
        )
        return [
            (
                Lease(
                    id="",
                    server=_NO_SERVER,
                    account_id=None,
                    scope=Scope(community, workshop),
                    profile=profile,
                    requested_at=since,
                    settled_at=settled_at,
                    amounts=json.loads(text),
                ),
                number,
            )
            for community, workshop, profile, since, settled_at, text, number in rows
        ]

    def unmetered_since(self, *, has_ended: bool = False) -> Mapping[str, datetime]:
        since = func.coalesce(leases.c.metered_until, leases.c.requested_at)
        query = select(leases.c.id, since).where(self._has_unmetered())
        if has_ended:
            query = query.where(leases.c.settled_at > _LONG_AGO)  # an index has these
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def note_metered(
        self, lease_ids: Sequence[str], until: datetime, *, is_last: bool = True
    ) -> None:
        if not lease_ids:
            return
        these = and_(leases.c.id.in_(lease_ids), self._has_unmetered())
        is_over: ColumnElement[bool] = leases.c.settled_at.is_not(None)
        if not is_last:
            is_over = and_(is_over, leases.c.settled_at <= until)
        self._connection.execute(
            update(leases)
            .where(these, not_(is_over))
            .where(or_(leases.c.metered_until.is_(None), leases.c.metered_until < until))
            .where(leases.c.requested_at < until)
            .values(metered_until=until)
        )
        self._connection.execute(
            update(leases)
            .where(these, is_over)
            .values(
                metered_until=case(
                    (leases.c.metered_until > leases.c.settled_at, leases.c.metered_until),
                    else_=leases.c.settled_at,
                ),
                metered_at=until,
            )
        )

    def _has_unmetered(self) -> ColumnElement[bool]:
        return and_(leases.c.hub == self._hub_name, leases.c.metered_at.is_(None))

    def known_ends(self, levels: Collection[Scope], *, most: int) -> Sequence[End]:
        there = [self._is_within(level) for level in levels if level.member is None]
        members = [level.member for level in levels if level.member is not None]
        if members:  # at other places too: a limit may count them
            there.append(leases.c.account_id.in_(members))
        query = _KNOWN_ENDS.where(or_(*there))
        return [
            End(
                row.at,
                Scope(row.community, row.workshop, member=row.account_id),
                row.amounts,
                is_here=row.hub == self._hub_name,
            )
            for row in self._connection.execute(query, {"most": most})
        ]

    def _is_within(self, level: Scope) -> ColumnElement[bool]:
        if level.cohort is not None:
            members = select(communities.c.slug).where(communities.c.cohort == level.cohort)
            return leases.c.community.in_(members)
        if level.community is None:
            return leases.c.hub == self._hub_name
        if level.workshop is None:
            return leases.c.community == level.community
        return and_(leases.c.community == level.community, leases.c.workshop == level.workshop)

    def plan_stops(self, planned: Iterable[Lease]) -> None:
        rows = [
            {
                "of": lease.id,
                "ends_at": lease.ends_at,
                "warned_at": lease.warned_at,
                "stop_at": lease.stop_at,
                "stop_reason": lease.stop_reason,
            }
            for lease in planned
        ]
        if rows:
            self._connection.execute(_PLAN_STOP, rows)

    def activate(self, lease_ids: Sequence[str], now: datetime) -> None:
        if lease_ids:
            self._connection.execute(_ACTIVATE, [{"of": one, "now": now} for one in lease_ids])

    def settle(self, lease_id: str, now: datetime) -> bool:
        return self._connection.execute(_SETTLE, {"of": lease_id, "now": now}).rowcount == 1

    def settle_server(
        self, server: ServerKey, now: datetime, *, came_up: bool = False
    ) -> Lease | None:
        asked = self._sought(server) | {"now": now, "up_at": now if came_up else None}
        row = self._connection.execute(_SETTLE_SERVER, asked).one_or_none()
        return None if row is None else lease_of(row)


def lease_of(row: Row[Any]) -> Lease:
    return Lease(
        id=row.id,
        server=ServerKey(row.username, row.server_name),
        account_id=row.account_id,
        scope=Scope(row.community, row.workshop),
        profile=row.profile,
        requested_at=row.requested_at,
        active_at=row.active_at,
        settled_at=row.settled_at,
        adopted=row.adopted,
        amounts=row.amounts,
        metered_until=row.metered_until,
        ends_at=row.ends_at,
        warned_at=row.warned_at,
        stop_at=row.stop_at,
        stop_reason=row.stop_reason,
        is_rescue=row.is_rescue,
        is_hub_admin=row.is_hub_admin,
    )
