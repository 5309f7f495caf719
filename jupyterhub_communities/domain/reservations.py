"""Reservations: capacity set aside for a workshop's sessions.

A reservation holds from the start of its session up to its end, that moment not included. While it
holds, the part that its workshop does not use is closed to all others, and counts as drawn from the
cohort's pool, so it is never lent. When it ends nothing has to be given back: what is closed is
computed from the calendar whenever somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Protocol

from .quotas import Scope
from .refusals import ReservationTooLarge
from .units import Amounts
from .workshops import Workshop

LOOK_AHEAD = timedelta(hours=12)  # for servers of which nobody knows when they stop


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a workshop has for itself during one session, in base units."""

    scope: Scope  # the workshop's
    starts_at: datetime
    ends_at: datetime
    amounts: Amounts
    made_at: datetime

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def amount(self, resource: str) -> int:
        return self.amounts.get(resource, 0)


@dataclass(frozen=True, slots=True)
class Giving:
    """What one reservation has to give for the rest to fit."""

    reservation: Reservation
    amount: int


@dataclass(frozen=True, slots=True)
class Overbooking:
    """A stretch in which more is reserved than the community owns, or the hub has: the limit was cut
    since."""

    resource: str
    starts_at: datetime
    ends_at: datetime
    owned: int
    reserved: int
    givers: tuple[Giving, ...]  # who reserved last gives first
    is_hub: bool = False  # by the hub's limit, and of all communities together


def for_workshop(
    workshop: Workshop, seats: int, each: Amounts, made_at: datetime
) -> tuple[Reservation, ...]:
    """`seats` servers that hold `each`, for every session. A workshop that is closed by hand keeps
    nothing after that."""
    amounts = {resource: seats * amount for resource, amount in each.items()}
    return of_workshop(replace(workshop, reserved=amounts, reserved_at=made_at))


def of_workshop(workshop: Workshop) -> tuple[Reservation, ...]:
    """What it has reserved, session by session."""
    amounts, made_at = workshop.reserved, workshop.reserved_at
    if amounts is None or made_at is None:
        return ()
    scope = Scope(workshop.community, workshop.slug)
    closed_at = workshop.closed_at
    reserved = []
    for session in workshop.sessions:
        ends_at = session.ends_at if closed_at is None else min(session.ends_at, closed_at)
        if session.starts_at < ends_at:
            reserved.append(Reservation(scope, session.starts_at, ends_at, amounts, made_at))
    return tuple(reserved)


def check_reservations(
    new: Sequence[Reservation],
    others: Iterable[Reservation],
    owned: Amounts,
    *,
    lent: Sequence[Reservation] = (),
    most: Amounts = MappingProxyType({}),
    zone: str = "UTC",
) -> None:
    """Whether the community owns enough for all of them at every moment. A resource that `owned`
    does not name is unlimited. What might be borrowed does not count, for nobody can promise it.
    `lent` is what loans take and bring (see `loans.on_calendar`); `most` may be held whatever they
    bring.

    Raises `ReservationTooLarge` for the first that does not fit.
    """
    together = [*others, *new]
    for one in sorted(new, key=lambda reservation: reservation.starts_at):
        for resource, wanted in one.amounts.items():
            lefts = [
                limits[resource]
                - most_reserved(counted, resource, one.starts_at, one.ends_at)
                + wanted
                for limits, counted in ((owned, [*together, *lent]), (most, together))
                if resource in limits
            ]
            left = min(lefts, default=wanted)
            if wanted > max(0, left):
                raise ReservationTooLarge(
                    resource=resource,
                    left=max(0, left),
                    wanted=wanted,
                    starts_at=one.starts_at,
                    zone=zone,
                )


def reserved_at(reservations: Iterable[Reservation], resource: str, at: datetime) -> int:
    return sum(one.amount(resource) for one in reservations if one.holds(at))


def most_reserved(
    reservations: Iterable[Reservation], resource: str, start: datetime, end: datetime
) -> int:
    """The most that is reserved at any moment from `start` up to `end`."""
    changes: dict[datetime, int] = {start: 0}
    for one in reservations:
        if one.starts_at < end and start < one.ends_at:
            for at, amount in ((max(one.starts_at, start), 1), (one.ends_at, -1)):
                changes[at] = changes.get(at, 0) + amount * one.amount(resource)
    most = reserved = 0
    for at in sorted(changes):
        reserved += changes[at]
        most = max(most, reserved)
    return most


def overbookings(
    reservations: Sequence[Reservation],
    owned: Amounts,
    now: datetime,
    *,
    is_hub: bool = False,
    lent: Sequence[Reservation] = (),
    most: Amounts = MappingProxyType({}),
) -> tuple[Overbooking, ...]:
    """Where more is reserved than is owned, from `now` on, and who must give how much there. `lent`
    is what loans take and bring (see `loans.on_calendar`); `most` may be held whatever they bring.

    Nothing is taken from anybody by this: admission refuses what does not fit, whoever comes last.
    """
    ahead = [one for one in reservations if one.ends_at > now]
    known = [*ahead, *(one for one in lent if one.ends_at > now)]
    times = sorted({max(time, now) for one in known for time in (one.starts_at, one.ends_at)})
    found = []
    for resource, base in owned.items():
        for start, end in pairwise(times):
            reserved = reserved_at(ahead, resource, start)
            left = max(0, base - reserved_at(lent, resource, start))
            left = min(left, most.get(resource, left))
            if reserved > left:
                givers = _givers(ahead, resource, start, reserved - left)
                found.append(Overbooking(resource, start, end, left, reserved, givers, is_hub))
    return tuple(found)


def _givers(
    reservations: Iterable[Reservation], resource: str, at: datetime, missing: int
) -> tuple[Giving, ...]:
    givers = []
    holding = [one for one in reservations if one.holds(at) and one.amount(resource)]
    for one in sorted(holding, key=lambda r: (r.made_at, r.starts_at, r.scope.key), reverse=True):
        given = min(missing, one.amount(resource))
        missing -= given
        givers.append(Giving(one, given))
        if not missing:
            break
    return tuple(givers)


class Stretch(Protocol):
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


def times_ahead(stretches: Iterable[Stretch], now: datetime, lasts: timedelta) -> list[datetime]:
    """When somebody else may have less because of a server that starts now: now, and until it stops
    whenever a session opens or a loan begins, or closes and no longer covers it."""
    turns = {at for one in stretches for at in (one.starts_at, one.ends_at)}
    return [now, *sorted(at for at in turns if now < at < now + lasts)]


def unused(
    reservations: Iterable[Reservation], resource: str, held: Callable[[Scope], int], at: datetime
) -> dict[Scope, int]:
    """The part of what holds at a time that its workshops do not use, by workshop: never negative,
    for a workshop may hold more than it reserved."""
    reserved: dict[Scope, int] = {}
    for one in reservations:
        if one.holds(at):
            reserved[one.scope] = reserved.get(one.scope, 0) + one.amount(resource)
    return {scope: max(0, amount - held(scope)) for scope, amount in reserved.items()}
