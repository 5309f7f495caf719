"""Workshops: their times, and what may not be said of them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from jupyterhub_communities.domain.refusals import (
    SeatsInvalid,
    SessionsInvalid,
    TitleInvalid,
    ZoneInvalid,
)
from jupyterhub_communities.domain.workshops import (
    Session,
    Workshop,
    WorkshopState,
    check_seats,
    check_sessions,
    check_zone,
    read_title,
    shifted,
    slug_for,
)

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
EAST, WEST = timezone(timedelta(hours=9)), timezone(timedelta(hours=-9))
MADRID = ZoneInfo("Europe/Madrid")


def session(start: float, end: float) -> Session:
    return Session(NINE + timedelta(hours=start), NINE + timedelta(hours=end))


def workshop(closed_at: datetime | None = None) -> Workshop:
    return Workshop(
        community="andes",
        slug="taller",
        title="Taller",
        language="es",
        zone="America/Lima",
        sessions=(session(0, 3), session(24, 27)),
        seats=10,
        profile=None,
        made_by=None,
        created_at=NINE,
        closed_at=closed_at,
    )


@pytest.mark.parametrize(
    ("hours", "state"),
    [
        (-1, WorkshopState.PLANNED),
        (0, WorkshopState.RUNNING),
        (2.9, WorkshopState.RUNNING),
        (3, WorkshopState.BETWEEN),
        (24, WorkshopState.RUNNING),
        (27, WorkshopState.ENDED),
    ],
)
def test_the_state_follows_from_the_times(hours: float, state: WorkshopState) -> None:
    assert workshop().state(NINE + timedelta(hours=hours)) is state


def test_closed_by_hand_is_closed_whatever_the_times_say() -> None:
    assert workshop(closed_at=NINE).state(NINE + timedelta(hours=1)) is WorkshopState.CLOSED


def test_sessions_are_put_in_order() -> None:
    assert check_sessions([session(24, 27), session(0, 3)]) == (session(0, 3), session(24, 27))


@pytest.mark.parametrize(
    "sessions",
    [
        [],
        [session(0, 0)],
        [session(3, 1)],
        [session(0, 3), session(2, 5)],
        [session(n, n + 0.5) for n in range(61)],
        [Session(NINE, NINE.replace(year=9999))],
        [Session(NINE.replace(year=1999), NINE)],
        [Session(datetime.min.replace(tzinfo=EAST), NINE)],
        [Session(NINE, datetime.max.replace(tzinfo=WEST))],
        # Where the clock jumps from two to three: half past two is half past three already.
        [Session(datetime(2026, 3, 29, 2, 30, tzinfo=MADRID),
                 datetime(2026, 3, 29, 3, 0, tzinfo=MADRID))],
    ],
)  # fmt: skip
def test_sessions_that_do_not_hold_are_refused(sessions) -> None:
    with pytest.raises(SessionsInvalid):
        check_sessions(sessions)


def test_a_session_over_the_night_of_the_clock_change_is_as_long_as_it_is() -> None:
    """From a minute to three in summer time until half past two in winter time."""
    start = datetime(2026, 10, 25, 2, 59, tzinfo=MADRID)
    end = datetime(2026, 10, 25, 2, 30, tzinfo=MADRID, fold=1)
    (found,) = check_sessions([Session(start, end)])
    assert found.ends_at - found.starts_at == timedelta(minutes=31)


def local(*time: int, **more: int) -> datetime:
    return datetime(*time, tzinfo=MADRID, **more)


def clocks(sessions) -> list[tuple[str, str]]:
    return [
        tuple(f"{time.astimezone(MADRID):%m-%d %H:%M}" for time in (one.starts_at, one.ends_at))
        for one in sessions
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # Into summer time, over its beginning, and back to winter.
        (date(2026, 7, 6), [("07-06 09:00", "07-06 12:00"), ("07-07 22:00", "07-08 01:00")]),
        (date(2026, 3, 28), [("03-28 09:00", "03-28 12:00"), ("03-29 22:00", "03-30 01:00")]),
        (date(2026, 10, 24), [("10-24 09:00", "10-24 12:00"), ("10-25 22:00", "10-26 01:00")]),
        (date(2025, 1, 6), [("01-06 09:00", "01-06 12:00"), ("01-07 22:00", "01-08 01:00")]),
    ],
)
def test_sessions_are_moved_by_days_and_keep_their_hours_over_clock_changes(day, expected) -> None:
    sessions = (
        Session(local(2026, 3, 2, 9), local(2026, 3, 2, 12)),
        Session(local(2026, 3, 3, 22), local(2026, 3, 4, 1)),
    )
    moved = shifted([Session(s.starts_at.astimezone(UTC), s.ends_at.astimezone(UTC)) for s in sessions],
                    "Europe/Madrid", day)  # fmt: skip
    assert clocks(moved) == expected
    assert all(one.starts_at.tzinfo is UTC for one in moved)


@pytest.mark.parametrize("day", [date.max, date.min, date(2026, 3, 29)])
def test_sessions_that_would_be_nowhere_are_refused(day) -> None:
    night = Session(local(2026, 3, 2, 2, 30), local(2026, 3, 2, 3))  # left out on March 29
    with pytest.raises(SessionsInvalid):
        shifted([night], "Europe/Madrid", day)


@pytest.mark.parametrize("seats", [0, -1, 1001])
def test_seats_out_of_range_are_refused(seats) -> None:
    with pytest.raises(SeatsInvalid):
        check_seats(seats)


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "../../etc/passwd", "/etc/passwd", "localtime", "a" * 999]
)
def test_a_zone_that_is_none_is_refused(zone) -> None:
    with pytest.raises(ZoneInvalid):
        check_zone(zone)


@pytest.mark.parametrize("title", ["", "  ", "a" * 121, "bell\x07", "turn\u202earound"])
def test_a_title_that_cannot_be_shown_is_refused(title) -> None:
    with pytest.raises(TitleInvalid):
        read_title(title)


def test_a_title_may_join_letters_as_its_script_does() -> None:
    assert read_title(" مقدمه\u200cای  بر پایتون ") == "مقدمه\u200cای بر پایتون"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Taller de Python: ¡hola!", "taller-de-python-hola"),
        ("مقدمة", "mqdmh"),
        ("!!!", "workshop"),
        ("x" * 99, "x" * 36),
    ],
)
def test_a_slug_is_made_of_a_title_in_any_script(title, slug) -> None:
    assert slug_for(title) == slug
