"""The line for servers: order, turns, and who has given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Ledger, Request, Rules
from jupyterhub_communities.domain.line import (
    GIVEN_UP_AFTER,
    MOST_SECONDS,
    TURN_LASTS,
    Place,
    Room,
    StartTicket,
    after_turn,
    in_order,
    is_for_a_moment,
    lapsed,
    places,
    turns,
)
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import QuotaExceeded, Violation
from jupyterhub_communities.domain.reservations import Reservation
from jupyterhub_communities.domain.units import MEMORY, SERVERS

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAMES = ("andes", "brasil", "sahel")


def ticket(community, number, *, memory=0, workshop=None) -> StartTicket:
    at = NOON + timedelta(milliseconds=number)
    amounts = {SERVERS: 1, **({MEMORY: memory} if memory else {})}
    return StartTicket(
        id=f"{community}-{number}",
        server=ServerKey(f"{community}-{number}"),
        account_id=None,
        scope=Scope(community, workshop),
        taken_at=at,
        seen_at=at,
        amounts=amounts,
    )


def room_for(tickets, *, starts=None, **limits) -> Room:
    """Where `limits` names a community, it may run so many servers more; `hub` is the hub."""
    left = {(HUB if name == "hub" else Scope(name), SERVERS): n for name, n in limits.items()}
    rules = Rules(most=dict.fromkeys(left, 100))
    ledger = Ledger.standing(rules, {key: 100 - n for key, n in left.items()}, {})
    return Room(NOON, {one.size: ledger for one in tickets}, {}, starts=starts)


def ids(tickets) -> list[str]:
    return [one.id for one in tickets]


lines = st.lists(st.sampled_from(NAMES), max_size=30).map(
    lambda names: [ticket(name, number) for number, name in enumerate(names)]
)


def test_a_community_of_ten_has_every_other_turn_beside_one_of_three_hundred() -> None:
    many = [ticket("andes", number) for number in range(300)]
    few = [ticket("brasil", 300 + number) for number in range(10)]
    served, waiting, got = (), [*many, *few], []
    while waiting:
        (first,) = turns(in_order(waiting, served), room_for(waiting, starts=1))
        served = after_turn(served, first.scope.community)
        waiting.remove(first)
        got.append(first.scope.community)
    assert got[:20] == ["andes", "brasil"] * 10
    assert got[20:] == ["andes"] * 290


@given(lines, st.permutations(NAMES))
def test_everybody_stands_in_line_once_and_each_community_by_arrival(line, served) -> None:
    ordered = in_order(reversed(line), served)
    assert sorted(ids(ordered)) == sorted(ids(line))
    for name in NAMES:
        own = [one for one in ordered if one.scope.community == name]
        assert own == sorted(own, key=lambda one: one.taken_at)


@given(lines, st.data())
def test_turns_alternate_between_all_communities_that_wait(line, data) -> None:
    """Also where people leave and others come meanwhile."""
    served: tuple[str | None, ...] = ()
    waiting = list(line)
    since = dict.fromkeys(NAMES, 0)  # how many turns others had while this one waited
    number = 1000
    for _ in range(len(line)):
        for one in data.draw(
            st.lists(st.sampled_from(waiting), max_size=2) if waiting else st.just([])
        ):
            if one in waiting:
                waiting.remove(one)
        for name in data.draw(st.lists(st.sampled_from(NAMES), max_size=2)):
            waiting.append(ticket(name, number := number + 1))
        if not waiting:
            continue
        first = in_order(waiting, served)[0]
        served = after_turn(served, first.scope.community)
        waiting.remove(first)
        for name in NAMES:
            waits = any(one.scope.community == name for one in waiting)
            is_served = name == first.scope.community
            since[name] = since[name] + 1 if waits and not is_served else 0
            assert since[name] < len(NAMES), "each other community had one turn at most"


@given(lines, st.integers(0, 40))
def test_no_more_start_than_the_hub_allows_and_no_fewer(line, starts) -> None:
    assert len(turns(in_order(line), room_for(line, starts=starts))) == min(starts, len(line))


@given(lines, st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
def test_as_many_start_as_fit_and_a_full_community_is_passed(line, andes, brasil, hub) -> None:
    given_turns = turns(in_order(line), room_for(line, andes=andes, brasil=brasil, hub=hub))
    of = {name: [t for t in given_turns if t.scope.community == name] for name in NAMES}
    waiting = {name: sum(t.scope.community == name for t in line) for name in NAMES}
    fit = min(andes, waiting["andes"]) + min(brasil, waiting["brasil"]) + waiting["sahel"]
    assert len(given_turns) == min(hub, fit)
    assert len(of["andes"]) <= andes
    assert len(of["brasil"]) <= brasil


def test_who_wants_little_does_not_overtake_who_wants_much() -> None:
    large, small, other = (
        ticket("andes", 1, memory=8),
        ticket("andes", 2, memory=1),
        ticket("sahel", 3),
    )
    ledger = Ledger(Rules(most={(Scope("andes"), MEMORY): 8}))
    ledger.hold(Scope("andes"), {MEMORY: 4}, NOON)
    line = [large, small, other]
    room = Room(NOON, {one.size: ledger for one in line}, {})
    assert turns(in_order(line), room) == [other]


# Who passes: what nobody ahead could have


ANDES, BRASIL = Scope("andes"), Scope("brasil")
TALLER = Scope("andes", "taller")
OTHER = Scope("andes", "other")


def reserved(scope, amount, resource=SERVERS, starts_in=timedelta()) -> Reservation:
    start = NOON + starts_in
    return Reservation(scope, start, start + timedelta(days=2), {resource: amount}, NOON)


def ledger_of(held=(), **rules) -> Ledger:
    ledger = Ledger(Rules(**rules))
    for scope, amount in held:
        ledger.hold(scope, {SERVERS: amount, MEMORY: amount}, NOON)
    return ledger


def who_may(ledger, *line) -> list[str]:
    """In this order."""
    return ids(turns(line, Room(NOON, {one.size: ledger for one in line}, {})))


# By turns for one outsider's server and the workshop's reserve of eight, of which two are used.
BESIDE_RESERVE = {
    "community": {"most": {(ANDES, SERVERS): 10}},
    "hub": {"most": {(HUB, SERVERS): 10}},
    "pool": {
        "shares": {("andes", SERVERS): Share(8), ("brasil", SERVERS): Share(2)},
        "cohorts": {"andes": "sur", "brasil": "sur"},
    },
}


@pytest.mark.parametrize("level", BESIDE_RESERVE)
def test_who_waits_beside_a_reserve_keeps_nobody_of_its_workshop_out(level) -> None:
    """Of the reserve six are left: the seventh who comes would take of what the first waits for."""
    outside = ANDES if level == "community" else BRASIL
    ledger = ledger_of(
        [(TALLER, 2), (outside, 2)], reservations=[reserved(TALLER, 8)], **BESIDE_RESERVE[level]
    )
    outsider = ticket(outside.community, 0)
    learners = [ticket("andes", number, workshop="taller") for number in range(1, 8)]
    assert who_may(ledger, outsider) == []
    assert who_may(ledger, outsider, *learners) == ids(learners[:6])
    assert who_may(ledger, outsider, ticket("andes", 9, workshop="other")) == []


def test_a_reserve_that_is_not_open_yet_lets_nobody_pass() -> None:
    """Ana waits for the one server that somebody has until the session begins."""
    soon = [reserved(TALLER, 8, starts_in=timedelta(hours=1))]
    ledger = ledger_of([(ANDES, 2)], reservations=soon, most={(ANDES, SERVERS): 10})
    learner = ticket("andes", 1, workshop="taller")
    assert who_may(ledger, learner) == [learner.id]
    assert who_may(ledger, ticket("andes", 0), learner) == []


def test_who_waits_for_the_pool_keeps_nobody_from_what_is_guaranteed() -> None:
    """Four of brasil's six; its fifth would draw on the pool, for which andes waits."""
    ledger = ledger_of(
        [(ANDES, 4)],
        shares={("andes", SERVERS): Share(2), ("brasil", SERVERS): Share(6, None, 2)},
        cohorts={"andes": "sur", "brasil": "sur"},
    )
    first, *others = [ticket("andes", 0), *(ticket("brasil", number) for number in range(1, 7))]
    assert who_may(ledger, first, *others) == ids(others[:4])


