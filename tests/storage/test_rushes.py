"""Two hundred people click at the same moment, in four hubs over one database, on both databases.

Whoever is not admitted is told that the quota is full, and nothing else; nobody waits long. Each with
its control: without turns and caps more is given than there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from adding_up import assert_adds_up
from houses import MEDIUM, SMALL, SetClock, andes, make_house, open_taller
from racing import CROWD, NOW, PROCESSES, Answer, Racers

from jupyterhub_communities.application.communities import Declaration
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.reconciling import recount
from jupyterhub_communities.domain.accounts import Account, AccountKind
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Grant, Role, Source
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.units import CPU, SERVERS

ALL = PROCESSES * CROWD
SIZES = {profile.slug: profile.amounts for profile in (SMALL, MEDIUM)}


class Hub:
    """Where a rush happens: a folder, and what holds the guards or not."""

    def __init__(self, racers: Racers, folder: Path, without: tuple[str, ...]) -> None:
        self._racers, self._folder, self._without = racers, folder, without
        self._cleanup = ExitStack()
        self.waits: list[float] = []

    def open(self, *communities: Declaration, servers: int | None = None) -> House:
        house = make_house(
            self._folder, clock=SetClock(NOW), communities=communities, hub_servers=servers
        )
        self._cleanup.callback(house.close)
        return house

    def rush(self, house: House, wishes: list[tuple[str, str]], **what_there_is: Any) -> Rush:
        """Each of these people wants a server of a profile."""
        answers = self._racers.rush(self._folder, "start_in_a_crowd", wishes, without=self._without)
        self.waits = sorted(answer.seconds for answer in answers)
        return Rush(house, wishes, answers, **what_there_is)

    def close(self) -> None:
        self._cleanup.close()


def declared(slug: str, limit: Limit, resource: str = SERVERS, cohort: str | None = None):
    made = andes(slug=slug, champions=(f"champion-of-{slug}",))
    return Declaration(
        replace(made.community, cohort=cohort), Quota({resource: limit}), made.champions
    )


def move_in(house: House, place: Scope, count: int) -> list[str]:
    """So many people of a place: two hundred forms are another test's."""
    names = [f"{place.key}/{number}".removeprefix("hub/") for number in range(count)]
    with house.database.write() as store:
        for name in names:
            store.accounts.add(Account(name, name, name, AccountKind.INVITE, None, NOW))
            store.grants.add(
                Grant(
                    id=name,
                    account_id=name,
                    role=Role.LEARNER,
                    community=place.community,
                    workshop=place.workshop,
                    source=Source.INVITE,
                    made_by=None,
                    starts_at=NOW,
                )
            )
    return names


def mixed(*groups: list[str]) -> list[str]:
    """Each process has some of all groups, in turn."""
    places = [
        (number / len(group), order, name)
        for order, group in enumerate(groups)
        for number, name in enumerate(group)
    ]
    dealt = [name for *_, name in sorted(places)]
    return [name for process in range(PROCESSES) for name in dealt[process::PROCESSES]]


def place_of(name: str) -> Scope:
    *place, _number = name.split("/")
    return Scope(*place)


@dataclass(frozen=True, slots=True)
class Rush:
    """Who wanted what, and what became of it."""

    house: House
    wishes: Sequence[tuple[str, str]]
    answers: Sequence[Answer]  # in the same order
    there_is: Mapping[tuple[Scope, ...], int]  # at these levels together
    is_held: Mapping[Scope, int]  # after everybody was answered
    resource: str = SERVERS
    ran: int = 0  # what others held before

    def given(self, *levels: Scope) -> int:
        """By what people were answered: without guards the counters may be wrong."""
        return sum(
            SIZES[profile][self.resource]
            for (name, profile), answer in zip(self.wishes, self.answers, strict=True)
            if answer.outcome == "won" and not set(levels).isdisjoint(place_of(name).path())
        )

    def too_much(self) -> dict[tuple[Scope, ...], int]:
        """Where more was given than there is."""
        return {
            levels: given
            for levels, most in self.there_is.items()
            if (given := self.given(*levels)) > most
        }


def thirty_places(hub: Hub) -> Rush:
    house = hub.open(declared("andes", Limit(most=30)))
    workshop = open_taller(house, by="champion-of-andes").workshop
    place = Scope("andes", workshop.slug)
    return hub.rush(
        house,
        [(name, "small") for name in move_in(house, place, ALL)],
        there_is={(Scope("andes"),): 30},
        is_held=dict.fromkeys(place.path(), 30),
    )


def sizes_that_differ(hub: Hub) -> Rush:
    """15.5 cores, for servers of a half and of a whole one: the last half goes to a small one."""
    house = hub.open(declared("andes", Limit(most=15_500), CPU))
    names = move_in(house, Scope("andes"), ALL)
    return hub.rush(
        house,
        [(name, ("small", "medium")[number % 2]) for number, name in enumerate(names)],
        there_is={(Scope("andes"),): 15_500},
        is_held={HUB: 15_500, Scope("andes"): 15_500},
        resource=CPU,
    )


