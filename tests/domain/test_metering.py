"""Metering: exact to the second, whatever the clock does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.metering import Bucket, Meter, hours_between, meter, unmetered
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.windows import Rolling

START = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
SCOPE = Scope("andes", "maps", "ana")

moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 4), timezones=st.just(UTC))


def lease(start=START, end=None, **amounts) -> Lease:
    return Lease(
        id="a",
        server=ServerKey("ana"),
        account_id="ana",
        scope=SCOPE,
        profile="small",
        requested_at=start,
        settled_at=end,
        amounts=amounts or {"servers": 1},
    )


def total(usage, resource="server-time") -> int:
    return sum(spent[resource] for spent in usage.values())


def test_a_lease_is_parted_by_the_hours_of_utc() -> None:
    ended = lease(START, START + 2 * HOUR + 5 * SECOND, servers=1, cpu=500, memory=1025)
    usage = meter([ended], START + 9 * HOUR)
    parts = {12: 1800, 13: 3600, 14: 1805}
    assert usage == {
        Bucket(START.replace(hour=hour, minute=0), SCOPE, "small"): {
            "server-time": seconds,
            "cpu-time": 500 * seconds,
            "memory-time": 2 * seconds,
        }
        for hour, seconds in parts.items()
    }


def test_a_running_lease_counts_up_to_now() -> None:
    assert total(meter([lease()], START + 90 * SECOND)) == 90
    assert meter([lease()], START) == {}


def test_leases_of_one_bucket_are_added() -> None:
    usage = meter([lease(), replace(lease(cpu=100), id="b")], START + 60 * SECOND)
    assert list(usage.values()) == [{"server-time": 60, "cpu-time": 6000}]


@given(moments, st.lists(moments, min_size=1, max_size=8), moments)
def test_pieces_add_up_to_the_whole_however_the_clock_jumps(start, ticks, end) -> None:
    """The service meters at each tick; the clock may be set back between two of them."""
    running, spent = lease(start), 0
    for now in ticks:
        spent += total(meter([running], now))
        stretch = unmetered(running, now)
        if stretch is not None:
            running = replace(running, metered_until=stretch[1])
    spent += total(meter([replace(running, settled_at=end)], end))
    furthest = max([start, end, *ticks])
    assert spent == (furthest.replace(microsecond=0) - start.replace(microsecond=0)) // SECOND


@given(moments, moments)
def test_hours_follow_each_other_and_miss_no_second(start, end) -> None:
    parts = list(hours_between(start, end))
    assert all(0 < seconds <= 3600 for _, seconds in parts)
    hours = [hour for hour, _ in parts]
    assert (
        hours == [hours[0] + n * HOUR for n in range(len(hours))] if hours else end <= start + HOUR
    )
    whole = (end.replace(microsecond=0) - start.replace(microsecond=0)) // SECOND
    assert sum(seconds for _, seconds in parts) == max(0, whole)


def test_the_night_in_which_clocks_go_back_has_an_hour_more() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    start = datetime(2026, 10, 24, 22, tzinfo=madrid)
    end = datetime(2026, 10, 25, 6, tzinfo=madrid)
    assert total(meter([lease(start, end)], end)) == 9 * 3600


def test_the_night_in_which_clocks_go_forward_has_an_hour_less() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    start = datetime(2026, 3, 28, 22, tzinfo=madrid)
    end = datetime(2026, 3, 29, 6, tzinfo=madrid)
    assert total(meter([lease(start, end)], end)) == 7 * 3600


def test_a_gap_of_a_month_is_metered_as_a_whole() -> None:
    running = replace(lease(), metered_until=START + HOUR)
    usage = meter([running], START + timedelta(days=31))
    assert total(usage) == 31 * 86_400 - 3600
    assert len(usage) == 31 * 24


def test_a_lease_that_ended_before_what_was_metered_takes_nothing_back() -> None:
    ended = replace(lease(end=START + HOUR), metered_until=START + 2 * HOUR)
    assert unmetered(ended, START + 3 * HOUR) is None


stretches = st.lists(
    st.tuples(moments, st.timedeltas(SECOND, timedelta(hours=20)), st.integers(1, 4)), max_size=6
)


@given(stretches, st.integers(1, 3))
def test_a_counter_of_what_runs_spends_what_its_leases_spend(runs, days) -> None:
    """One counter and its changes, against every lease by itself."""
    counter = Meter()
    runs = [
        (start.replace(microsecond=0), length // SECOND * SECOND, n) for start, length, n in runs
    ]
    changes = [(start, n) for start, _, n in runs]
    changes += [(start + length, -n) for start, length, n in runs]
    for at, by in sorted(changes):
        counter.change(by, at)
    now, window = datetime(2026, 1, 5, 0, 30, tzinfo=UTC), Rolling(days)
    usage = meter(
        [replace(lease(start, start + length, servers=n), id=str(n)) for start, length, n in runs],
        now,
    )
    begins = window.begins_at(now)
    expected = sum(s["server-time"] for bucket, s in usage.items() if bucket.hour >= begins)
    assert counter.spent(window, now) == expected
    assert counter.rate == 0


def test_a_counter_whose_clock_is_set_back_counts_nothing_twice() -> None:
    counter, window = Meter(), Rolling(7)
    counter.change(1, START)
    assert counter.spent(window, START + HOUR) == 3600
    counter.change(1, START)  # an hour earlier
    assert counter.spent(window, START + HOUR) == 3600
    assert counter.spent(window, START + 2 * HOUR) == 3600 + 7200
