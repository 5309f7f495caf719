"""What was spent over windows of time, and how a start is judged by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from ..application.ports import Hours
from ..domain.ledger import Allowance, Elsewhere, Key
from ..domain.limits import Spending
from ..domain.metering import Meter
from ..domain.quotas import HUB, Scope
from ..domain.units import GPU_TIME, Amounts, gpu_kind, kind_of, spent_each_second
from ..domain.windows import Rolling, Window, counts_from, read_window
from ..domain.workshops import Session
from .many import ONE, gathered
from .scopes import is_on_path, place_of, scope_key
from .tables import allowances, leases, spent, usage
from .unmetered import HOW_FAR, Unmetered, by_hour, read_unmetered
from .workshops import SqlWorkshops

# Made once: asked at every start.
_HOURS = (
    select(spent.c.hour, spent.c.total)
    .where(spent.c.scope == bindparam("at"), spent.c.resource == bindparam("spending"))
    .where(spent.c.hour >= bindparam("after"))
    .order_by(spent.c.hour)
)
_WITH_SERVERS_SINCE = select(leases.c.account_id).where(
    leases.c.hub == bindparam("this_hub"),
    leases.c.account_id.is_not(None),
    or_(leases.c.settled_at.is_(None), leases.c.settled_at >= bindparam("ends")),
)
_FAR = datetime(9999, 1, 1, tzinfo=UTC)
_MOST_ASKED = 100  # sums in one statement
COLUMN_OF = {
    "server-time": usage.c.server_time,
    "cpu-time": usage.c.cpu_time,
    "memory-time": usage.c.memory_time,
    "gpu-time": usage.c.gpu_time,
}
_RUNNING = (leases.c.hub, leases.c.community, leases.c.workshop, cast(leases.c.amounts, Text))
_RUNNING_BY = select(leases.c.account_id, *_RUNNING).where(
    leases.c.settled_at.is_(None),
    leases.c.account_id.in_(bindparam("accounts", expanding=True)),
)


class Allowed(NamedTuple):
    """A row of allowances."""

    scope: str
    resource: str
    span: str
    is_each: bool
    quota: int


class Running(NamedTuple):
    """A lease of somebody's that is not settled."""

    hub: str
    place: Scope
    amounts: Amounts

    @classmethod
    def of(cls, hub: str, community: str | None, workshop: str | None, amounts: str) -> Running:
        return cls(hub, Scope(community, workshop), json.loads(amounts))


def first_columns(dialect: str) -> tuple[ColumnElement[Any], ...]:
    """Columns for another statement, which answer what a start asks first of what may be spent on its
    path (`level0` …), of what runs of the `account` where each has a limit there, and of how far
    `this_hub` is metered: they cost no way to the database."""
    columns = [allowances.c[name] for name in Allowed._fields]
    is_there = is_on_path(allowances.c.scope)
    allowed = gathered(dialect, columns, is_there)
    is_own = and_(leases.c.settled_at.is_(None), leases.c.account_id == bindparam("account"))
    limits_each = select(literal(1)).where(is_there, allowances.c.is_each).exists()
    running = case((limits_each, gathered(dialect, _RUNNING, is_own)))
    return (allowed.label("allowed"), running.label("running"), *HOW_FAR)


@dataclass(frozen=True, slots=True)
class FirstAsked:
    """What `first_columns` found."""

    allowed: Sequence[Allowed]
    running: Sequence[Running]  # of who asks, where each has a limit
    metered_at: datetime | None
    has_ended: bool

    @classmethod
    def of(cls, row: Row[Any]) -> FirstAsked:
        allowed = [Allowed(*one) for one in json.loads(row.allowed or "[]")]
        running = [Running.of(*one) for one in json.loads(row.running or "[]")]
        return cls(allowed, running, row.metered_at, row.has_ended)