def test_who_asks_nothing_of_a_resource_passes_who_waits_for_it() -> None:
    full = ledger_of([(ANDES, 4)], most={(HUB, MEMORY): 4})
    for community in ("sahel", "andes"):
        nothing = replace(ticket(community, 1), amounts={SERVERS: 1, MEMORY: 0})
        assert who_may(full, ticket("andes", 0, memory=1), nothing) == [nothing.id]


def test_in_one_workshop_who_wants_little_of_the_reserve_does_not_overtake_who_wants_much() -> None:
    ledger = ledger_of(
        [(TALLER, 6)],
        most={(ANDES, MEMORY): 10},
        reservations=[reserved(TALLER, 8, MEMORY), reserved(OTHER, 2, MEMORY)],
    )
    large = ticket("andes", 1, memory=4, workshop="taller")
    small = ticket("andes", 2, memory=1, workshop="taller")
    other = ticket("andes", 3, memory=1, workshop="other")
    assert who_may(ledger, large, small, other) == [other.id]


def test_who_wants_much_and_is_stopped_by_somebody_ahead_is_not_overtaken_either() -> None:
    """Alone the large one would start, partly outside of the reserve."""
    ledger = ledger_of(
        [(TALLER, 6), (BRASIL, 2)],
        most={(HUB, MEMORY): 14},
        reservations=[reserved(TALLER, 8, MEMORY)],
    )
    first = ticket("brasil", 0, memory=6)
    large = ticket("andes", 1, memory=3, workshop="taller")
    small = ticket("andes", 2, memory=2, workshop="taller")
    assert who_may(ledger, large) == [large.id]
    assert who_may(ledger, first, small) == who_may(ledger, first, small, large) == [small.id]
    assert who_may(ledger, first, large, small) == []


