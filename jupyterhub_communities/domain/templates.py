"""Templates: the shape of a workshop that was held, for other communities of the cohort to use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .refusals import SessionsInvalid
from .workshops import Session, Workshop, check_sessions

MOST_TEMPLATES = 50  # of one community


@dataclass(frozen=True, slots=True)
class Hours:
    """One session by the clock on the wall, so many days after the first."""

    day: int
    starts: time
    last_day: int  # on which it ends
    ends: time


@dataclass(frozen=True, slots=True)
class Template:
    """Nothing of it tells who was there, when, or how many came."""

    id: str
    community: str  # that shares it
    workshop: str  # slug of that which was held
    title: str
    language: str
    zone: str  # of the community that shares it
    sessions: tuple[Hours, ...]
    seats: int | None
    profile: str | None  # slug
    shared_at: datetime


def shape_of(sessions: Sequence[Session], zone: str) -> tuple[Hours, ...]:
    place = ZoneInfo(zone)
    starts = [one.starts_at.astimezone(place) for one in sessions]
    ends = [one.ends_at.astimezone(place) for one in sessions]
    first = starts[0].date()
    return tuple(
        Hours((a.date() - first).days, _clock(a), (b.date() - first).days, _clock(b))
        for a, b in zip(starts, ends, strict=True)
    )


def sessions_on(shape: Sequence[Hours], first_day: date, zone: str) -> tuple[Session, ...]:
    """At the same hours of any zone. Raises `SessionsInvalid`."""
    place = ZoneInfo(zone)

    def at(day: int, clock: time) -> datetime:
        return datetime.combine(first_day + timedelta(days=day), clock, place)

    try:
        return check_sessions(
            [Session(at(one.day, one.starts), at(one.last_day, one.ends)) for one in shape]
        )
    except OverflowError as error:
        raise SessionsInvalid from error


def template_of(workshop: Workshop, template_id: str, now: datetime) -> Template:
    return Template(
        id=template_id,
        community=workshop.community,
        workshop=workshop.slug,
        title=workshop.title,
        language=workshop.language,
        zone=workshop.zone,
        sessions=shape_of(workshop.sessions, workshop.zone),
        seats=workshop.seats,
        profile=workshop.profile,
        shared_at=now,
    )


def _clock(moment: datetime) -> time:
    return moment.time().replace(tzinfo=None, second=0, microsecond=0, fold=0)
