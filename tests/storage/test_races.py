"""Races between four processes, on both databases; each with its negative control.

What guards is the turn that a writing transaction takes, and for seats and servers also the cap in
the `UPDATE … WHERE`. The control takes the guard out, and must go wrong: otherwise the race would
prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from houses import SetClock, actor_of, andes, make_house, open_taller
from racing import NOW, PROCESSES, THREADS

from jupyterhub_communities.application import (
    changing,
    invites,
    issuing,
    key_requests,
    members,
    waiting,
)
from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.domain.waiting import TicketState

ALL = PROCESSES * THREADS
Run = Callable[..., list[str]]


@pytest.fixture
def house(database, tmp_path):
    house = new_house(tmp_path)
    yield house
    house.close()


def new_house(folder: Path) -> House:
    return make_house(
        folder,
        hub_servers=3,
        clock=SetClock(NOW),
        communities=(
            andes(),
            andes(slug="brasil", champions=("bia",)),
            andes(slug="sahel", champions=()),
        ),
    )


@pytest.fixture
def run(racers, house, tmp_path) -> Run:
    return partial(racers.run, tmp_path)


def no_other_error(outcomes: list[str]) -> bool:
    """Where a turn is missing, the database's own constraints may stop what follows from it. Any other
    error is none of the race's, and proves nothing."""
    errors = [outcome for outcome in outcomes if outcome.startswith("error:")]
    return all(error.startswith("error: IntegrityError") for error in errors)


@pytest.fixture
def goes_wrong(racers, happens):
    """Whether a race without some of its guards fails, and its outcomes show why."""

    def goes_wrong(
        race: Callable[[House, Run], None],
        *without: str,
        shows: Callable[[list[str]], bool] = no_other_error,
    ) -> bool:
        def attempt(folder: Path) -> bool:
            outcomes: list[str] = []

            def run(*args: Any, **settings: Any) -> list[str]:
                outcomes.extend(racers.run(folder, *args, without=without, **settings))
                return outcomes

            with closing(new_house(folder)) as house:
                try:
                    race(house, run)
                except AssertionError:
                    return shows(outcomes)
            return False

        return happens(attempt)

    return goes_wrong


def join(house: House, role: Role, community: str, name: str) -> str:
    operator = Actor(None, is_operator=True)
    issued = house.call(issuing.issue_invite, operator, community, NewInvite(role=role))
    request = JoinRequest(issued.code, name, name)
    return house.call(invites.redeem_invite, request).account.username


def the_last_seat(house: House, run: Run) -> None:
    issued = open_taller(house, seats=1).learner_invite
    assert run("redeem", issued.code) == [*["invite.full"] * (ALL - 1), "won"]


def the_last_servers(house: House, run: Run) -> None:
    assert run("start") == [*["quota.exceeded"] * (ALL - 3), *["won"] * 3]
    with house.database.read() as store:
        assert store.balances.get(HUB, SERVERS).held == 3


def borrow_against_reserve(house: House, run: Run) -> None:
    """Four people of a workshop that reserves four, and eight of a community that could borrow all
    of it: the workshop gets its four, the others what is left."""
    shares = {"andes": Share(6, may_lend=6), "brasil": Share(3, may_lend=3)}
    declared = tuple(
        Declaration(
            replace(andes(slug=slug).community, cohort="south"),
            Quota({SERVERS: Limit(share=share)}),
            (champion,),
        )
        for (slug, share), champion in zip(shares.items(), ("ana", "bia"), strict=True)
    )
    house.call(apply_declarations, declared, Quota())
    opened = open_taller(house, seats=4, is_reserved=True)
    learners = [
        house.call(invites.redeem_invite, JoinRequest(opened.learner_invite.code, n, n))
        for n in ("Rosa", "Luz", "Sol", "Paz")
    ]
    borrowers = [join(house, Role.LEARNER, "brasil", f"B{n}") for n in range(ALL - 4)]
    names = [*(learner.account.username for learner in learners), *borrowers]
    assert run("start_among", names) == [*["quota.exceeded"] * 3, *["won"] * 9]
    with house.database.read() as store:
        held = [
            store.balances.get(s, SERVERS).held
            for s in (Scope("andes"), Scope("brasil"), Scope(cohort="south"))
        ]
    assert held == [4, 5, 9]


