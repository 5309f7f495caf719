"""What is held of each resource at each scope, and its limit: one row each.

An admission reads the rows on its path and writes them back with the cap in the `WHERE`: as many
statements with ten leases as with a million.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    Update,
    and_,
    bindparam,
    column,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from ..application.ports import Hold, Hours
from ..domain.borrowing import Share
from ..domain.each import EachLimit
from ..domain.ledger import Key, Ledger, Rules
from ..domain.loans import Loan
from ..domain.quotas import HUB, Balance, Scope
from ..domain.reservations import Reservation
from ..domain.units import MOST, Amounts
from .many import gathered
from .meters import FirstAsked, SqlMeters, first_columns
from .scopes import is_on_path, path_keys, read_key, scope_key
from .tables import (
    balances,
    communities,
    leases,
    loans,
    sessions,
    workshops,
)

# Made once: asked at every start.
_COHORT_KEY = (
    select(literal("hub/~") + communities.c.cohort)
    .where(communities.c.slug == bindparam("community"))
    .scalar_subquery()
)
_IS_ON_PATH = or_(is_on_path(balances.c.scope), balances.c.scope == _COHORT_KEY)
_PATH = select(balances).where(_IS_ON_PATH)
_LENT = select(loans).where(
    literal("hub/~") + loans.c.cohort == _COHORT_KEY,
    loans.c.ends_at > bindparam("after"),
    loans.c.starts_at < bindparam("before"),
)
_RESERVED = (
    select(
        workshops.c.community,
        workshops.c.slug,
        workshops.c.reserved,
        workshops.c.reserved_at,
        workshops.c.closed_at,
        sessions.c.starts_at,
        sessions.c.ends_at,
    )
    .join(
        sessions,
        and_(
            sessions.c.community == workshops.c.community, sessions.c.workshop == workshops.c.slug
        ),
    )
    .where(
        workshops.c.reserved.is_not(None),
        sessions.c.ends_at > bindparam("after"),
        sessions.c.starts_at < bindparam("before"),
    )
)
# While a community is suspended nobody of it can start: nothing is kept for it, what stays promised.
_KEPT = _RESERVED.join(communities, communities.c.slug == workshops.c.community).where(
    communities.c.suspended_at.is_(None)
)
# With what else there is to ask for, at all: a way to the database costs more than a look aside.
_STANDING = {
    dialect: select(
        gathered(dialect, balances.columns, _IS_ON_PATH).label("counters"),
        _KEPT.exists().label("has_reserved"),
        _LENT.exists().label("has_lent"),
        *first_columns(dialect),
    )
    for dialect in ("sqlite", "postgresql")
}
_OUTSIDE_LEASES = select(leases.c.username, leases.c.amounts).where(
    leases.c.hub == bindparam("this_hub"),
    leases.c.username.in_(bindparam("usernames", expanding=True)),
    leases.c.account_id.is_(None),
    leases.c.settled_at.is_(None),
)
# Whose a lease is: an account's, or somebody's who has none.
PERSON: ColumnElement[str] = func.coalesce(leases.c.account_id, literal("@") + leases.c.username)

_WANTED: Mapping[str, TypeEngine[Any]] = {
    "at": String(),
    "what": String(),
    "asked": BigInteger(),
    "needs": BigInteger(),
    "cap": BigInteger(),
}


def _taking(wanted: Mapping[str, ColumnElement[Any]]) -> Update:
    return (
        update(balances)
        .where(
            balances.c.scope == wanted["at"],
            balances.c.resource == wanted["what"],
            balances.c.held + wanted["needs"] <= wanted["cap"],
        )
        .values(held=balances.c.held + wanted["asked"])
    )


def _of_json() -> Mapping[str, ColumnElement[Any]]:
    row = func.json_each(bindparam("wanted", type_=JSON())).table_valued("value", name="wanted").c
    return {
        name: func.json_extract(row.value, f"$.{name}", type_=of) for name, of in _WANTED.items()
    }


def _of_arrays() -> Mapping[str, ColumnElement[Any]]:
    arrays = (bindparam(name, type_=postgresql.ARRAY(of)) for name, of in _WANTED.items())
    rows = func.unnest(*arrays).table_valued(*(column(name, of) for name, of in _WANTED.items()))
    return dict(rows.render_derived().c)


# All rows at once: each of them would have to travel on PostgreSQL, and on SQLite make the thread give
# up Python's lock twice and wait for it behind the Hub.
_TAKE_ALL = {"sqlite": _taking(_of_json()), "postgresql": _taking(_of_arrays())}
# Of a community in a cohort nothing: there is a pool that gets some of it back.
_TAKE_ALONE = {dialect: take.where(_COHORT_KEY.is_(None)) for dialect, take in _TAKE_ALL.items()}
_MOST_ASKED = 100  # sums in one statement
_CORRECT = (
    update(balances)
    .where(balances.c.scope == bindparam("at"), balances.c.resource == bindparam("what"))
    .values(held=balances.c.held + bindparam("more"))
)
_FAR = datetime(9999, 1, 1, tzinfo=UTC)


class Counter(NamedTuple):
    """A row of balances."""

    scope: str
    resource: str
    quota: int | None
    held: int
    quota_each: int | None
    is_shared_equally: bool
    nominal: int | None
    may_borrow: int | None
    may_lend: int | None


@dataclass(frozen=True, slots=True)
class Around:
    """What a start is judged by, as it stands in the database; of what was spent, the beginning."""

    rows: Sequence[Counter]  # of the path, and of those for whom something is reserved or lent
    cohort: str | None  # the community's
    reserved: Sequence[Reservation]
    lent: Sequence[Loan]
    spends: FirstAsked


class SqlBalances:
    def __init__(self, connection: Connection, hub_name: str, meters: SqlMeters | None = None):
        self._connection = connection
        self._hub_name = hub_name
        self._meters = meters or SqlMeters(connection, hub_name)

    def get(self, scope: Scope, resource: str) -> Balance:
        row = self._row(scope, resource)
        if row is None:
            return Balance(scope=scope, resource=resource, limit=None)
        share = share_of(row)
        limits = [row.quota, None if share is None else share.ceiling]
        limit = min((one for one in limits if one is not None), default=None)
        return Balance(scope=scope, resource=resource, limit=limit, held=row.held)

    # A start

    def standing(
        self,
        scope: Scope,
        wanted: Amounts,
        now: datetime,
        until: datetime | None,
        *,
        hours: Hours = "sums",
        outsider: str | None = None,
    ) -> Ledger:
        """All that decides about a request of `wanted` that lasts from `now` to `until`."""
        found = self.around(scope, now, until)
        path = {self._key(level): level for level in scope.path(found.cohort)}
        return self._assembled(
            scope,
            wanted,
            path,
            found,
            now,
            hours=hours,
            outsider=outsider,
            is_for_later=until is None,
        )

    def around(self, scope: Scope, now: datetime, until: datetime | None) -> Around:
        path = {self._key(level): level for level in scope.path()}
        sought = {
            **path_keys(path),
            "community": scope.community or "",
            "account": scope.member,
            "after": now,
            "before": until or _FAR,
            "this_hub": self._hub_name,
        }
        query = _STANDING[self._connection.dialect.name]
        found = self._connection.execute(query, sought).one()
        rows = [Counter(*one) for one in json.loads(found.counters or "[]")]
        cohort = _cohort_in(rows, path)
        lent = self._lent(sought, rows) if found.has_lent else []
        # Where nothing is limited, nothing that is reserved is in anybody's way.
        is_asked = found.has_reserved and any(map(_limits, rows))
        reserved = self.reservations(now, until, are_kept=True) if is_asked else []
        # Whoever gives the pool something back later is one of the cohort's.
        is_shared = bool(reserved or lent or (cohort is not None and until is None))
        others = self._others(scope, cohort, reserved, path) if is_shared else ()
        return Around((*rows, *others), cohort, reserved, lent, FirstAsked.of(found))

    def _lent(self, sought: Mapping[str, Any], rows: Iterable[Counter]) -> list[Loan]:
        """Of what the cohort shares."""
        shared = {row.resource for row in rows if row.scope.startswith("hub/~")}
        found = self._connection.execute(_LENT, sought)
        return [Loan(**one._mapping) for one in found if one.resource in shared]

    def hold(self, holds: Iterable[Hold]) -> bool:
        """Adds to what is held, where all of it fits: the caps stand in the `UPDATE … WHERE`. False
        where one does not fit; the transaction is then to be given up."""
        holds = list(holds)
        self._open(hold for hold in holds if hold.is_first)
        return not holds or self._take(self._wanted(holds)) == len(holds)

    def _wanted(self, holds: Iterable[Hold]) -> list[Mapping[str, Any]]:
        return [
            {
                "at": self._key(hold.scope),
                "what": hold.resource,
                "asked": hold.amount,
                "needs": hold.needs,
                "cap": MOST if hold.cap is None else hold.cap,
            }
            for hold in holds
        ]

    def _take(self, wanted: Sequence[Mapping[str, Any]]) -> int:
        """How many of the rows had room."""
        return self._execute(_TAKE_ALL, wanted)

    def _execute(
        self, taking: Mapping[str, Update], wanted: Sequence[Mapping[str, Any]], **more: object
    ) -> int:
        dialect = self._connection.dialect.name
        values: Mapping[str, Any] = (
            {name: [one[name] for one in wanted] for name in _WANTED}
            if dialect == "postgresql"
            else {"wanted": wanted}
        )
        return self._connection.execute(taking[dialect], {**values, **more}).rowcount

    def _open(self, holds: Iterable[Hold]) -> None:
        self._insert_new(
            [{"scope": self._key(one.scope), "resource": one.resource, "held": 0} for one in holds]
        )

    def _insert_new(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
            self._connection.execute(dialect.insert(balances).on_conflict_do_nothing(), rows)

    def release(self, scope: Scope, amounts: Amounts) -> None:
        """Gives back at every level what a lease held."""
        given = {resource: -amount for resource, amount in amounts.items() if amount}
        holds = [Hold(level, what, n) for what, n in given.items() for level in scope.path()]
        community = scope.community or ""
        if holds and not self._execute(_TAKE_ALONE, self._wanted(holds), community=community):
            self._release_in_cohort(scope, given)

    def _release_in_cohort(self, scope: Scope, given: Amounts) -> None:
        """What its pool gets back depends on what the community holds."""
        path = {self._key(level): level for level in scope.path()}
        sought = path_keys(path) | {"community": scope.community or ""}
        rows = self._counters(_PATH, sought)
        cohort = _cohort_in(rows, path)
        shares = {} if cohort is None else _shares(rows, path)
        held = {(path[row.scope], row.resource): row.held for row in rows if row.scope in path}
        rules = Rules(shares=shares, cohorts={scope.community or "": cohort} if cohort else {})
        ledger = Ledger.standing(rules, held, {})
        self.hold(Hold(*move) for move in ledger.moves(scope, given) if move[2])

    # Mending

    def miscounted(self) -> Mapping[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        columns = (leases.c.community, leases.c.workshop, leases.c.account_id, leases.c.amounts)
        query = select(leases.c.hub, *columns).where(leases.c.settled_at.is_(None))
        for row in self._connection.execute(query):
            charged = Scope(row.community, row.workshop, member=row.account_id)
            for level in charged.path():
                key = scope_key(level, row.hub)
                for resource, amount in row.amounts.items():
                    found[key, resource] = found.get((key, resource), 0) + amount
        kept = select(balances.c.scope, balances.c.resource, balances.c.held)
        for at, what, held in self._connection.execute(
            kept.where(balances.c.scope.not_like("hub/~%"))
        ):
            found[at, what] = found.get((at, what), 0) - held
        return {key: n for key, n in found.items() if n}

    def correct(self, by: Mapping[tuple[str, str], int]) -> None:
        rows = [{"at": at, "what": what, "more": more} for (at, what), more in by.items()]
        self._insert_new([{"scope": at, "resource": what, "held": 0} for at, what in by])
        self._connection.execute(_CORRECT, rows)

    # Reading

    def reservations(
        self, now: datetime, until: datetime | None = None, *, are_kept: bool = False
    ) -> list[Reservation]:
        found = []
        query = _KEPT if are_kept else _RESERVED
        for row in self._connection.execute(query, {"after": now, "before": until or _FAR}):
            ends_at = row.ends_at if row.closed_at is None else min(row.ends_at, row.closed_at)
            if now < ends_at and row.starts_at < ends_at:
                scope = Scope(row.community, row.slug)
                found.append(
                    Reservation(scope, row.starts_at, ends_at, row.reserved, row.reserved_at)
                )
        return found

    def _assembled(
        self,
        scope: Scope,
        wanted: Amounts,
        path: Mapping[str, Scope],
        found: Around,
        now: datetime,
        *,
        hours: Hours,
        outsider: str | None,
        is_for_later: bool,
    ) -> Ledger:
        rows, cohort = found.rows, found.cohort
        scopes = {**path, **{self._key(one.scope): one.scope for one in found.reserved}}
        scopes |= {row.scope: read_key(row.scope) for row in rows if row.scope not in scopes}
        held: dict[Key, int] = {}
        most: dict[Key, int] = {}
        each: dict[Key, int] = {}
        equal: set[Key] = set()
        pools: dict[Key, int] = {}
        for row in rows:
            key = (scopes[row.scope], row.resource)
            held[key] = row.held
            if row.quota is not None:
                (pools if key[0].cohort else most)[key] = row.quota
            if row.quota_each is not None:
                each[key] = row.quota_each
            if row.is_shared_equally:
                equal.add(key)
        shares = _shares(rows, scopes)
        rules = Rules(
            most=most,
            shares=shares,
            cohorts={} if cohort is None else {community: cohort for community, _ in shares},
            pools=pools,
            reservations=found.reserved,
            loans=found.lent,
        )
        rules = self._each(scope, outsider, wanted, rules, each, equal, now)
        spending, meters = self._meters.standing(
            scope,
            wanted,
            path,
            held,
            now,
            found.spends,
            hours=hours,
            is_for_later=is_for_later,
        )
        return Ledger.standing(replace(rules, spent=spending), held, meters)

    def _each(
        self,
        scope: Scope,
        outsider: str | None,
        wanted: Amounts,
        rules: Rules,
        each: Mapping[Key, int],
        equal: Collection[Key],
        now: datetime,
    ) -> Rules:
        """The rules with what stands for this person at each level, and what they hold elsewhere."""
        person = scope.member or outsider
        if person is None:
            return rules
        others = cache(partial(self._others_with_servers, member=scope.member, outsider=outsider))
        limits: dict[Key, list[EachLimit]] = {}
        for resource in wanted:
            found = limits[scope.place, resource] = []
            for level in scope.place.path():
                key = (level, resource)
                if key in each:
                    found.append(EachLimit(level, each[key]))
                if key in equal and (whole := rules.divided(level, resource, now)) is not None:
                    found.append(EachLimit(level, whole, others(level) + 1))
        elsewhere: dict[Key, dict[Scope, int]] = {}
        # There is nothing below a workshop.
        if any(one.level.workshop is None for found in limits.values() for one in found):
            at = replace(scope, member=person)
            for place, amounts in self._held_beside_counters(scope, outsider):
                for _, resource in limits:
                    places = elsewhere.setdefault((at, resource), {})
                    places[place] = places.get(place, 0) + amounts.get(resource, 0)
        return replace(rules, most_each=limits, held_elsewhere=elsewhere)

    def _held_beside_counters(
        self, scope: Scope, outsider: str | None
    ) -> Sequence[tuple[Scope, Amounts]]:
        """What somebody holds that no counter of theirs at the place says: at other places, and all of
        it where they have no account."""
        if outsider is not None:
            return [(HUB, amounts) for amounts in self._held_outside(outsider)]
        held = self._held_by(scope.member or "")
        return [(place, amounts) for place, amounts in held if place != scope.place]

    def _held_by(self, member: str) -> Sequence[tuple[Scope, Amounts]]:
        """What somebody holds, at each place where it is charged."""
        running = self._meters.running_by([member]).get(member, ())
        return [(one.place, one.amounts) for one in running if one.hub == self._hub_name]

    def _held_outside(self, username: str) -> Sequence[Amounts]:
        return self.held_outside([username]).get(username, ())

    def held_outside(self, usernames: Collection[str]) -> Mapping[str, Sequence[Amounts]]:
        """What each of these holds without an account."""
        found: dict[str, list[Amounts]] = {}
        sought = {"this_hub": self._hub_name, "usernames": list(usernames)}
        for row in self._connection.execute(_OUTSIDE_LEASES, sought):
            found.setdefault(row.username, []).append(row.amounts)
        return found

    def _others_with_servers(
        self, level: Scope, *, member: str | None, outsider: str | None
    ) -> int:
        """How many other people have a server there, or below: by leases, for whoever came once
        keeps their counters."""
        query = select(func.count(PERSON.distinct())).where(
            PERSON.is_distinct_from(member or f"@{outsider}"), *self.with_servers(level)
        )
        return self._connection.execute(query).scalar_one()

    def with_servers(self, level: Scope) -> list[ColumnElement[bool]]:
        """The leases of who has a server there, or below."""
        conditions: list[ColumnElement[bool]] = [leases.c.settled_at.is_(None)]
        if level == HUB:
            conditions.append(leases.c.hub == self._hub_name)
        else:
            conditions.append(leases.c.community == level.community)
        if level.workshop is not None:
            conditions.append(leases.c.workshop == level.workshop)
        return conditions

    def _others(
        self,
        scope: Scope,
        cohort: str | None,
        reserved: Sequence[Reservation],
        known: Collection[str],
    ) -> Sequence[Counter]:
        """The rows that reservations, loans and the pool are judged by: of their workshops, and of the
        communities of the cohort."""
        wanted: ColumnElement[bool] = balances.c.scope.in_(
            {self._key(one.scope) for one in reserved if self._key(one.scope) not in known}
        )
        if cohort is not None:
            slugs = select(literal("hub/") + communities.c.slug).where(
                communities.c.cohort == cohort, communities.c.slug != scope.community
            )
            wanted = or_(wanted, balances.c.scope.in_(slugs))
        return self._counters(select(balances).where(wanted))

    def _counters(
        self, query: Select[Any], sought: Mapping[str, Any] | None = None
    ) -> list[Counter]:
        return [Counter(*row) for row in self._connection.execute(query, sought or {})]

    def _row(self, scope: Scope, resource: str) -> Row[Any] | None:
        is_it = and_(balances.c.scope == self._key(scope), balances.c.resource == resource)
        return self._connection.execute(select(balances).where(is_it)).one_or_none()

    def _key(self, scope: Scope) -> str:
        return scope_key(scope, self._hub_name)


def _limits(row: Counter) -> bool:
    return row.quota is not None or row.nominal is not None


def _cohort_in(rows: Iterable[Counter], path: Mapping[str, Scope]) -> str | None:
    """The community's, known by the row that was found beside those asked for."""
    key = next((row.scope for row in rows if row.scope not in path), None)
    return None if key is None else key.removeprefix("hub/~")


def _shares(rows: Iterable[Counter], scopes: Mapping[str, Scope]) -> dict[tuple[str, str], Share]:
    found = {}
    for row in rows:
        community = scopes[row.scope].community if row.scope in scopes else None
        if community is not None and (share := share_of(row)):
            found[community, row.resource] = share
    return found


def share_of(row: Row[Any] | Counter) -> Share | None:
    return None if row.nominal is None else Share(row.nominal, row.may_borrow, row.may_lend)
