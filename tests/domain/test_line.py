"""The line for servers: order, turns, and who has given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Ledger, Rules
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
    most = {
        (HUB if name == "hub" else Scope(name), SERVERS): limit for name, limit in limits.items()
    }
    ledger = Ledger(Rules(most=most))
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
    ledger = Ledger(Rules(most={(Scope("andes"), MEMORY): 4}))
    line = [large, small, other]
    room = Room(NOON, {one.size: ledger for one in line}, {})
    assert turns(in_order(line), room) == [other]


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
        (exceeded(violation(reserved=3, held=0)), False),  # nothing runs that could stop
        (exceeded(violation(), violation("member")), False),
        (exceeded(violation(resource="server-time")), False),
        (exceeded(violation(), never=True), False),
    ],
)
def test_one_waits_for_what_frees_up_by_itself(refusal, waits) -> None:
    assert is_for_a_moment(refusal) is waits
