"""Windows: over which time what was spent counts against a limit.

Usage is metered in hours of UTC, so a window begins on such an hour, and an hour counts as a whole
or not at all. At `now` the hours from `begins_at(now)` on count; None where the limit does not bind
at that time. `leaves_at(hour)` is the first moment at which that hour counts no more; None where it
counts to the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .workshops import Session

HOUR = timedelta(hours=1)


def hour_of(moment: datetime) -> datetime:
    """The hour of UTC that a moment falls in, by its start."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last so many times 24 hours, and the hour before them that is not quite over."""

    days: int

    def begins_at(self, now: datetime) -> datetime | None:
        return hour_of(now) - timedelta(days=self.days)

    def leaves_at(self, hour: datetime) -> datetime | None:
        return hour_of(hour) + HOUR + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """The month in a zone. Where a month begins within an hour of UTC (India, Nepal), that hour
    still counts to the month before."""

    zone: str  # IANA name

    def begins_at(self, now: datetime) -> datetime:
        local = now.astimezone(ZoneInfo(self.zone))
        # The next month's too: clocks that are set back at midnight show the old one once more.
        starts = [self._start(local.year, local.month + by) for by in (-1, 0, 1)]
        return max(start for start in starts if start <= now)

    def leaves_at(self, hour: datetime) -> datetime | None:
        local = hour.astimezone(ZoneInfo(self.zone))
        starts = [self._start(local.year, local.month + by) for by in (0, 1, 2)]
        return min(start for start in starts if start > hour)

    def _start(self, year: int, month: int) -> datetime:
        """The first hour that lies in the month. A midnight that summer time leaves out is the
        moment of the change; one that comes twice is the first."""
        years, month = divmod(month - 1, 12)
        midnight = datetime(year + years, month + 1, 1, tzinfo=ZoneInfo(self.zone))
        start = midnight.astimezone(UTC)
        return start if hour_of(start) == start else hour_of(start) + HOUR


@dataclass(frozen=True, slots=True)
class WorkshopSessions:
    """From the start of a workshop's first session to the end of its last, nights included.
    Before and after them the limit does not bind."""

    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, sessions: Sequence[Session]) -> WorkshopSessions:
        """Sessions in order."""
        return cls(sessions[0].starts_at, sessions[-1].ends_at)

    def begins_at(self, now: datetime) -> datetime | None:
        return hour_of(self.starts_at) if self.starts_at <= now < self.ends_at else None

    def leaves_at(self, hour: datetime) -> datetime | None:
        return self.ends_at


@dataclass(frozen=True, slots=True)
class WholeGrant:
    """All the time that something was granted for, such as a project's."""

    starts_at: datetime

    def begins_at(self, now: datetime) -> datetime | None:
        return hour_of(self.starts_at) if self.starts_at <= now else None

    def leaves_at(self, hour: datetime) -> datetime | None:
        return None


FIRST_YEAR, LAST_YEAR = 1970, 9998  # so that it is a time in every zone


def granted_since(text: str, zone: str) -> WholeGrant:
    """From a day in the zone, or a time with its offset. Raises `ValueError`."""
    starts_at = datetime.fromisoformat(text)
    if not FIRST_YEAR <= starts_at.year <= LAST_YEAR:
        raise ValueError("expected a year that can be reckoned with")
    if starts_at.tzinfo is None:
        starts_at = datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone))
    return WholeGrant(starts_at.astimezone(UTC))


Window = Rolling | CalendarMonth | WorkshopSessions | WholeGrant


def counts_from(window: Window, now: datetime) -> datetime | None:
    """The hour from which on it counts, or will, where it does not bind yet; None: it binds no more."""
    begins = window.begins_at(now)
    if isinstance(window, WorkshopSessions | WholeGrant) and now < window.starts_at:
        return hour_of(window.starts_at)
    return begins


def leaving(window: Window, hours: Iterable[datetime]) -> Iterator[datetime]:
    """Each moment at which some of these hours leave the window."""
    last: datetime | None = None
    for hour in sorted(hours):
        if last is not None and hour < last and not isinstance(window, Rolling):
            continue  # it leaves with those before it
        last = window.leaves_at(hour)
        if last is None:
            return
        yield last


# As the file and the database have them. A workshop's sessions are its own: they are not written.


def write_window(window: Window) -> str:
    if isinstance(window, Rolling):
        return f"{window.days} days"
    if isinstance(window, CalendarMonth):
        return f"month {window.zone}"
    if isinstance(window, WholeGrant):
        return f"since {window.starts_at.astimezone(UTC).isoformat()}"
    return "sessions"


def read_window(text: str, sessions: Sequence[Session] = ()) -> Window:
    """What `write_window` wrote. Raises `ValueError`."""
    if text == "sessions":
        return WorkshopSessions.of(sessions)
    first, _, rest = text.partition(" ")
    if first == "month":
        return CalendarMonth(rest)
    if first == "since":
        return WholeGrant(datetime.fromisoformat(rest))
    return Rolling(int(first))
