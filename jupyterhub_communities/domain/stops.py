"""Stops: when a running server must be warned and stopped, and why.

Two rules hold for every reason. A server is stopped only after its person has been warned for the
whole grace, also where the warning came late; and a reason that is no more (a limit was raised,
spent time has left its window, the session was prolonged) takes its warning with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .leases import Lease
from .quotas import Scope


class StopReason(StrEnum):
    MAX_SESSION = "max_session"  # it has run as long as one may
    EXHAUSTED = "exhausted"  # what may be spent is spent
    WORKSHOP_ENDED = "workshop_ended"
    ACCESS_ENDED = "access_ended"  # the person's grants have lapsed


RESCUE_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RunningRules:
    """What becomes of running servers. By default they finish."""

    max_session: timedelta | None = None  # from admission; None: as long as they like
    stops_when_exhausted: bool = False  # else what runs finishes, and admission asks for a runway
    stops_at_end: bool = False  # with the workshop, or the person's access
    grace: timedelta = timedelta(minutes=10)  # between the warning and the stop


@dataclass(frozen=True, slots=True)
class Stop:
    """A server is to stop then."""

    at: datetime
    reason: StopReason


@dataclass(frozen=True, slots=True)
class Drain:
    """An allowance that binds now, and how fast it goes."""

    scope: Scope  # with the member, where it is of one person
    resource: str
    left: int  # below 0: overdrawn by what ran on
    rate: int  # spent each second


@dataclass(frozen=True, slots=True)
class Course:
    """What to do about one server now."""

    stop: Stop | None = None  # what is to come; None: nothing that anybody knows of
    warns: bool = False  # the person is to be told; a warning that stands is else taken back
    stops: bool = False  # now


def known_end(
    lease: Lease,
    rules: RunningRules,
    *,
    workshop_ends_at: datetime | None = None,
    place_ends_at: datetime | None = None,
    access_ends_at: datetime | None = None,
) -> Stop | None:
    """The first end that stands from the beginning. It is what admission looks ahead to, and what
    the earliest time in a refusal is computed from.

    `place_ends_at` is when the person's grants for the place lapse; `access_ends_at` when they have
    no access at all any more, and no server whatever the rules.
    """
    ends = []
    if rules.max_session is not None:
        ends.append(Stop(lease.requested_at + rules.max_session, StopReason.MAX_SESSION))
    if lease.is_rescue:
        ends.append(Stop(lease.requested_at + RESCUE_LASTS, StopReason.MAX_SESSION))
    if rules.stops_at_end and workshop_ends_at is not None:
        ends.append(Stop(workshop_ends_at, StopReason.WORKSHOP_ENDED))
    if rules.stops_at_end and place_ends_at is not None:
        ends.append(Stop(place_ends_at, StopReason.ACCESS_ENDED))
    if access_ends_at is not None:
        ends.append(Stop(access_ends_at, StopReason.ACCESS_ENDED))
    return min(ends, key=lambda end: end.at, default=None)


def runs_out_at(now: datetime, left: int, rate: int) -> datetime | None:
    """When what is left to spend is spent, if nothing starts or stops: `rate` is spent each second.
    Rounded up to the second; None where nothing is spent. In the past it is `now`."""
    if rate <= 0:
        return None if left > 0 else now
    return now + timedelta(seconds=max(0, -(-left // rate)))


def course(
    rules: RunningRules,
    now: datetime,
    *,
    end: Stop | None = None,
    exhausted_at: datetime | None = None,
    warned_at: datetime | None = None,
) -> Course:
    """What to do now. `end` is the known end; `exhausted_at` when an allowance on the lease's path
    runs out, or `now` where it has; `warned_at` since when the person has been warned."""
    stops = [] if end is None else [end]
    if rules.stops_when_exhausted and exhausted_at is not None:
        stops.append(Stop(max(exhausted_at, now), StopReason.EXHAUSTED))
    if not stops:
        return Course()
    first = min(stops, key=lambda stop: stop.at)
    if first.at - now > rules.grace:
        return Course(stop=first)
    at = max(first.at, (now if warned_at is None else warned_at) + rules.grace)
    return Course(stop=Stop(at, first.reason), warns=True, stops=at <= now)
