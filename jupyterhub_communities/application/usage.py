"""Usage: what was spent, by day, workshop, profile or person, and what was held when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ..domain.accounts import Account
from ..domain.grants import Actor, Verb, require
from ..domain.leases import Lease
from ..domain.metering import meter
from ..domain.quotas import Scope
from ..domain.refusals import PeriodInvalid
from ..domain.timelines import Stretch, most_held
from ..domain.units import Amounts
from ..domain.windows import HOUR, hour_of
from .communities import find_community
from .ending import require_operator
from .ports import Desk, Store

By = Literal["day", "community", "workshop", "profile", "person"]
BYS: tuple[By, ...] = ("day", "community", "workshop", "profile", "person")
MOST_DAYS = 366  # of one table
PAGE = 4000  # leases that are read in one transaction
_DAY = timedelta(days=1)
_ASKED: Mapping[By, Literal["hour", "place", "profile", "person"]] = {
    "day": "hour",
    "community": "place",
    "workshop": "place",
    "profile": "profile",
    "person": "person",
}


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was spent under one key, by resource, in base units."""

    key: str  # a day of ISO 8601, a slug or a username; empty for none
    name: str  # what people call it, where it has a name of its own; else empty
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class UsageTable:
    """In the order of time, else the largest first."""

    by: By
    start: datetime  # an hour
    end: datetime
    rows: tuple[UsageRow, ...]

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(sorted({resource for row in self.rows for resource in row.amounts}))


def usage_table(
    desk: Desk,
    actor: Actor,
    community: str | None,
    start: datetime | None = None,
    end: datetime | None = None,
    by: By = "day",
) -> UsageTable:
    """Exact to the second: what is not metered yet is added. Whole hours of UTC, by default those of
    the last 30 days; days are those of the hub's zone. By person for champions and the operator."""
    until = desk.now if end is None else end
    begins = hour_of(until - 30 * _DAY if start is None else start)
    if not timedelta() < until - begins <= (MOST_DAYS + 1) * _DAY:
        raise PeriodInvalid(most=MOST_DAYS)
    with desk.database.read() as store:
        require_view(store, actor, community)
        if by == "person" and community is not None:
            require(actor, Verb.VIEW_USAGE_OF_PEOPLE, community)
        sums = spent_by(desk, store, Scope(community), begins, until, by)
        rows = _rows(store, community, by, sums)
    return UsageTable(by, begins, until, rows)


def require_view(store: Store, actor: Actor, community: str | None) -> None:
    """A community's members may read its usage; the hub's is the operator's."""
    if community is None:
        require_operator(actor)
    else:
        find_community(store, actor, community)


def spent_by(
    desk: Desk, store: Store, scope: Scope, start: datetime, end: datetime, by: By
) -> dict[str, dict[str, int]]:
    """What was metered, with what is not metered yet, by the key's text."""
    zone = ZoneInfo(desk.settings.zone)
    found: dict[str, dict[str, int]] = {}

    def add(key: datetime | Scope | str | None, amounts: Amounts) -> None:
        row = found.setdefault(_text(key, by, zone), {})
        for resource, amount in amounts.items():
            row[resource] = row.get(resource, 0) + amount

    for key, amounts in store.usage.sums(scope, start, end, _ASKED[by]):
        add(key, amounts)
    for bucket, amounts in meter(store.leases.unmetered(), desk.now).items():
        if scope in bucket.scope.place.path() and start <= bucket.hour < end:
            keys: dict[str, datetime | Scope | str | None] = {
                "hour": bucket.hour,
                "place": bucket.scope.place,
                "profile": bucket.profile,
                "person": bucket.scope.member,
            }
            add(keys[_ASKED[by]], amounts)
    return found


def _text(key: datetime | Scope | str | None, by: By, zone: ZoneInfo) -> str:
    if isinstance(key, datetime):
        return key.astimezone(zone).date().isoformat()
    if isinstance(key, Scope):
        return (key.community if by == "community" else key.workshop) or ""
    return key or ""


def _rows(
    store: Store, community: str | None, by: By, sums: Mapping[str, Amounts]
) -> tuple[UsageRow, ...]:
    if by == "day":
        return tuple(UsageRow(key, "", sums[key]) for key in sorted(sums))
    names: dict[str, str] = {}
    keys: Mapping[str, str] = {}
    if by == "workshop" and community is not None:
        names = {one.slug: one.title for one in store.workshops.of_community(community)}
    if by == "community":
        names = {one.slug: one.name(one.language) for one in store.communities.all()}
    if by == "person":
        accounts: Mapping[str, Account] = store.accounts.names(key for key in sums if key)
        names = {key: account.display_name for key, account in accounts.items()}
        keys = {key: account.username for key, account in accounts.items()}
    rows = [
        UsageRow(keys.get(key, "" if by == "person" else key), names.get(key, ""), amounts)
        for key, amounts in sums.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-sum(row.amounts.values()), row.key)))


# What was held


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that is looked at in so many steps."""

    days: int
    start: datetime
    step: timedelta
    steps: int


SPANS = {1: HOUR / 4, 7: HOUR, 30: 4 * HOUR}  # days → step: never more than 200


def span_of(desk: Desk, actor: Actor, community: str | None, days: int) -> Span:
    """The last day, 7 or 30 days, from a whole step on up to now."""
    if days not in SPANS:
        raise PeriodInvalid(most=max(SPANS))
    with desk.database.read() as store:
        require_view(store, actor, community)
    step = SPANS[days]
    hour = hour_of(desk.now)
    last = hour + (desk.now - hour) // step * step  # the step that is not over
    steps = days * _DAY // step
    return Span(days, last - (steps - 1) * step, step, steps)


def read_running(desk: Desk, community: str | None) -> Sequence[Lease]:
    """Those that hold something now."""
    with desk.database.read() as store:
        running = store.leases.unsettled()
        return [one for one in running if community in (None, one.scope.community)]


def read_ended(
    desk: Desk, community: str | None, since: datetime, after: Lease | None
) -> Sequence[Lease]:
    """The next of those that ended since then: never so many that others wait."""
    with desk.database.read() as store:
        return store.leases.settled(community, since, after=after, limit=PAGE)


def together(running: Sequence[Lease], ended: Sequence[Lease]) -> list[Lease]:
    """Each once: what ran when the reading began may have ended meanwhile."""
    return list({lease.id: lease for lease in (*running, *ended)}.values())


def most_held_in(span: Span, leases: Sequence[Lease], resource: str) -> list[int]:
    stretches = (Stretch(one.requested_at, one.settled_at, one.amounts) for one in leases)
    return most_held(stretches, resource, span.start, span.step, span.steps)