def test_in_one_community_nobody_takes_the_guaranteed_part_from_who_waits_for_more() -> None:
    ledger = ledger_of(
        [(ANDES, 3), (BRASIL, 4)],
        shares={("andes", MEMORY): Share(6, None, 2), ("brasil", MEMORY): Share(2)},
        cohorts={"andes": "sur", "brasil": "sur"},
    )
    large, small = ticket("andes", 1, memory=2), ticket("andes", 2, memory=1)
    assert who_may(ledger, small) == [small.id]
    assert who_may(ledger, large, small) == []


@pytest.mark.parametrize(
    ("limit", "reserve", "memory"),
    [(10, 10, 1), (9, 8, 2), (4, 0, 5)],
    ids=["all is reserved", "all but too little is", "it never fits"],
)
def test_who_has_no_room_whoever_stops_is_told_so_in_turn_and_stops_nobody(
    limit, reserve, memory
) -> None:
    """A turn leads to the refusal, with the time at which the session ends."""
    ledger = ledger_of(
        [(TALLER, 2)],
        most={(ANDES, MEMORY): limit},
        reservations=[reserved(TALLER, reserve, MEMORY)],
    )
    outsider = ticket("andes", 0, memory=memory)
    learner = ticket("andes", 1, memory=1, workshop="taller")
    assert who_may(ledger, outsider, learner) == [outsider.id, learner.id]


PLACES = (ANDES, TALLER, OTHER, BRASIL, Scope("brasil", "taller"), Scope("sahel"))
few = st.integers(0, 4)
sizes = st.fixed_dictionaries({SERVERS: st.just(1), MEMORY: st.integers(0, 3)})


@st.composite
def crowded(draw) -> Ledger:
    """A hub with a cohort of two, and workshops with reserves that are open."""
    keys = [(level, what) for level in (HUB, *PLACES) for what in (SERVERS, MEMORY)]
    shares = {
        (name, what): Share(draw(st.integers(0, 6)), None, draw(st.none() | few))
        for name in ("andes", "brasil")
        for what in (SERVERS, MEMORY)
    }
    rules = Rules(
        most=draw(st.dictionaries(st.sampled_from(keys), st.integers(0, 12), max_size=4)),
        shares=shares,
        cohorts={"andes": "sur", "brasil": "sur"},
        reservations=[
            reserved(scope, draw(few), what)
            for scope in PLACES
            for what in (SERVERS, MEMORY)
            if scope.workshop and draw(st.booleans())
        ],
    )
    ledger = Ledger(rules)
    for scope in PLACES:
        ledger.hold(scope, {SERVERS: draw(few), MEMORY: draw(few)}, NOON)
    return ledger


