"""Usage: what was spent, by hour, day, month, workshop, profile or person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ..domain.accounts import Account
from ..domain.grants import Actor, Verb, require
from ..domain.leases import Lease
from ..domain.metering import meter, meter_alike, whole_second
from ..domain.quotas import Scope
from ..domain.refusals import NotFound, PeriodBackwards, PeriodInvalid
from ..domain.units import Amounts
from ..domain.windows import hour_of
from .communities import find_community
from .ending import require_operator
from .ports import Desk, Store
from .workshops import find_workshop

By = Literal["hour", "day", "month", "community", "workshop", "profile", "person"]
BYS: tuple[By, ...] = ("hour", "day", "month", "community", "workshop", "profile", "person")
MOST_DAYS = 366  # of one table
PAGE = 4000  # leases that are read in one transaction
_DAY = timedelta(days=1)
_ASKED: Mapping[By, Literal["hour", "place", "profile", "person"]] = {
    "hour": "hour",
    "day": "hour",
    "month": "hour",
    "community": "place",
    "workshop": "place",
    "profile": "profile",
    "person": "person",
}


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was spent under one key, by resource, in base units."""

    # An hour, day or month of ISO 8601, a slug (at the hub `community/workshop`) or a username; empty
    # for none.
    key: str
    name: str  # what people call it, where it has a name of its own; else empty
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class UsageTable:
    """In the order of time, else the largest first."""

    by: By
    start: datetime
    end: datetime
    rows: tuple[UsageRow, ...]

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(sorted({resource for row in self.rows for resource in row.amounts}))


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is looked at. It may reach into the future."""

    start: datetime
    end: datetime


def period_of(now: datetime, start: datetime | None = None, end: datetime | None = None) -> Period:
    """By default the last 30 days, from a whole hour of UTC on; else from the very moment, for a day
    may begin within an hour. Raises `PeriodBackwards` and `PeriodInvalid`."""
    until = now if end is None else end
    begins = hour_of(until - 30 * _DAY) if start is None else whole_second(start)
    if begins >= until:
        raise PeriodBackwards
    if until - begins > (MOST_DAYS + 1) * _DAY:
        raise PeriodInvalid(most=MOST_DAYS)
    return Period(begins, until)


def last_days(now: datetime, days: int) -> Period:
    if not 1 <= days <= MOST_DAYS:
        raise PeriodInvalid(most=MOST_DAYS)
    return period_of(now, hour_of(now - days * _DAY))


def usage_table(
    desk: Desk,
    actor: Actor,
    community: str | None,
    start: datetime | None = None,
    end: datetime | None = None,
    by: By = "day",
    workshop: str | None = None,
) -> UsageTable:
    """Exact to the second: what is not metered yet is added. The hours of UTC that begin in the time,
    by default the last 30 days; days are those of the hub's zone. By person for champions and the
    operator."""
    period = period_of(desk.now, start, end)
    with desk.database.read() as store:
        require_view(store, actor, community, workshop)
        if by == "person" and community is not None:
            require(actor, Verb.VIEW_USAGE_OF_PEOPLE, community)
        sums = spent_by(desk, store, Scope(community, workshop), period.start, period.end, by)
        rows = _rows(store, actor, community, by, sums)
    return UsageTable(by, period.start, period.end, rows)


def require_view(
    store: Store, actor: Actor, community: str | None, workshop: str | None = None
) -> None:
    """A community's members may read its usage; the hub's is the operator's."""
    if community is None:
        require_operator(actor)
        if workshop is not None:
            raise NotFound(kind="workshop")  # each is a community's
    else:
        find_community(store, actor, community)
        if workshop is not None:
            find_workshop(store, actor, community, workshop)


def spent_by(
    desk: Desk, store: Store, scope: Scope, start: datetime, end: datetime, by: By
) -> dict[str, dict[str, int]]:
    """What was metered, with what is not metered yet, by the key's text."""
    zone = ZoneInfo(desk.settings.zone)
    found: dict[str, dict[str, int]] = {}

    def add(key: datetime | Scope | str | None, amounts: Amounts) -> None:
        row = found.setdefault(_text(key, scope, by, zone), {})
        for resource, amount in amounts.items():
            row[resource] = row.get(resource, 0) + amount

    for key, amounts in store.usage.sums(scope, start, end, _ASKED[by]):
        add(key, amounts)
    unmetered = (
        meter(store.leases.unmetered(), desk.now)
        if by == "person"
        else meter_alike(store.leases.unmetered_alike(), desk.now)
    )
    for bucket, amounts in unmetered.items():
        if scope in bucket.scope.place.path() and start <= bucket.hour < end:
            keys: dict[str, datetime | Scope | str | None] = {
                "hour": bucket.hour,
                "place": bucket.scope.place,
                "profile": bucket.profile,
                "person": bucket.scope.member,
            }
            add(keys[_ASKED[by]], amounts)
    return found


def _text(key: datetime | Scope | str | None, scope: Scope, by: By, zone: ZoneInfo) -> str:
    if isinstance(key, datetime):
        return key_of_time(key, by, zone)
    if isinstance(key, Scope):
        if by == "workshop" and key.workshop is not None and scope.community is None:
            return f"{key.community}/{key.workshop}"  # two communities may use the same slug
        return (key.community if by == "community" else key.workshop) or ""
    return key or ""


def key_of_time(time: datetime, by: By, zone: ZoneInfo) -> str:
    """`2026-03-02T14:00-05:00`, `2026-03-02` or `2026-03`, by the clocks of the zone."""
    local = time.astimezone(zone)
    if by == "hour":
        return local.isoformat(timespec="minutes")
    return local.date().isoformat() if by == "day" else f"{local:%Y-%m}"


def _rows(
    store: Store, actor: Actor, community: str | None, by: By, sums: Mapping[str, Amounts]
) -> tuple[UsageRow, ...]:
    if _ASKED[by] == "hour":
        # Where clocks are set back, an hour's text comes after that of the one that follows it.
        times = sorted(sums, key=datetime.fromisoformat) if by == "hour" else sorted(sums)
        return tuple(UsageRow(key, "", sums[key]) for key in times)
    names: dict[str, str] = {}
    keys: Mapping[str, str] = {}
    if by == "workshop" and community is not None:
        sums = _known_to(actor, community, sums)
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


def _known_to(
    actor: Actor, community: str, sums: Mapping[str, Amounts]
) -> Mapping[str, Mapping[str, int]]:
    """What was spent in workshops that are none of the actor's business is told with what was spent
    in none."""
    found: dict[str, dict[str, int]] = {}
    for slug, amounts in sums.items():
        row = found.setdefault("" if actor.role_at(community, slug) is None else slug, {})
        for resource, amount in amounts.items():
            row[resource] = row.get(resource, 0) + amount
    return found


# The leases themselves, for dry runs


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