# By a person, of a resource, since an hour: at each place; and in each hour there.
SpentBy = Callable[[str, datetime], Sequence[tuple[Scope, int]]]
HourAt = tuple[datetime, Scope, int]
HoursBy = Callable[[str, datetime], Sequence[HourAt]]
# Of a level, by hour.
SpentElsewhere = Callable[[Scope, str, datetime], dict[datetime, int]]


class SqlMeters:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    # Reading

    def spent(self, wanted: Sequence[tuple[Scope, str, datetime]]) -> Sequence[int]:
        found: list[int] = []
        for first in range(0, len(wanted), _MOST_ASKED):
            asked = wanted[first : first + _MOST_ASKED]
            until_now = self._totals([(scope, resource, _FAR) for scope, resource, _ in asked])
            before = self._totals(asked)
            found += [now - then for now, then in zip(until_now, before, strict=True)]
        return found

    def resources(self, scope: Scope) -> Sequence[str]:
        return self._connection.execute(_resources_at(), {"at": self._key(scope)}).scalars().all()

    def hours(
        self, scope: Scope, resource: str, start: datetime, end: datetime
    ) -> Mapping[datetime, int]:
        return {h: n for h, n in self._hours(scope, resource, start).items() if h < end}

    def hours_each(
        self, level: Scope, resource: str, start: datetime, end: datetime
    ) -> Mapping[Scope, Mapping[datetime, int]]:
        query = _by_members(resource, by_hour=True, has_run=True)
        sought = {"this_hub": self._hub_name, "ends": end, **_sought(resource, start)}
        found: dict[Scope, dict[datetime, int]] = {}
        for member, key, hour, total in self._connection.execute(query, sought):
            place = place_of(key)
            if _is_at(level, place) and total:
                found.setdefault(replace(place, member=member), {})[hour] = int(total)
        return found

    # A start

    def standing(
        self,
        scope: Scope,
        wanted: Amounts,
        path: Mapping[str, Scope],
        held: Mapping[Key, int],
        now: datetime,
        known: FirstAsked,
        *,
        hours: Hours,
        is_for_later: bool = False,
    ) -> tuple[dict[Key, list[Allowance]], dict[Key, Meter]]:
        """What may be spent on the path, by key, in windows that bind now (for later: or will), and
        what was."""
        if not known.allowed:
            return {}, {}
        # Asked once for all limits that want the same.
        spent_by = cache(partial(self._spent_by, scope))
        hours_by = cache(partial(self._hours_by, scope.member or ""))
        unmetered = cache(partial(self._unmetered, now, scope.member, known))

        def elsewhere(level: Scope, resource: str, begins: datetime) -> dict[datetime, int]:
            """What the member spent below the level, but not here."""
            found: dict[datetime, int] = {}
            if hours == "each":
                for hour, place, amount in hours_by(resource, begins):
                    if _is_at(level, place) and not _is_at(scope, place):
                        found[hour] = found.get(hour, 0) + amount
                return found
            places = spent_by(resource, begins)
            total = sum(n for at, n in places if _is_at(level, at) and not _is_at(scope, at))
            if total and hours == "first":
                begins = self._first_elsewhere(level, scope, resource, begins) or begins
            return {begins: total} if total else found

        spending = self._allowances(
            known, scope, wanted, path, now, elsewhere, unmetered, is_for_later=is_for_later
        )
        if not spending:
            return {}, {}
        meters = self._meters(spending, held, now, unmetered(), spent_by, hours_by, hours=hours)
        return spending, meters

    def _allowances(
        self,
        known: FirstAsked,
        scope: Scope,
        wanted: Amounts,
        path: Mapping[str, Scope],
        now: datetime,
        elsewhere: SpentElsewhere,
        unmetered: Callable[[], Unmetered],
        *,
        is_for_later: bool,
    ) -> dict[Key, list[Allowance]]:
        found: dict[Key, list[Allowance]] = {}
        spends = spent_each_second(wanted)
        for row in known.allowed:
            if row.resource not in spends or (row.is_each and scope.member is None):
                continue
            level = path[row.scope]
            allowance = spending_of(row, self._sessions_of(level)).allowance
            window = allowance.window
            begins = counts_from(window, now) if is_for_later else window.begins_at(now)
            if begins is None:
                continue
            if row.is_each and level.workshop is None:  # there is nothing below a workshop
                found_there: dict[datetime, int] = {}
                if level != scope.place:
                    late = [
                        one
                        for one in unmetered().within(replace(level, member=scope.member))
                        if not one.is_within(scope)
                    ]
                    found_there = elsewhere(level, row.resource, begins)
                    for hour, amount in by_hour(late, row.resource).items():
                        found_there[hour] = found_there.get(hour, 0) + amount
                rate = self._rate_elsewhere(level, scope, row.resource, known)
                meter = Meter.standing(rate, found_there, unmetered().since)
                allowance = replace(allowance, elsewhere=Elsewhere(level, meter))
            key = (scope if row.is_each else level, row.resource)
            found.setdefault(key, []).append(allowance)
        return found

    def _rate_elsewhere(self, level: Scope, scope: Scope, resource: str, known: FirstAsked) -> int:
        """What the member's servers spend each second at or below the level, but not at the place
        itself: those its own counter has."""
        return sum(
            spent_each_second(one.amounts).get(resource, 0)
            for one in self._running(scope.member or "", known)
            if _is_at(level, one.place)
            and one.place != scope.place
            and (level != HUB or one.hub == self._hub_name)
        )

    def _running(self, member: str, known: FirstAsked) -> Sequence[Running]:
        return known.running

    def running_by(self, members: Collection[str]) -> Mapping[str, Sequence[Running]]:
        found: dict[str, list[Running]] = {}
        # Asked for the hub too, SQLite would look through all of the hub's.
        for member, *row in self._connection.execute(_RUNNING_BY, {"accounts": list(members)}):
            found.setdefault(member, []).append(Running.of(*row))
        return found

    def _meters(
        self,
        spending: Mapping[Key, Sequence[Allowance]],
        held: Mapping[Key, int],
        now: datetime,
        unmetered: Unmetered,
        spent_by: SpentBy | None = None,
        hours_by: HoursBy | None = None,
        *,
        hours: Hours,
    ) -> dict[Key, Meter]:
        begins = {
            key: sorted({b for one in allowed if (b := counts_from(one.window, now)) is not None})
            for key, allowed in spending.items()
        }
        between = self._between(begins, spent_by)
        if hours == "each":
            assert hours_by is not None
            between = self._each_hour(spending, between, now, hours_by)
        elif hours == "first":
            between = self._at_first_hours(between)
        meters = {}
        for scope, resource in spending:
            spent_in = between[scope, resource]
            for hour, amount in by_hour(unmetered.within(scope), resource).items():
                spent_in[hour] = spent_in.get(hour, 0) + amount
            here = {what: held.get((scope, what), 0) for level, what in held if level == scope}
            meters[scope, resource] = Meter.standing(
                spent_each_second(here).get(resource, 0), spent_in, unmetered.since
            )
        return meters

    def _between(
        self, begins: Mapping[Key, Sequence[datetime]], spent_by: SpentBy | None
    ) -> dict[Key, dict[datetime, int]]:
        """What was spent from each of these hours up to the next, and from the last one on."""
        totals = iter(
            self._totals(
                [
                    (scope, resource, hour)
                    for (scope, resource), hours in begins.items()
                    if scope.member is None
                    for hour in (*hours, _FAR)
                ]
            )
        )
        found = {}
        for (scope, resource), hours in begins.items():
            if scope.member is None or spent_by is None:
                up_to = [next(totals) for _ in (*hours, _FAR)]
            else:
                since = [
                    sum(n for place, n in spent_by(resource, hour) if _is_at(scope, place))
                    for hour in hours
                ]
                up_to = [-n for n in (*since, 0)]
            found[scope, resource] = {
                hour: later - earlier
                for hour, earlier, later in zip(hours, up_to, up_to[1:], strict=False)
            }
        return found

    def _at_first_hours(
        self, between: Mapping[Key, Mapping[datetime, int]]
    ) -> dict[Key, dict[datetime, int]]:
        """The same sums, each in the hour in which the first of it was spent: in as many windows as
        before, and the first to leave them. However many hours there are, one is looked up."""
        wanted = [(key, hour) for key, sums in between.items() for hour, n in sums.items() if n]
        sought: dict[str, Any] = {}
        for number, ((scope, resource), hour) in enumerate(wanted):
            sought |= {
                f"at{number}": self._key(scope.place),
                f"what{number}": resource,
                f"account{number}": scope.member or "",
                f"gpu{number}": gpu_kind(resource),
                f"from{number}": hour,
            }
        kinds = tuple(_kind_of_hours(scope, resource) for (scope, resource), _ in wanted)
        hours = self._connection.execute(_first(kinds), sought).one() if wanted else ()
        found: dict[Key, dict[datetime, int]] = {key: {} for key in between}
        for (key, begins), hour in zip(wanted, hours, strict=True):
            found[key][hour or begins] = between[key][begins]
        return found

    def _first_elsewhere(
        self, level: Scope, scope: Scope, resource: str, begins: datetime
    ) -> datetime | None:
        """The first hour in which a member spent below the level, but not at their place."""
        sought = {
            "at0": self._key(level),
            "place": self._key(scope.place),
            "account0": scope.member or "",
            "from0": begins,
            "gpu0": gpu_kind(resource),
        }
        query = _first_of_member_elsewhere(level.kind, kind_of(resource))
        return self._connection.execute(query, sought).scalar()

    def _each_hour(
        self,
        spending: Mapping[Key, Sequence[Allowance]],
        between: Mapping[Key, Mapping[datetime, int]],
        now: datetime,
        hours_by: HoursBy,
    ) -> dict[Key, dict[datetime, int]]:
        """The same sums, but every hour from where they leave a window one after another. Those of a
        month, a workshop's sessions or a grant leave together, or never."""
        found: dict[Key, dict[datetime, int]] = {}
        for key, allowed in spending.items():
            scope, resource = key
            starts = [
                one.window.begins_at(now) for one in allowed if isinstance(one.window, Rolling)
            ]
            first = min((at for at in starts if at is not None), default=None)
            found[key] = {
                hour: n for hour, n in between[key].items() if first is None or hour < first
            }
            if first is not None and scope.member is None:
                found[key] |= self._hours(scope, resource, first)
            elif first is not None:
                found[key] |= _hours_at(scope, hours_by(resource, first))
        return found

    def _totals(self, wanted: Sequence[tuple[Scope, str, datetime]]) -> Sequence[int]:
        """All that was ever spent of a resource at a scope before an hour, for each of these."""
        if not wanted:
            return ()
        sought: dict[str, Any] = {}
        for number, (scope, resource, hour) in enumerate(wanted):
            sought |= {
                f"at{number}": self._key(scope),
                f"what{number}": resource,
                f"before{number}": hour,
            }
        return self._connection.execute(_before(len(wanted)), sought).one()

    def _hours(self, scope: Scope, resource: str, begins: datetime) -> dict[datetime, int]:
        (total,) = self._totals([(scope, resource, begins)])
        hours = {}
        sought = {"at": self._key(scope), "spending": resource, "after": begins}
        for row in self._connection.execute(_HOURS, sought):
            hours[row.hour], total = row.total - total, row.total
        return hours

    def _hours_by(
        self, member: str, resource: str, begins: datetime
    ) -> Sequence[tuple[datetime, Scope, int]]:
        """By somebody from an hour on, in each hour at each place."""
        return self.hours_by([member], resource, begins).get(member, ())

    def hours_by(
        self, members: Collection[str], resource: str, begins: datetime
    ) -> Mapping[str, Sequence[tuple[datetime, Scope, int]]]:
        found: dict[str, list[tuple[datetime, Scope, int]]] = {}
        sought = {"accounts": list(members), **_sought(resource, begins)}
        query = _by_members(resource, by_hour=True)
        for member, key, hour, total in self._connection.execute(query, sought):
            found.setdefault(member, []).append((hour, place_of(key), int(total)))
        return found

    def _spent_by(
        self, scope: Scope, resource: str, begins: datetime
    ) -> Sequence[tuple[Scope, int]]:
        """By its member from an hour on: there, elsewhere in its community, and beyond."""
        place, community = scope.place, Scope(scope.community)
        sought = {
            "account": scope.member or "",
            "place": self._key(place),
            "community": self._key(community),
            "below": f"{self._key(community)}/",
            "length": len(self._key(community)) + 1,
            **_sought(resource, begins),
        }
        sums = self._connection.execute(_by_one(resource), sought).one()
        everywhere, elsewhere, near = (int(total or 0) for total in sums)
        return [(place, everywhere - elsewhere), (community, near), (HUB, elsewhere - near)]

    def spent_by(
        self, members: Collection[str], resource: str, begins: datetime
    ) -> Mapping[str, list[tuple[Scope, int]]]:
        found: dict[str, list[tuple[Scope, int]]] = {}
        sought = {"accounts": list(members), **_sought(resource, begins)}
        for member, key, total in self._connection.execute(_by_members(resource), sought):
            found.setdefault(member, []).append((place_of(key), int(total)))
        return found

    def _unmetered(self, now: datetime, member: str | None, known: FirstAsked) -> Unmetered:
        return read_unmetered(
            self._connection,
            self._hub_name,
            now,
            members=[] if member is None else [member],
            known=(known.metered_at, known.has_ended),
        )

    def _sessions_of(self, scope: Scope) -> Sequence[Session]:
        if scope.community is None or scope.workshop is None:
            return ()
        return SqlWorkshops(self._connection).sessions(scope.community, scope.workshop)

    def _key(self, scope: Scope) -> str:
        return scope_key(scope, self._hub_name)