# How many there are of what all want.
CAPPED = {the_last_seat: 1, the_last_servers: 3}
# What is drawn from a pool depends on what was looked up: here the cap needs the turn.
CAPPED_IN_TURN = {borrow_against_reserve: 9}


@pytest.mark.parametrize("race", [*CAPPED, *CAPPED_IN_TURN])
def test_what_is_left_is_given_exactly(house, run, race) -> None:
    race(house, run)


@pytest.mark.parametrize("race", CAPPED)
def test_the_cap_alone_is_exact(house, run, race) -> None:
    race(house, partial(run, without=("turns",)))


@pytest.mark.parametrize("race", [*CAPPED, *CAPPED_IN_TURN])
def test_without_cap_and_turns_more_is_given(goes_wrong, race) -> None:
    there_are = {**CAPPED, **CAPPED_IN_TURN}[race]

    def more_is_given(outcomes: list[str]) -> bool:
        return outcomes.count("won") > there_are

    assert goes_wrong(race, "turns", "caps", shows=more_is_given)


def codes(house: House) -> list[str]:
    return [
        house.call(issuing.issue_invite, actor_of(house, "ana"), "andes", NewInvite()).code
        for _ in range(ALL)
    ]


def the_ceiling_of_people(house: House, run: Run) -> None:
    outcomes = run("redeem_own", codes(house), most_people=4)  # two champions among them
    assert outcomes == [*["hub.full"] * (ALL - 2), *["won"] * 2]


def the_ceiling_of_new_accounts(house: House, run: Run) -> None:
    outcomes = run("redeem_own", codes(house), most_new_per_hour=2)
    assert outcomes == [*["hub.full"] * (ALL - 2), *["won"] * 2]


def one_form_sent_many_times(house: House, run: Run) -> None:
    issued = open_taller(house).learner_invite
    assert len(set(run("redeem_the_same_form", issued.code))) == 1
    with house.database.read() as store:
        assert store.invites.get(issued.invite.id).taken == 1


def numbers_in_line(house: House, run: Run) -> None:
    issued = open_taller(house, seats=1).learner_invite
    house.call(invites.redeem_invite, JoinRequest(issued.code, "first", "Rosa"))
    assert set(run("wait_in_line", issued.code)) == {str(number + 1) for number in range(ALL)}


def freed_seats(house: House, run: Run) -> None:
    """Two seats are free, and three people wait: two are offered one each."""
    issued = open_taller(house, seats=1).learner_invite
    house.call(invites.redeem_invite, JoinRequest(issued.code, "Rosa", "Rosa"))
    for name in ("Uno", "Dos", "Tres"):
        house.call(waiting.wait_in_line, JoinRequest(issued.code, name, name))
    with house.database.write() as store:
        store.invites.change(replace(issued.invite, seats=3))
    assert run("pass_seats_on") == ["won"] * ALL
    with house.database.read() as store:
        states = [ticket.state(NOW) for ticket in store.waiting.of_invite(issued.invite.id)]
        assert store.invites.get(issued.invite.id).taken == 3
    assert states == [TicketState.OFFERED, TicketState.OFFERED, TicketState.WAITING]


def seats_added_at_once(house: House, run: Run) -> None:
    issued = open_taller(house, seats=1).learner_invite
    assert run("add_a_seat", issued.invite.id) == ["won"] * ALL
    with house.database.read() as store:
        assert store.invites.get(issued.invite.id).seats == 1 + ALL


def one_version_changed_by_many(house: House, run: Run) -> None:
    """Nobody undoes what another has decided."""
    issued = open_taller(house, seats=1).learner_invite
    outcomes = run("change_the_same_version", issued.invite.id, issued.invite.version)
    assert outcomes == [*["version.outdated"] * (ALL - 1), "won"]


