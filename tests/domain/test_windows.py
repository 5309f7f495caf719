"""Windows: which hours count at a time, and when they count no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.windows import (
    HOUR,
    CalendarMonth,
    Rolling,
    WholeGrant,
    WorkshopSessions,
    hour_of,
)
from jupyterhub_communities.domain.workshops import Session

SECOND = timedelta(seconds=1)
ZONES = [
    "UTC",
    "America/Lima",
    "America/Sao_Paulo",
    "America/Asuncion",  # its summer time changed at midnight
    "Africa/Casablanca",  # winter time in Ramadan
    "Asia/Kathmandu",  # 5:45 from UTC
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Apia",  # left out a day
]

moments = st.datetimes(datetime(2005, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "now", "begins"),
    [
        ("UTC", "2026-03-01T00:00Z", "2026-03-01T00:00Z"),
        ("UTC", "2026-02-28T23:59:59Z", "2026-02-01T00:00Z"),
        ("America/Lima", "2026-03-01T04:59Z", "2026-02-01T05:00Z"),
        ("America/Lima", "2026-03-01T05:00Z", "2026-03-01T05:00Z"),
        ("Europe/Madrid", "2026-04-15T00:00Z", "2026-03-31T22:00Z"),
        ("Europe/Madrid", "2026-03-30T00:00Z", "2026-02-28T23:00Z"),
        # Paraguay's clocks went from midnight to one on that day, and it was the first of a month.
        ("America/Asuncion", "2023-10-01T04:30Z", "2023-10-01T04:00Z"),
        ("America/Asuncion", "2023-10-01T03:59Z", "2023-09-01T04:00Z"),
        # In Nepal the month begins at 18:15 of UTC: that hour belongs to the old month.
        ("Asia/Kathmandu", "2026-02-28T18:30Z", "2026-01-31T19:00Z"),
        ("Asia/Kathmandu", "2026-02-28T19:00Z", "2026-02-28T19:00Z"),
        # One minute into that month, Newfoundland's clocks went back to the old one.
        ("America/St_Johns", "2009-11-01T03:10Z", "2009-11-01T03:00Z"),
        ("Africa/Casablanca", "2027-01-01T00:00Z", "2026-12-31T23:00Z"),
    ],
)
def test_a_month_begins_at_midnight_of_its_zone(zone, now, begins) -> None:
    assert CalendarMonth(zone).begins_at(at(now)) == at(begins)


@given(st.sampled_from(ZONES), moments)
def test_months_follow_each_other_without_gap_or_overlap(zone, now) -> None:
    window = CalendarMonth(zone)
    begins = window.begins_at(now)
    ends = window.leaves_at(begins)
    assert begins <= now < ends
    assert window.begins_at(ends) == ends
    assert window.begins_at(ends - SECOND) == begins
    assert timedelta(days=27) < ends - begins < timedelta(days=32)


windows = st.one_of(
    st.builds(Rolling, st.integers(1, 400)),
    st.builds(CalendarMonth, st.sampled_from(ZONES)),
)


@given(windows, moments)
def test_an_hour_counts_until_it_leaves_and_never_again(window, moment) -> None:
    hour = hour_of(moment)
    leaves = window.leaves_at(hour)
    assert window.begins_at(hour) <= hour, "it counts from its first second"
    assert window.begins_at(leaves - SECOND) <= hour < window.begins_at(leaves)


@given(windows, moments, st.timedeltas(timedelta(), timedelta(days=500)))
def test_a_window_never_goes_back(window, moment, later) -> None:
    assert window.begins_at(moment) <= window.begins_at(moment + later)


@given(st.integers(1, 400), moments)
def test_a_rolling_window_counts_all_of_its_days_and_less_than_an_hour_more(days, now) -> None:
    stretch = now - Rolling(days).begins_at(now)
    assert timedelta(days=days) <= stretch < timedelta(days=days) + HOUR


def test_a_workshops_sessions_count_together_and_bind_while_it_lasts() -> None:
    nine = at("2026-03-02T09:30Z")
    day = timedelta(days=1)
    window = WorkshopSessions.of(
        [Session(nine, nine + 3 * HOUR), Session(nine + day, nine + day + 3 * HOUR)]
    )
    assert window.begins_at(nine - SECOND) is None
    assert window.begins_at(nine) == at("2026-03-02T09:00Z")
    assert window.begins_at(nine + day) == at("2026-03-02T09:00Z"), "the first day still counts"
    assert window.begins_at(nine + day + 3 * HOUR) is None
    assert window.leaves_at(hour_of(nine)) == nine + day + 3 * HOUR


def test_what_a_grant_has_spent_never_comes_back() -> None:
    window = WholeGrant(at("2026-01-01T00:30Z"))
    assert window.begins_at(at("2025-12-31T00:00Z")) is None
    assert window.begins_at(at("2030-01-01T00:00Z")) == at("2026-01-01T00:00Z")
    assert window.leaves_at(at("2026-01-01T00:00Z")) is None
