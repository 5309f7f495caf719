"""What leases have spent that stands in no usage yet: since the last tick, and all of it while the
service is away. A start is judged with it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, cast, func, literal, select

from ..domain.metering import METERED, Meter, whole_second
from ..domain.quotas import HUB, Scope
from ..domain.units import spent_each_second
from .tables import leases, marks

LATE = timedelta(seconds=75)  # a tick comes each minute, and may take seconds

_SINCE = func.coalesce(leases.c.metered_until, leases.c.requested_at).label("since")
_HAS_ENDED = and_(
    leases.c.hub == bindparam("this_hub"),
    leases.c.metered_at.is_(None),
    leases.c.settled_at.is_not(None),
)
HOW_FAR = (
    select(marks.c.at).where(marks.c.name == METERED).scalar_subquery().label("metered_at"),
    select(literal(1)).select_from(leases).where(_HAS_ENDED).exists().label("has_ended"),
)
_HOW_FAR = select(*HOW_FAR)
_PLACE = (leases.c.hub, leases.c.community, leases.c.workshop)
_ENDED = select(*_PLACE, leases.c.account_id, leases.c.amounts, _SINCE, leases.c.settled_at).where(
    _HAS_ENDED
)
_AMOUNTS = cast(leases.c.amounts, Text)  # PostgreSQL compares no JSON
_RUNNING_ALIKE = (
    select(*_PLACE, _AMOUNTS.label("amounts"), _SINCE, func.count().label("number"))
    .where(leases.c.settled_at.is_(None))
    .group_by(*_PLACE, _AMOUNTS, _SINCE)
)
_RUNNING = select(*_PLACE, leases.c.account_id, leases.c.amounts, _SINCE).where(
    leases.c.settled_at.is_(None), leases.c.account_id.is_not(None)
)
_RUNNING_OF = _RUNNING.where(leases.c.account_id.in_(bindparam("members", expanding=True)))


@dataclass(frozen=True, slots=True)
class UnmeteredTime:
    """From when to when a lease has spent, or several that are alike."""

    scope: Scope
    each_second: Mapping[str, int]
    start: datetime
    end: datetime
    is_here: bool = True  # of this hub

    def is_within(self, level: Scope) -> bool:
        if level == HUB:
            return self.is_here
        if level.member is not None and level.member != self.scope.member:
            return False
        place = self.scope.place
        return level.community in (None, place.community) and level.workshop in (
            None,
            place.workshop,
        )


@dataclass(frozen=True, slots=True)
class Unmetered:
    since: datetime  # what runs has spent by its rate since then
    of_all: Sequence[UnmeteredTime] = ()  # and this, beside
    of_members: Mapping[str, Sequence[UnmeteredTime]] = field(default_factory=dict)

    def within(self, level: Scope) -> list[UnmeteredTime]:
        of = self.of_all if level.member is None else self.of_members.get(level.member, ())
        return [one for one in of if one.is_within(level)]


def by_hour(stretches: Iterable[UnmeteredTime], resource: str) -> dict[datetime, int]:
    """What they spent in each hour: gone through once, however many there are."""
    changes: Counter[datetime] = Counter()
    for one in stretches:
        if rate := one.each_second.get(resource, 0):
            changes[one.start] += rate
            changes[one.end] -= rate
    meter = Meter()
    for at in sorted(changes):
        meter.change(changes[at], at)
    return meter.hours


def read_unmetered(
    connection: Connection,
    hub_name: str,
    now: datetime,
    *,
    members: Collection[str] | None,
    known: tuple[datetime | None, bool] | None = None,
) -> Unmetered:
    """`members` are those whose own is asked for; None: everybody's. `known` is what `HOW_FAR` says.

    As long as the meter is read each minute, what runs has spent by its rate since then, and what has
    ended since is looked up. Where it stood still, or a clock was set back, what runs may have begun at
    any time since: it is added up too, and spends by its rate from now on.
    """
    this_hub = {"this_hub": hub_name}
    metered_at, has_ended = known or connection.execute(_HOW_FAR, this_hub).one()
    ended = connection.execute(_ENDED, this_hub).all() if has_ended else []

    def stretch(
        row: Any, amounts: Mapping[str, int], member: str | None, number: int = 1
    ) -> UnmeteredTime:
        each = {what: n * number for what, n in spent_each_second(amounts).items()}
        start = whole_second(row.since)
        end = whole_second(getattr(row, "settled_at", now))
        place = Scope(row.community, row.workshop, member)
        return UnmeteredTime(place, each, start, end, is_here=row.hub == hub_name)

    of_all = [stretch(row, row.amounts, row.account_id) for row in ended]
    own = [one for one in of_all if one.scope.member is not None]
    is_late = metered_at is None or not now - LATE <= metered_at <= now
    if is_late:
        of_all += [
            stretch(row, json.loads(row.amounts), None, row.number)
            for row in connection.execute(_RUNNING_ALIKE)
        ]
        rows = (
            connection.execute(_RUNNING)
            if members is None
            else connection.execute(_RUNNING_OF, {"members": list(members)})
        )
        own += [stretch(row, row.amounts, row.account_id) for row in rows]
    of_members: dict[str, list[UnmeteredTime]] = {}
    for one in own:
        if one.start < one.end and (members is None or one.scope.member in members):
            of_members.setdefault(one.scope.member or "", []).append(one)
    since = now if metered_at is None or is_late else metered_at
    return Unmetered(since, [one for one in of_all if one.start < one.end], of_members)
