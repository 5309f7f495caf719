"""Workshops: dated parts of a community."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise

from anyascii import anyascii

from .communities import LONGEST_SLUG
from .grants import Role
from .names import is_readable
from .refusals import MessageInvalid, SeatsInvalid, SessionsInvalid, TitleInvalid, ZoneInvalid
from .times import in_utc
from .units import Amounts
from .versions import version_of

LONGEST_TITLE = 120  # characters
LONGEST_MESSAGE = 500  # characters
MOST_SEATS = 1000  # that are typed for one code; more is a typing error
MOST_SESSIONS = 60
MOST_SITES = 100


class WorkshopState(StrEnum):
    PLANNED = "planned"  # before its first session
    RUNNING = "running"  # within a session
    BETWEEN = "between"  # between two sessions
    ENDED = "ended"  # after its last session
    CLOSED = "closed"  # closed by hand

    @property
    def is_over(self) -> bool:
        """Its codes open nothing any more."""
        return self in (WorkshopState.ENDED, WorkshopState.CLOSED)


@dataclass(frozen=True, slots=True)
class Session:
    """One stretch of a workshop."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Site:
    """A place of a workshop, with its own zone, code and helpers."""

    slug: str
    name: str
    zone: str  # IANA name
    country: str | None = None  # ISO 3166-1, two letters; None: by the zone, see `countries`


@dataclass(frozen=True, slots=True)
class WorkshopBrief:
    """What somebody who is invited is told of a workshop."""

    title: str
    language: str
    zone: str  # of the site that they are invited to, else of the workshop
    sessions: tuple[Session, ...] = ()  # read where they are shown


@dataclass(frozen=True, slots=True)
class Workshop:
    community: str
    slug: str
    title: str
    language: str  # tag; may be one that the pages are not offered in
    zone: str  # IANA name
    sessions: tuple[Session, ...]  # in order
    seats: int | None  # None: up to the operator's ceilings
    profile: str | None  # slug of the profile that its servers start with
    made_by: str | None  # account id
    created_at: datetime
    closed_at: datetime | None = None
    sites: tuple[Site, ...] = ()
    reserved: Amounts | None = field(default=None, hash=False)  # for each session; None: nothing
    reserved_at: datetime | None = None
    message: str | None = None  # of its staff, for its people
    promised: Role | None = None  # in its community, to those who complete it

    def site(self, slug: str | None) -> Site | None:
        return next((site for site in self.sites if site.slug == slug), None)

    def zone_at(self, site: str | None) -> str:
        """The zone in which times are told at a site, or at the workshop itself."""
        place = self.site(site)
        return self.zone if place is None else place.zone

    @property
    def starts_at(self) -> datetime:
        return self.sessions[0].starts_at

    @property
    def ends_at(self) -> datetime:
        return self.sessions[-1].ends_at

    @property
    def version(self) -> str:
        """Of what a change is about: a message or a promise outdates none."""
        return version_of({**asdict(self), "reserved_at": None, "message": None, "promised": None})

    @property
    def message_version(self) -> str:
        return version_of(["message", self.message])

    def message_at(self, now: datetime) -> str | None:
        """What its people are told: until it is over."""
        return None if self.state(now).is_over else self.message

    def state(self, now: datetime) -> WorkshopState:
        if self.closed_at is not None and self.closed_at <= now:
            return WorkshopState.CLOSED
        if now < self.starts_at:
            return WorkshopState.PLANNED
        if now >= self.ends_at:
            return WorkshopState.ENDED
        if any(session.starts_at <= now < session.ends_at for session in self.sessions):
            return WorkshopState.RUNNING
        return WorkshopState.BETWEEN


def read_title(typed: str) -> str:
    """A title with blanks folded. Raises `TitleInvalid` when empty, too long or unprintable."""
    title = " ".join(typed.split())
    if not title or len(title) > LONGEST_TITLE or not is_readable(title):
        raise TitleInvalid(limit=LONGEST_TITLE)
    return title


def read_message(typed: str) -> str | None:
    """A message as it is kept: lines, and paragraphs between them. None for an empty one. Raises
    `MessageInvalid` when it is too long or unprintable."""
    lines = [line.rstrip() for line in typed.replace("\t", " ").splitlines()]
    message = re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip())
    if len(message) > LONGEST_MESSAGE or not all(map(is_readable, message.split("\n"))):
        raise MessageInvalid(limit=LONGEST_MESSAGE)
    return message or None


def check_sessions(sessions: Sequence[Session]) -> tuple[Session, ...]:
    """The sessions in UTC and in order. Raises `SessionsInvalid` when one is empty or two overlap."""
    try:
        moments = [Session(in_utc(one.starts_at), in_utc(one.ends_at)) for one in sessions]
    except ValueError as error:
        raise SessionsInvalid from error
    ordered = tuple(sorted(moments, key=lambda session: session.starts_at))
    if not 0 < len(ordered) <= MOST_SESSIONS:
        raise SessionsInvalid
    if any(session.ends_at <= session.starts_at for session in ordered):
        raise SessionsInvalid
    if any(one.ends_at > other.starts_at for one, other in pairwise(ordered)):
        raise SessionsInvalid
    return ordered


def shifted(sessions: Sequence[Session], zone: str, first_day: date) -> tuple[Session, ...]:
    """The sessions moved by whole days, so that the first is on that day of the zone. Each keeps its
    hours by the clock on the wall, also where summer time begins or ends between. In UTC.

    Raises `SessionsInvalid` where that day is beyond the calendar, or a clock change leaves nothing
    of a session.
    """
    place = zoneinfo.ZoneInfo(zone)
    by = first_day - sessions[0].starts_at.astimezone(place).date()
    try:
        return check_sessions(
            [
                Session(_moved(one.starts_at, place, by), _moved(one.ends_at, place, by))
                for one in sessions
            ]
        )
    except OverflowError as error:
        raise SessionsInvalid from error


def _moved(time: datetime, place: zoneinfo.ZoneInfo, by: timedelta) -> datetime:
    # Adding to a time of a zone moves the clock on the wall, not the moment.
    return time.astimezone(place) + by


def check_seats(seats: int | None) -> int | None:
    if seats is not None and not 0 < seats <= MOST_SEATS:
        raise SeatsInvalid(most=MOST_SEATS)
    return seats


def check_zone(zone: str) -> str:
    """An IANA zone name. Raises `ZoneInvalid`."""
    if zone not in _zones():
        raise ZoneInvalid(zone=zone[:60])
    return zone


@cache
def _zones() -> frozenset[str]:
    """The zones there are, without those that name no place."""
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def slug_for(title: str, *, default: str = "workshop") -> str:
    """A slug to begin with for a title in any script; the caller makes it unique."""
    slug = re.sub(r"[^a-z0-9]+", "-", anyascii(title).lower()).strip("-")
    return slug[: LONGEST_SLUG - 4].strip("-") or default
