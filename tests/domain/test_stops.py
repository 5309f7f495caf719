"""Stops: who is warned and stopped, when, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.stops import (
    Course,
    RunningRules,
    Stop,
    StopReason,
    course,
    known_end,
    runs_out_at,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STRICT = RunningRules(
    max_session=480 * MINUTE, stops_when_exhausted=True, stops_at_end=True, grace=10 * MINUTE
)
LEASE = Lease(
    id="a",
    server=ServerKey("ana"),
    account_id="ana",
    scope=Scope("andes"),
    profile=None,
    requested_at=NOON,
    active_at=NOON + MINUTE,
)


@pytest.mark.parametrize(
    ("rules", "workshop", "access", "end"),
    [
        (RunningRules(), 60, 90, None),
        (STRICT, None, None, (480, StopReason.MAX_SESSION)),
        (STRICT, 60, 90, (60, StopReason.WORKSHOP_ENDED)),
        (STRICT, 90, 60, (60, StopReason.ACCESS_ENDED)),
        (RunningRules(max_session=30 * MINUTE), 10, 10, (30, StopReason.MAX_SESSION)),
    ],
)
def test_the_first_end_that_is_known(rules, workshop, access, end) -> None:
    found = known_end(
        LEASE,
        rules,
        workshop_ends_at=None if workshop is None else NOON + workshop * MINUTE,
        place_ends_at=None if access is None else NOON + access * MINUTE,
    )
    assert found == (None if end is None else Stop(NOON + end[0] * MINUTE, end[1]))


def test_a_rescue_server_ends_after_an_hour_or_before() -> None:
    rescue = replace(LEASE, is_rescue=True)
    assert known_end(rescue, RunningRules()).at == NOON + 60 * MINUTE
    assert known_end(rescue, RunningRules(max_session=30 * MINUTE)).at == NOON + 30 * MINUTE


def test_without_any_access_there_is_no_server_whatever_the_rules() -> None:
    over = NOON + 20 * MINUTE
    found = known_end(LEASE, RunningRules(), place_ends_at=NOON, access_ends_at=over)
    assert found == Stop(over, StopReason.ACCESS_ENDED)


END = Stop(NOON + 60 * MINUTE, StopReason.MAX_SESSION)


@pytest.mark.parametrize(
    ("now", "warned", "warns", "stops", "at"),
    [
        (0, None, False, False, 60),
        (49, None, False, False, 60),
        (50, None, True, False, 60),
        (59, 50, True, False, 60),
        (60, 50, True, True, 60),
        (90, 50, True, True, 60),
        (70, None, True, False, 80),  # nobody was there to warn in time: the grace is kept
        (79, 70, True, False, 80),
        (80, 70, True, True, 80),
    ],
)
def test_a_server_is_warned_for_the_whole_grace_and_then_stopped(
    now, warned, warns, stops, at
) -> None:
    warned_at = None if warned is None else NOON + warned * MINUTE
    found = course(STRICT, NOON + now * MINUTE, end=END, warned_at=warned_at)
    assert found == Course(Stop(NOON + at * MINUTE, StopReason.MAX_SESSION), warns, stops)


def test_what_is_exhausted_stops_after_the_grace() -> None:
    first = course(STRICT, NOON, exhausted_at=NOON)
    assert first == Course(Stop(NOON + 10 * MINUTE, StopReason.EXHAUSTED), warns=True)
    later = NOON + 10 * MINUTE
    assert course(STRICT, later, exhausted_at=later, warned_at=NOON).stops


def test_a_warning_goes_with_its_reason() -> None:
    """The limit was raised, or spent time has left its window."""
    assert course(STRICT, NOON + MINUTE, warned_at=NOON) == Course()


def test_what_will_be_exhausted_soon_is_said_before() -> None:
    soon = NOON + 5 * MINUTE
    assert course(STRICT, NOON, exhausted_at=soon).warns
    assert not course(STRICT, NOON, exhausted_at=NOON + 11 * MINUTE).warns


def test_by_default_what_runs_finishes() -> None:
    assert course(RunningRules(), NOON, exhausted_at=NOON) == Course()


@pytest.mark.parametrize(
    ("left", "rate", "seconds"), [(100, 1, 100), (100, 3, 34), (0, 5, 0), (-7, 5, 0), (0, 0, 0)]
)
def test_when_what_is_left_runs_out(left, rate, seconds) -> None:
    assert runs_out_at(NOON, left, rate) == NOON + timedelta(seconds=seconds)


def test_what_nobody_spends_does_not_run_out() -> None:
    assert runs_out_at(NOON, 1, 0) is None


@given(
    st.integers(0, 120),
    st.none() | st.integers(0, 120),
    st.none() | st.integers(0, 120),
    st.none() | st.integers(0, 120),
)
def test_nobody_is_stopped_without_a_warning_that_stood_for_the_grace(now, end, spent, warned):
    found = course(
        STRICT,
        NOON + now * MINUTE,
        end=None if end is None else Stop(NOON + end * MINUTE, StopReason.WORKSHOP_ENDED),
        exhausted_at=None if spent is None else NOON + spent * MINUTE,
        warned_at=None if warned is None else NOON + warned * MINUTE,
    )
    if found.stops:
        assert found.warns
        assert warned is not None
        assert now - warned >= 10
