"""Reservations: nothing is promised twice, and who must give when limits are cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.earliest import End, short_at_opening
from jupyterhub_communities.domain.ledger import Ledger, Request, Rules
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import ReservationTooLarge
from jupyterhub_communities.domain.reservations import (
    Reservation,
    check_reservations,
    for_workshop,
    most_reserved,
    overbookings,
    reserved_at,
)
from jupyterhub_communities.domain.workshops import Session, Workshop

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAPS, ROBOTS = Scope("andes", "maps"), Scope("andes", "robots")


def reservation(start: float, end: float, servers: int, *, scope=MAPS, made=0) -> Reservation:
    return Reservation(
        scope, NINE + start * HOUR, NINE + end * HOUR, {"servers": servers}, NINE + made * HOUR
    )


def workshop(closed_at: datetime | None = None) -> Workshop:
    return Workshop(
        community="andes",
        slug="maps",
        title="Maps",
        language="es",
        zone="America/Lima",
        sessions=(
            Session(NINE, NINE + 3 * HOUR),
            Session(NINE + 24 * HOUR, NINE + 27 * HOUR),
        ),
        seats=30,
        profile=None,
        made_by=None,
        created_at=NINE,
        closed_at=closed_at,
    )


def test_a_workshop_reserves_its_seats_for_each_session() -> None:
    made = for_workshop(workshop(), 30, {"servers": 1, "memory": 2}, NINE)
    assert [(r.starts_at, r.ends_at, r.amounts) for r in made] == [
        (NINE, NINE + 3 * HOUR, {"servers": 30, "memory": 60}),
        (NINE + 24 * HOUR, NINE + 27 * HOUR, {"servers": 30, "memory": 60}),
    ]


@pytest.mark.parametrize(
    ("closed", "left"), [(None, [3, 3]), (30, [3, 3]), (25, [3, 1]), (24, [3]), (2, [2]), (-1, [])]
)
def test_a_workshop_that_is_closed_keeps_nothing_after_that(closed, left) -> None:
    closed_at = None if closed is None else NINE + closed * HOUR
    made = for_workshop(workshop(closed_at), 30, {"servers": 1}, NINE)
    assert [(r.ends_at - r.starts_at) // HOUR for r in made] == left


@pytest.mark.parametrize(
    ("others", "wanted", "left"),
    [
        ([], 30, None),
        ([], 31, 30),
        ([reservation(-3, 0, 30), reservation(3, 6, 30)], 30, None),  # one after the other
        ([reservation(2, 5, 10)], 20, None),
        ([reservation(2, 5, 11)], 20, 19),
        ([reservation(-1, 1, 20), reservation(1, 2, 20)], 10, None),  # these do not meet
        ([reservation(-1, 2, 20), reservation(1, 2, 5)], 10, 5),
        ([reservation(-1, 9, 40)], 1, 0),  # a limit was cut since
        ([reservation(-1, 9, 40)], 0, None),
    ],
)
def test_what_meets_at_one_moment_may_not_exceed_what_is_owned(others, wanted, left) -> None:
    new = [reservation(0, 3, wanted, scope=ROBOTS)]
    if left is None:
        check_reservations(new, others, {"servers": 30})
    else:
        with pytest.raises(ReservationTooLarge) as refused:
            check_reservations(new, others, {"servers": 30}, zone="America/Lima")
        assert (refused.value.left, refused.value.wanted) == (left, wanted)
        assert refused.value.starts_at == NINE


def test_a_resource_without_a_limit_can_be_reserved_freely() -> None:
    check_reservations([reservation(0, 3, 10**6)], [], {"memory": 1})


stretches = st.tuples(st.integers(0, 20), st.integers(1, 10), st.integers(0, 9))


@given(st.lists(stretches, max_size=8), stretches)
def test_the_sweep_finds_what_looking_at_every_hour_finds(others, span) -> None:
    made = [reservation(start, start + length, n) for start, length, n in others]
    start, length, _ = span
    hours = [NINE + hour * HOUR for hour in range(start, start + length)]
    expected = max(reserved_at(made, "servers", hour) for hour in hours)
    assert most_reserved(made, "servers", hours[0], hours[-1] + HOUR) == expected


def test_who_reserved_last_gives_first() -> None:
    made = [
        reservation(0, 4, 20, made=-3),
        reservation(1, 3, 10, scope=ROBOTS, made=-1),
        reservation(2, 4, 5, scope=Scope("andes", "late"), made=-2),
    ]
    assert overbookings(made, {"servers": 35}, NINE) == ()
    found = overbookings(made, {"servers": 18}, NINE - HOUR)
    told = [
        (
            (one.starts_at - NINE) // HOUR,
            (one.ends_at - NINE) // HOUR,
            one.reserved,
            [(g.reservation.scope.workshop, g.amount) for g in one.givers],
        )
        for one in found
    ]
    assert told == [
        (0, 1, 20, [("maps", 2)]),
        (1, 2, 30, [("robots", 10), ("maps", 2)]),
        (2, 3, 35, [("robots", 10), ("late", 5), ("maps", 2)]),
        (3, 4, 25, [("late", 5), ("maps", 2)]),
    ]
    later = overbookings(made, {"servers": 18}, NINE + 3.5 * HOUR)
    assert [(one.starts_at, one.ends_at) for one in later] == [(NINE + 3.5 * HOUR, NINE + 4 * HOUR)]


@pytest.mark.parametrize(
    ("held", "own", "missing"),
    [(0, 0, 0), (10, 10, 0), (10, 0, 0), (11, 0, 1), (35, 25, 0), (50, 0, 20)],
)
def test_what_is_missing_at_the_opening_is_known_before(held, own, missing) -> None:
    rules = Rules(most={(Scope("andes"), "servers"): 30}, reservations=[reservation(0, 3, 20)])
    ledger = Ledger(rules)
    ledger.hold(MAPS, {"servers": own}, NINE - HOUR)
    ledger.hold(ROBOTS, {"servers": held - own}, NINE - HOUR)
    short = short_at_opening(ledger, reservation(0, 3, 20), NINE - HOUR, ())
    assert short == ({"servers": missing} if missing else {})


@pytest.mark.parametrize(("ends", "missing"), [(0, 4), (1, 3), (3, 1), (5, 0)])
def test_what_others_have_borrowed_is_missing_unless_it_is_known_to_end(ends, missing) -> None:
    """What is owned is no use while others run on it."""
    rules = Rules(
        shares={(slug, "servers"): Share(4) for slug in ("andes", "brasil")},
        cohorts={"andes": "south", "brasil": "south"},
        reservations=[reservation(0, 3, 4)],
    )
    ledger = Ledger(rules)
    ledger.hold(Scope("brasil"), {"servers": 8}, NINE - HOUR)
    known = [End(NINE - HOUR / 2, Scope("brasil"), {"servers": 1})] * ends
    short = short_at_opening(ledger, reservation(0, 3, 4), NINE - HOUR, known)
    assert short == ({"servers": missing} if missing else {})


def test_the_hubs_limit_is_missing_too() -> None:
    rules = Rules(most={(HUB, "servers"): 10}, reservations=[reservation(0, 3, 4)])
    ledger = Ledger(rules)
    ledger.hold(Scope("brasil"), {"servers": 8}, NINE - HOUR)
    ledger.hold(MAPS, {"servers": 1}, NINE - HOUR)
    late = End(NINE + HOUR, Scope("brasil"), {"servers": 8})
    short = short_at_opening(ledger, reservation(0, 3, 4), NINE - HOUR, [late])
    assert short == {"servers": 2}


def admits(ledger: Ledger, scope: Scope, servers: int, at: float, lasts: float = 1) -> bool:
    request = Request(scope, {"servers": servers}, lasts * HOUR)
    return ledger.judge(request, NINE + at * HOUR).fits


def test_unused_reserve_is_closed_to_others_while_it_holds_and_open_again_after() -> None:
    andes = Scope("andes")
    ledger = Ledger(Rules(most={(andes, "servers"): 30}, reservations=[reservation(0, 3, 20)]))
    assert admits(ledger, andes, 30, -1)
    assert not admits(ledger, andes, 11, -1, lasts=1.5), "it would still run at the opening"
    assert admits(ledger, andes, 10, 0)
    assert not admits(ledger, andes, 11, 0)
    assert admits(ledger, MAPS, 30, 0), "more than was reserved, where nobody needs it"
    ledger.hold(MAPS, {"servers": 15}, NINE)
    assert admits(ledger, andes, 10, 1), "what the workshop uses is not closed twice"
    assert not admits(ledger, andes, 11, 1)
    assert admits(ledger, andes, 15, 3)


def test_a_limit_cut_below_what_is_reserved_breaks_nothing() -> None:
    andes = Scope("andes")
    made = [reservation(0, 3, 20)]
    ledger = Ledger(Rules(most={(andes, "servers"): 30}, reservations=made))
    ledger.hold(MAPS, {"servers": 5}, NINE)
    ledger.set_rules(Rules(most={(andes, "servers"): 8}, reservations=made), NINE)
    assert not admits(ledger, andes, 1, 1), "all that is left is the workshop's"
    assert admits(ledger, MAPS, 3, 1)
    assert not admits(ledger, MAPS, 4, 1), "but no more than there is"


def test_the_largest_opening_that_a_server_would_see_decides() -> None:
    andes = Scope("andes")
    made = [reservation(0, 3, 20), reservation(4, 6, 5, scope=ROBOTS)]
    ledger = Ledger(Rules(most={(andes, "servers"): 30}, reservations=made))
    assert admits(ledger, andes, 10, -1, lasts=6)
    assert not admits(ledger, andes, 11, -1, lasts=6)
    assert admits(ledger, andes, 25, 3, lasts=2)
    assert not admits(ledger, andes, 26, 3, lasts=2)


def test_workshops_whose_reserve_is_more_than_there_is_take_it_as_they_come() -> None:
    andes = Scope("andes")
    made = [reservation(0, 3, 5), reservation(0, 3, 5, scope=ROBOTS)]
    ledger = Ledger(Rules(most={(andes, "servers"): 6}, reservations=made))
    assert admits(ledger, MAPS, 5, 1)
    assert not admits(ledger, MAPS, 6, 1), "more than its own reserve"
    ledger.hold(MAPS, {"servers": 5}, NINE)
    assert admits(ledger, ROBOTS, 1, 1)
    assert not admits(ledger, ROBOTS, 2, 1)


def test_unused_reserve_is_not_lent_and_unused_guaranteed_parts_need_no_pool() -> None:
    andes, brasil = Scope("andes"), Scope("brasil")
    rules = Rules(
        shares={
            ("andes", "servers"): Share(20, may_lend=15),
            ("brasil", "servers"): Share(10, may_lend=4),
        },
        cohorts={"andes": "south", "brasil": "south"},
        reservations=[reservation(0, 3, 12)],
    )
    ledger = Ledger(rules)
    assert ledger.rules.limit(Scope(cohort="south"), "servers") == 19
    assert admits(ledger, brasil, 25, -2), "its own ten and fifteen of the others"
    assert not admits(ledger, brasil, 26, -2)
    assert admits(ledger, brasil, 18, 0), "twelve of twenty are the workshop's"
    assert not admits(ledger, brasil, 19, 0)
    ledger.hold(brasil, {"servers": 18}, NINE)
    assert admits(ledger, MAPS, 12, 0)
    assert not admits(ledger, andes, 1, 0, lasts=1), "it would need what the workshop has"
    ledger.set_rules(replace(rules, reservations=[]), NINE)
    ledger.hold(brasil, {"servers": 20}, NINE)  # found running, far over the limit
    assert admits(ledger, andes, 5, 0), "the guaranteed part is always there"
    assert not admits(ledger, andes, 6, 0)


def test_a_reserve_is_closed_to_the_whole_hub() -> None:
    rules = Rules(
        most={(HUB, "servers"): 20, (Scope("andes"), "servers"): 20},
        reservations=[reservation(0, 3, 15)],
    )
    ledger = Ledger(rules)
    for outside in (Scope("brasil"), HUB):
        assert admits(ledger, outside, 5, 0)
        assert not admits(ledger, outside, 6, 0)
        assert admits(ledger, outside, 20, 3)
    assert admits(ledger, MAPS, 20, 0)


def test_a_server_that_outlives_its_own_session_is_nobodys_reserve_any_more() -> None:
    made = [reservation(0, 1, 10), reservation(0, 5, 10, scope=ROBOTS)]
    ledger = Ledger(Rules(most={(Scope("andes"), "servers"): 20}, reservations=made))
    ledger.hold(Scope("andes"), {"servers": 5}, NINE)  # found running
    assert admits(ledger, MAPS, 6, 0, lasts=1)
    assert not admits(ledger, MAPS, 6, 0, lasts=2), "from ten on the robots would miss one"
    assert admits(ledger, MAPS, 5, 0, lasts=2)
