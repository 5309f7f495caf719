"""Metering: what leases spend, by the hour of UTC, exact to the second.

Hours of UTC have no summer time. Times are taken in whole seconds, so that a lease adds up to the
same whatever pieces it is metered in. A lease is metered from its admission, for that is when the
machine sets aside what it asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from .leases import Lease
from .quotas import Scope
from .units import spent_each_second
from .windows import HOUR, Window, hour_of

SECOND = timedelta(seconds=1)
METERED = "metered"  # the timer's mark: how far running leases are metered


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one row of usage is kept for."""

    hour: datetime  # its start, in UTC
    scope: Scope  # what was charged, with the member
    profile: str | None


Usage = dict[Bucket, dict[str, int]]  # spent, by resource


def whole_second(time: datetime) -> datetime:
    """The second that a moment falls in, in UTC."""
    return time.astimezone(UTC).replace(microsecond=0)


def hours_between(start: datetime, end: datetime) -> Iterator[tuple[datetime, int]]:
    """Each hour of UTC with the seconds of it between two moments; nothing where `end` is first."""
    start, end = whole_second(start), whole_second(end)
    while start < end:
        hour = hour_of(start)
        until = min(hour + HOUR, end)
        yield hour, (until - start) // SECOND
        start = until


def unmetered(lease: Lease, now: datetime) -> tuple[datetime, datetime] | None:
    """From when to when the lease is to be metered now; None where there is nothing.

    A clock that was set back meters nothing until it is past what was metered already, so that no
    second counts twice. A gap, however long, is metered as a whole.
    """
    start = lease.requested_at if lease.metered_until is None else lease.metered_until
    end = now if lease.settled_at is None else lease.settled_at
    start, end = whole_second(start), whole_second(end)
    return (start, end) if start < end else None


def metered_to(lease: Lease, until: datetime) -> Lease:
    """As it was at that time: what ended later ran still."""
    if lease.settled_at is None or lease.settled_at <= until:
        return lease
    return replace(lease, settled_at=None)


def meter(leases: Iterable[Lease], now: datetime) -> Usage:
    """What to add to the buckets, for each lease from where it was last metered up to `now`."""
    return meter_alike(((lease, 1) for lease in leases), now)


def meter_alike(leases: Iterable[tuple[Lease, int]], now: datetime) -> Usage:
    """The same for leases of which each stands for so many that are alike."""
    usage: Usage = {}
    for lease, number in leases:
        stretch = unmetered(lease, now)
        if stretch is None:
            continue
        each_second = spent_each_second(lease.amounts)
        for hour, seconds in hours_between(*stretch):
            bucket = Bucket(hour, lease.charged, lease.profile)
            spent = usage.setdefault(bucket, {})
            for resource, amount in each_second.items():
                spent[resource] = spent.get(resource, 0) + amount * seconds * number
    return usage


class Meter:
    """What is spent of one resource at one scope, while its rate changes: one counter, by hours."""

    def __init__(self) -> None:
        self.rate = 0  # each second
        self.hours: dict[datetime, int] = {}
        self._since: datetime | None = None
        # The hours in order, and what was spent up to the end of each: made when a sum is asked for.
        self._order: list[datetime] | None = None
        self._up_to: list[int] = []

    @classmethod
    def standing(cls, rate: int, hours: dict[datetime, int], since: datetime | None) -> Meter:
        """One that was last advanced at `since`. Hours that no window tells apart may be one."""
        meter = cls()
        meter.rate, meter.hours, meter._since = rate, hours, since
        return meter

    def copy(self) -> Meter:
        return Meter.standing(self.rate, dict(self.hours), self._since)

    def change(self, by: int, at: datetime) -> None:
        """The rate changes. A clock that was set back counts nothing twice."""
        self._advance(at)
        self.rate += by

    def spent(self, window: Window, at: datetime) -> int:
        """In the window that holds at a time not before the last one asked for."""
        self._advance(at)
        begins = window.begins_at(at)
        if begins is None:
            return 0
        order = self._in_order()
        before = bisect_left(order, begins)
        return (self._up_to[-1] if order else 0) - (self._up_to[before - 1] if before else 0)

    def _in_order(self) -> list[datetime]:
        if self._order is None:
            self._order = sorted(self.hours)
            self._up_to = list(accumulate(self.hours[hour] for hour in self._order))
        return self._order

    def _advance(self, at: datetime) -> None:
        if self._since is not None and at <= self._since:
            return
        if self._since is not None and self.rate:
            for hour, seconds in hours_between(self._since, at):
                self._add(hour, self.rate * seconds)
        self._since = at

    def _add(self, hour: datetime, amount: int) -> None:
        self.hours[hour] = self.hours.get(hour, 0) + amount
        order, up_to = self._order, self._up_to
        if not order or hour < order[-1]:
            self._order = None
        elif hour == order[-1]:
            up_to[-1] += amount
        else:
            order.append(hour)
            up_to.append(up_to[-1] + amount)