@cache
def _resources_at() -> Select[Any]:
    """From each to the next by the key, for a resource has a row for every hour."""
    first = func.min(spent.c.resource)
    is_there = spent.c.scope == bindparam("at")
    known = select(first.label("resource")).where(is_there).cte("known", recursive=True)
    following = select(first).where(is_there, spent.c.resource > known.c.resource)
    known = known.union_all(
        select(following.scalar_subquery()).where(known.c.resource.is_not(None))
    )
    return select(known.c.resource).where(known.c.resource.is_not(None))


@cache
def _before(count: int) -> Select[Any]:
    """So many totals in one statement. Made once for each number."""
    totals = (
        select(spent.c.total)
        .where(
            spent.c.scope == bindparam(f"at{number}"),
            spent.c.resource == bindparam(f"what{number}"),
            spent.c.hour < bindparam(f"before{number}"),
        )
        .order_by(spent.c.hour.desc())
        .limit(ONE)
        .scalar_subquery()
        for number in range(count)
    )
    return select(*(func.coalesce(total, 0) for total in totals))


def _kind_of_hours(scope: Scope, resource: str) -> tuple[str, str]:
    """How the first hour is looked up: of a member's own by the column, at the place or below it."""
    return ("", "") if scope.member is None else (scope.place.kind, kind_of(resource))