def levels_that_fill_together(hub: Hub) -> Rush:
    """The hub, a cohort's pool and a community are full after about as many starts: none is
    overspent, and nobody who holds one of their rows waits for another for ever."""
    andes, brasil, congo = Scope("andes"), Scope("brasil"), Scope("congo")
    house = hub.open(
        declared("andes", Limit(share=Share(16, may_lend=12)), cohort="south"),
        declared("brasil", Limit(share=Share(10, may_borrow=8)), cohort="south"),
        declared("congo", Limit(most=12)),
        servers=36,
    )
    places = {andes: 70, brasil: 70, congo: 60}
    groups = [move_in(house, place, count) for place, count in places.items()]
    return hub.rush(
        house,
        [(name, "small") for name in mixed(*groups)],
        there_is={(HUB,): 36, (andes, brasil): 26, (brasil,): 18, (congo,): 12},
        is_held={HUB: 36},
    )


def borrow_against_reserve(hub: Hub) -> Rush:
    """A workshop's twenty and all of another community, which could borrow everything else: the
    workshop gets what it reserved, the borrowers the rest, to the last server."""
    brasil = Scope("brasil")
    house = hub.open(
        declared("andes", Limit(share=Share(30)), cohort="south"),
        declared("brasil", Limit(share=Share(30)), cohort="south"),
    )
    opened = open_taller(house, by="champion-of-andes", seats=20, is_reserved=True)
    place = Scope("andes", opened.workshop.slug)
    names = mixed(move_in(house, place, 20), move_in(house, brasil, ALL - 20))
    return hub.rush(
        house,
        [(name, "small") for name in names],
        there_is={(brasil,): 40},
        is_held={HUB: 60, place: 20, brasil: 40, Scope(cohort="south"): 60},
    )


def places_beside_a_thousand_that_end(hub: Hub) -> Rush:
    """It is known when the servers of a thousand others end: nobody here is helped by that, and a
    refusal is no dearer for it."""
    andes = Scope("andes")
    house = hub.open(declared("andes", Limit(most=3000)), servers=5000)
    opened = open_taller(house, by="champion-of-andes", seats=ALL, servers=30)
    place = Scope("andes", opened.workshop.slug)
    with house.database.write() as store:
        for number in range(1000):
            store.leases.add(
                Lease(
                    id=f"before-{number}",
                    server=ServerKey(f"before-{number}"),
                    account_id=None,
                    scope=andes,
                    profile="small",
                    requested_at=NOW - timedelta(hours=1),
                    amounts=SMALL.amounts,
                    ends_at=NOW + timedelta(minutes=5, seconds=number),
                )
            )
    house.call(recount)
    return hub.rush(
        house,
        [(name, "small") for name in move_in(house, place, ALL)],
        there_is={(place,): 30},
        is_held={HUB: 1030, andes: 1030, place: 30},
        ran=1000,
    )


RUSHES = [
    thirty_places,
    places_beside_a_thousand_that_end,
    sizes_that_differ,
    levels_that_fill_together,
    borrow_against_reserve,
]


def assert_exact(rush: Rush) -> None:
    assert {answer.outcome for answer in rush.answers} == {"won", "quota.exceeded"}
    assert rush.too_much() == {}
    with rush.house.database.read() as store:
        held = {at: store.balances.get(at, rush.resource).held for at in rush.is_held}
    assert held == rush.is_held
    assert rush.given(HUB) == rush.is_held[HUB] - rush.ran
    assert_adds_up(rush.house)


@pytest.mark.parametrize("race", RUSHES)
@pytest.mark.usefixtures("database")
def test_what_there_is_is_given_exactly_and_all_others_are_told(racers, tmp_path, race) -> None:
    with closing(Hub(racers, tmp_path, without=())) as hub:
        assert_exact(race(hub))


@pytest.mark.alone
def test_of_a_hundred_99_wait_less_than_a_second(racers, new_folders) -> None:
    """By the seconds of a machine that does nothing else: how much slower it is just now is measured
    before and after. Of three rushes the best; each of them is exact. What it prints is measured."""
    best = []
    for folder in islice(new_folders, 3):
        before = racers.slowdown()
        with closing(Hub(racers, folder, without=())) as hub:
            assert_exact(thirty_places(hub))
        slowdown = min(before, racers.slowdown())
        p50, p99 = (hub.waits[ALL * percent // 100 - 1] for percent in (50, 99))
        print(f"\n{ALL} at once: {p50:.3f} s p50, {p99:.3f} s p99; {slowdown:.1f} times slower")
        best.append(p99 / slowdown)
        if best[-1] < 1:
            break
    assert min(best) < 1


@pytest.mark.parametrize("race", RUSHES)
def test_without_turns_and_caps_more_is_given(racers, happens, race) -> None:
    def gives_too_much(folder: Path) -> bool:
        with closing(Hub(racers, folder, without=("turns", "caps"))) as hub:
            return bool(race(hub).too_much())

    assert happens(gives_too_much)