def lacking(ledger, one) -> dict:
    return {
        (claim.scope, claim.resource): claim
        for claim in ledger.held_claims(Request(one.scope, one.amounts), NOON)
    }


@given(crowded(), st.lists(st.tuples(st.sampled_from(PLACES), sizes), max_size=8))
def test_a_turn_takes_nothing_of_what_anybody_ahead_waits_for_and_all_others_have_theirs(
    ledger, wants
) -> None:
    """By what those ahead would lack if somebody started."""
    line = [
        replace(ticket(scope.community, number), scope=scope, amounts=amounts)
        for number, (scope, amounts) in enumerate(wants)
    ]
    room, now = Room(NOON, {one.size: ledger for one in line}, {}), ledger.copy()
    ahead: list = []  # who waits, and for what
    for one in line:
        claims, then = lacking(now, one), now.copy()
        then.hold(one.scope, one.amounts, NOON)
        missing = {key for key, claim in claims.items() if not claim.fits}
        taken = {
            key
            for other, keys in ahead
            for key in keys & claims.keys()
            if lacking(then, other)[key].lacks > lacking(now, other)[key].lacks
        }
        has_turn = room.take(one)
        if not missing | taken:
            assert has_turn
            now = then
        elif now.frees_up(Request(one.scope, one.amounts), NOON):
            assert not has_turn
            ahead.append((one, missing | taken))
        else:
            assert has_turn, "to be refused"


def test_a_turn_that_is_missed_passes_to_the_next() -> None:
    line = [ticket("andes", number) for number in range(3)]
    assert ids(turns(in_order(line), room_for(line, starts=1), missed={"andes-0"})) == ["andes-1"]
    assert timedelta(seconds=MOST_SECONDS) < TURN_LASTS, "a page looks before its turn has passed"


def test_who_is_not_seen_for_three_minutes_has_given_up() -> None:
    line = [ticket("andes", 0), ticket("andes", 60_000)]
    shorter = GIVEN_UP_AFTER - timedelta(microseconds=1)
    assert lapsed(line, {"andes-0": GIVEN_UP_AFTER, "andes-60000": shorter}) == line[:1]


def test_a_place_is_told_within_ones_community() -> None:
    line = [ticket("andes", 0), ticket("andes", 1), ticket("brasil", 2)]
    place = places(in_order(line))[line[1].id]
    assert (place.ahead, place.ahead_of_all, place.are_others) == (1, 2, True)
    assert not places(line[:2])[line[0].id].are_others


def test_who_is_far_back_looks_less_often() -> None:
    waits = [Place(ticket("andes", 0), n, n, are_others=False).ask_again_in for n in range(400)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (3, MOST_SECONDS)


def exceeded(*violations, **more) -> QuotaExceeded:
    return QuotaExceeded(violations=violations, **more)


def violation(scope="community", resource=SERVERS, held=3, **more) -> Violation:
    return Violation(scope=scope, name="", resource=resource, limit=3, held=held, wanted=1, **more)


@pytest.mark.parametrize(
    ("refusal", "waits"),
    [
        (exceeded(violation()), True),
        (exceeded(violation("hub"), violation("cohort"), violation("workshop")), True),
        (exceeded(violation(reserved=2, held=1)), True),  # whoever has the one may stop
        (exceeded(violation(reserved=3, held=0, helps="time")), False),  # it is all reserved
        (exceeded(violation(), violation("member")), False),
        (exceeded(violation(resource="server-time")), False),
        (exceeded(violation(), violation(helps="nothing"), never=True), False),
    ],
)
def test_one_waits_for_what_frees_up_by_itself(refusal, waits) -> None:
    assert is_for_a_moment(refusal) is waits