@cache
def _first(kinds: tuple[tuple[str, str], ...]) -> Select[Any]:
    """The first hour in which anything was spent, from an hour on, for each of these. Made once for
    each path."""
    columns: list[ColumnElement[Any]] = [
        _first_of_member(number, place, kind) if kind else _first_at(number)
        for number, (place, kind) in enumerate(kinds)
    ]
    return select(*columns)


def _first_at(number: int) -> ScalarSelect[datetime]:
    return (
        select(spent.c.hour)
        .where(
            spent.c.scope == bindparam(f"at{number}"),
            spent.c.resource == bindparam(f"what{number}"),
            spent.c.hour >= bindparam(f"from{number}"),
        )
        .order_by(spent.c.hour)
        .limit(ONE)
        .scalar_subquery()
    )


def _first_of_member(number: int, place: str, kind: str) -> ScalarSelect[datetime]:
    hours = _hours_of_member(number, place, kind)
    return hours.order_by(usage.c.hour).limit(ONE).scalar_subquery()


@cache
def _first_of_member_elsewhere(level: str, kind: str) -> Select[Any]:
    hours = _hours_of_member(0, level, kind).where(usage.c.scope != bindparam("place"))
    return hours.order_by(usage.c.hour).limit(ONE)


def _hours_of_member(number: int, place: str, kind: str) -> Select[Any]:
    key = bindparam(f"at{number}", type_=usage.c.scope.type)
    query = select(usage.c.hour).where(
        usage.c.account_id == bindparam(f"account{number}"),
        usage.c.hour >= bindparam(f"from{number}"),
        COLUMN_OF[kind] > 0,
    )
    if kind == GPU_TIME:
        query = query.where(usage.c.gpu_kind == bindparam(f"gpu{number}"))
    if place == "workshop":
        query = query.where(usage.c.scope == key)
    elif place == "community":
        below = func.substr(usage.c.scope, 1, func.length(key) + 1) == key + "/"
        query = query.where(or_(usage.c.scope == key, below))
    return query


