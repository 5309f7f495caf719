"""The ledger: verdicts, and the earliest time at which the same request passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_communities.domain.each import EachLimit
from jupyterhub_communities.domain.earliest import End, earliest_fit
from jupyterhub_communities.domain.ledger import Allowance, Ledger, Request, Rules
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.reservations import Reservation
from jupyterhub_communities.domain.windows import (
    CalendarMonth,
    Rolling,
    WholeGrant,
    WorkshopSessions,
)

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CPU, SERVERS = "cpu", "servers"
BRASIL = Scope("brasil", "w1")

HALF = timedelta(minutes=30)
LATE = datetime(2026, 3, 30, 12, tzinfo=UTC)  # the month is over soon
halves = st.integers(1, 60).map(lambda n: LATE + n * HALF)
windows = st.one_of(
    st.builds(Rolling, st.integers(1, 2)),
    st.just(CalendarMonth("Asia/Kathmandu")),
    st.just(WholeGrant(LATE - 60 * HOUR)),
    st.just(WorkshopSessions(LATE - 20 * HOUR, LATE + 20 * HOUR + HALF)),
)


@settings(max_examples=40)
@given(
    past=st.lists(
        st.tuples(st.integers(1, 100), st.integers(1, 30), st.integers(1, 4)), max_size=4
    ),
    running=st.lists(st.tuples(st.none() | halves, st.integers(1, 4)), max_size=4),
    reserved=st.lists(
        st.tuples(st.integers(-4, 40), st.integers(1, 20), st.integers(1, 6)), max_size=2
    ),
    window=windows,
    most=st.integers(1, 10),
    allowed=st.integers(1, 150),
    wanted=st.integers(1, 4),
    scope=st.sampled_from([Scope("andes"), BRASIL]),
)
def test_the_earliest_time_is_the_first_at_which_the_same_request_passes(
    past, running, reserved, window, most, allowed, wanted, scope
) -> None:
    """Found by asking again every half hour of four days, in which all windows pass."""
    andes = Scope("andes")
    ledger = Ledger(
        Rules(
            most={(HUB, SERVERS): most},
            spent={(andes, "server-time"): [Allowance(allowed * 1800, window)]},
            reservations=[
                Reservation(
                    BRASIL, LATE + start * HALF, LATE + (start + n) * HALF, {SERVERS: r}, LATE
                )
                for start, n, r in reserved
            ],
        )
    )
    for ago, halves, held in sorted(past, reverse=True):
        ledger.hold(andes, {SERVERS: held}, LATE - ago * HALF)
        ledger.release(andes, {SERVERS: held}, LATE - max(0, ago - halves) * HALF)
    for _, held in running:
        ledger.hold(andes, {SERVERS: held}, LATE)
    ends = [End(at, andes, {SERVERS: held}) for at, held in running if at is not None]
    request = Request(scope, {SERVERS: wanted}, 3 * HOUR)

    if ledger.judge(request, LATE).fits:
        return
    earliest = earliest_fit(ledger, request, LATE, ends)
    for n in range(1, 4 * 48):
        at = LATE + n * HALF
        for end in ends:
            if end.at == at:
                ledger.release(andes, end.amounts, at)
        if ledger.judge(request, at).fits:
            assert earliest == at
            return
    assert earliest is None


def test_every_violated_limit_is_named_with_what_is_left() -> None:
    small = Scope("andes", "w1", "ana")
    ledger = Ledger(
        Rules(
            most={
                (HUB, CPU): 1000,
                (Scope("andes"), CPU): 900,
                (Scope("andes", "w1"), "memory"): 8,
            },
            most_each={(small.place, SERVERS): [EachLimit(small.place, 1)]},
        )
    )
    ledger.hold(small, {SERVERS: 1, CPU: 500, "memory": 6}, NOON)
    request = Request(small, {SERVERS: 1, CPU: 600, "memory": 4})
    verdict = ledger.judge(request, NOON)
    found = [(c.scope.kind, c.resource, c.limit - c.used) for c in verdict.exceeded]
    assert found == [
        ("hub", CPU, 500),
        ("community", CPU, 400),
        ("workshop", "memory", 2),
        ("member", SERVERS, 0),
    ]
    assert not verdict.never_fits
    assert earliest_fit(ledger, request, NOON, ()) is None, "when somebody stops"
    end = End(NOON + HOUR, small, {SERVERS: 1, CPU: 500, "memory": 6})
    assert earliest_fit(ledger, request, NOON, [end]) == NOON + HOUR


@pytest.mark.parametrize(("reserved", "helps"), [(4, "time"), (3, "stop")])
def test_a_stop_helps_only_where_its_place_is_not_kept(reserved, helps) -> None:
    """The workshop uses all that it has reserved: what it gave back would be closed to the others."""
    andes, workshop = Scope("andes"), Scope("andes", "w1")
    kept = Reservation(workshop, NOON - HOUR, NOON + HOUR, {SERVERS: reserved}, NOON)
    ledger = Ledger(Rules(most={(andes, SERVERS): 4}, reservations=[kept]))
    ledger.hold(workshop, {SERVERS: 4}, NOON)
    request = Request(andes, {SERVERS: 1}, HOUR)
    (claim,) = ledger.judge(request, NOON).exceeded
    assert claim.helps == helps
    assert ledger.frees_up(request, NOON) == (helps == "stop")


def test_what_is_larger_than_a_limit_never_fits() -> None:
    ledger = Ledger(Rules(most={(Scope("andes"), CPU): 400}))
    end = End(NOON + HOUR, Scope("andes"), {CPU: 100})
    ledger.hold(Scope("andes"), {CPU: 100}, NOON)
    request = Request(Scope("andes"), {CPU: 500})
    assert ledger.judge(request, NOON).never_fits
    assert earliest_fit(ledger, request, NOON, [end]) is None


def test_the_largest_profile_that_fits_now_is_found() -> None:
    ledger = Ledger(Rules(most={(Scope("andes"), "memory"): 10}))
    sizes = {
        "small": {SERVERS: 1, "memory": 1},
        "wide": {SERVERS: 1, "memory": 4, CPU: 4},
        "plain": {SERVERS: 1, "memory": 4},
        "large": {SERVERS: 1, "memory": 8},
    }
    largest = [ledger.largest(sizes, Scope("andes"), NOON, HOUR)]
    for held in (5, 3, 2):
        ledger.hold(Scope("andes"), {"memory": held}, NOON)
        largest.append(ledger.largest(sizes, Scope("andes"), NOON, HOUR))
    assert largest == ["large", "wide", "small", None]


def test_a_start_needs_a_runway_for_all_that_would_then_run() -> None:
    andes = Scope("andes")
    hour = Allowance(3600, Rolling(7))
    ledger = Ledger(Rules(spent={(andes, "server-time"): [hour]}))
    for _ in range(4):  # four servers for a quarter of an hour
        assert ledger.judge(Request(andes, {SERVERS: 1}), NOON).fits
        ledger.hold(andes, {SERVERS: 1}, NOON)
    assert not ledger.judge(Request(andes, {SERVERS: 1}), NOON).fits
    ledger.release(andes, {SERVERS: 4}, NOON)
    assert ledger.judge(Request(andes, {SERVERS: 1}), NOON).fits


def test_a_clock_that_is_set_back_spends_nothing_twice() -> None:
    andes = Scope("andes")
    ledger = Ledger(Rules())
    ledger.hold(andes, {SERVERS: 1}, NOON)
    window = Rolling(7)
    assert ledger.spent(andes, "server-time", window, NOON + HOUR) == 3600
    assert ledger.spent(andes, "server-time", window, NOON + HOUR / 2) == 3600
    assert ledger.spent(andes, "server-time", window, NOON + 2 * HOUR) == 7200