def one_workshop_changed_by_many(house: House, run: Run) -> None:
    """One of the champions changes it; the others are told that it is not what they looked at."""
    workshop = open_taller(house).workshop
    ana = actor_of(house, "ana")
    version = house.call(changing.view_to_change, ana, "andes", workshop.slug).version
    outcomes = run("change_the_same_workshop", workshop.slug, version)
    assert outcomes == [*["version.outdated"] * (ALL - 1), "won"]


def one_request_sent_many_times(house: House, run: Run) -> None:
    assert run("send_the_same_request") == ["taller"] * ALL
    with house.database.read() as store:
        assert len(store.workshops.of_community("andes")) == 1


def one_rescue_server(house: House, run: Run) -> None:
    """In the days of grace a person has one server, under whatever name."""
    rosa = join(house, Role.LEARNER, "andes", "Rosa")
    house.call(members.remove_member, actor_of(house, "ana"), "andes", rosa)
    assert run("start_another", rosa) == [*["access.one_server"] * (ALL - 1), "won"]


def servers_in_and_out(house: House, run: Run) -> None:
    places = {"Rosa": "andes", "Luz": "andes", "Bea": "brasil"}
    names = [join(house, Role.LEARNER, place, name) for name, place in places.items()]
    outcomes = run("start_and_stop", names)
    assert set(outcomes) <= {"won", "quota.exceeded"}
    with house.database.read() as store:
        held = [store.balances.get(s, SERVERS).held for s in (HUB, Scope("andes"), Scope("brasil"))]
    assert held == [0, 0, 0]


def the_last_reserve(house: House, run: Run) -> None:
    """Each wants to keep two of three servers for its workshop."""
    assert run("open_reserving", 2) == [*["reservation.too_large"] * (ALL - 1), "won"]
    with house.database.read() as store:
        kept = [one.amounts[SERVERS] for one in store.balances.reservations(NOW)]
    assert kept == [2]


def somebody_new_in_many_tabs(house: House, run: Run) -> None:
    assert run("choose_language") == ["won"] * ALL


def workshops_of_one_title(house: House, run: Run) -> None:
    slugs = run("open_workshop")
    assert set(slugs) == {"taller", *(f"taller-{number}" for number in range(2, ALL + 1))}


def two_champions_who_leave(house: House, run: Run) -> None:
    names = [join(house, Role.CHAMPION, "sahel", name) for name in ("Ines", "Omar")]
    outcomes = run("leave", "sahel", names)
    assert outcomes.count("won") == 1
    assert set(outcomes) <= {"won", "community.last_champion", "not_found"}
    with house.database.read() as store:
        assert len(store.grants.of_community("sahel", NOW)) == 1


def one_number_approved_for_two_people(house: House, run: Run) -> None:
    names = [join(house, Role.LEARNER, "andes", name) for name in ("Rosa", "Luz")]
    number = house.call(key_requests.ask_for_key, "browser").number
    outcomes = run("approve", number, names)
    # The same approval, sent again, is no refusal.
    assert outcomes == [*["key_request.unknown"] * (ALL // 2), *["won"] * (ALL // 2)]


LOOKED_UP = [
    the_ceiling_of_people,
    the_ceiling_of_new_accounts,
    one_form_sent_many_times,
    numbers_in_line,
    seats_added_at_once,
    one_version_changed_by_many,
    one_workshop_changed_by_many,
    one_request_sent_many_times,
    one_rescue_server,
    the_last_reserve,
    somebody_new_in_many_tabs,
    workshops_of_one_title,
    two_champions_who_leave,
]
# Here a row that everybody writes first, or a condition in the `WHERE`, is enough by itself.
GUARDED_TWICE = [freed_seats, servers_in_and_out, one_number_approved_for_two_people]


@pytest.mark.parametrize("race", [*LOOKED_UP, *GUARDED_TWICE])
def test_what_was_looked_up_stays_true_until_it_is_acted_on(house, run, race) -> None:
    race(house, run)


@pytest.mark.parametrize("race", LOOKED_UP)
def test_without_turns_it_does_not(goes_wrong, race) -> None:
    assert goes_wrong(race, "turns")