@cache
def _by_members(resource: str, *, by_hour: bool = False, has_run: bool = False) -> Select[Any]:
    """What people spent of the resource at each place from an hour on. `has_run`: up to another, those
    who have had a server since."""
    columns = [usage.c.account_id, usage.c.scope, *([usage.c.hour] if by_hour else [])]
    query = select(*columns, func.sum(COLUMN_OF[kind_of(resource)])).where(
        usage.c.account_id.in_(
            _WITH_SERVERS_SINCE if has_run else bindparam("accounts", expanding=True)
        ),
        usage.c.hour >= bindparam("begins"),
    )
    if has_run:
        query = query.where(usage.c.hour < bindparam("ends"))
    if gpu_kind(resource):
        query = query.where(usage.c.gpu_kind == bindparam("gpu"))
    return query.group_by(*columns)


@cache
def _by_one(resource: str) -> Select[Any]:
    """What somebody spent of the resource from an hour on: everywhere, of that not at a place, and of
    that in the place's community. One pass: to tell places apart, SQLite would sort all of the hours.
    Most people have one place: their hours are added up once."""
    is_elsewhere = usage.c.scope != bindparam("place")
    is_near = or_(
        usage.c.scope == bindparam("community"),
        func.substr(usage.c.scope, 1, bindparam("length")) == bindparam("below"),
    )
    total = func.sum(COLUMN_OF[kind_of(resource)])
    query = select(
        total, total.filter(is_elsewhere), total.filter(and_(is_elsewhere, is_near))
    ).where(usage.c.account_id == bindparam("account"), usage.c.hour >= bindparam("begins"))
    return query.where(usage.c.gpu_kind == bindparam("gpu")) if gpu_kind(resource) else query


def _sought(resource: str, begins: datetime) -> dict[str, Any]:
    return {"begins": begins} | ({"gpu": kind} if (kind := gpu_kind(resource)) else {})


def _hours_at(scope: Scope, hours: Iterable[HourAt]) -> dict[datetime, int]:
    """At the place, and below it."""
    found: dict[datetime, int] = {}
    for hour, place, total in hours:
        if _is_at(scope, place):
            found[hour] = found.get(hour, 0) + total
    return found


def _is_at(scope: Scope, place: Scope) -> bool:
    """Is the place the scope's own, or below it?"""
    return scope.place in place.path()


def spending_of(row: Allowed | Row[Any], held: Sequence[Session]) -> Spending:
    window: Window = read_window(row.span, held)
    return Spending(row.resource, Allowance(row.quota, window), row.is_each)
