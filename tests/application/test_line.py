"""Tickets of the line for servers, over a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from houses import actor_of, andes, make_house, open_house_in, open_taller

from jupyterhub_communities.application.ending import block_person, suspend_community
from jupyterhub_communities.application.erasure import erase_me
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.line import (
    end_lost_places,
    leave_line,
    look_for_room,
    note_seen,
    take_ticket,
    tickets_in_line,
)
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.line import in_order, turns
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import AccessBlocked, ProfileUnknown
from jupyterhub_communities.domain.units import MEMORY, SERVERS

OPERATOR = Actor(None, is_operator=True)


@pytest.fixture
def house(tmp_path, clock):
    communities = (andes(servers=2), andes(slug="brasil", champions=("bia",)))
    house = make_house(tmp_path, clock=clock, communities=communities)
    yield house
    house.close()


def learner(house, name, community="andes", by="ana") -> str:
    opened = open_taller(house, title=f"Taller {name}", community=community, by=by)
    request = JoinRequest(opened.learner_invite.link, name, username=name)
    return house.call(redeem_invite, request).person.account.username


def take(house, username, *, options=None, **more):
    request = StartRequest(lease_id=f"of {username}", server=ServerKey(username), **more)
    return house.call(take_ticket, request, options)


def in_line(house) -> list[str]:
    """By arrival."""
    return [ticket.server.username for ticket in house.call(tickets_in_line)]


def test_a_ticket_keeps_what_was_chosen_and_outlives_a_restart(house, tmp_path) -> None:
    rosa = learner(house, "rosa")
    taken = take(house, rosa, options={"profile": "medium"}, profile="medium")
    assert taken.amounts == {SERVERS: 1, "cpu": 1000}
    assert taken.scope == Scope("andes", "taller-rosa")
    after = open_house_in(tmp_path)
    assert after.call(tickets_in_line) == [taken]
    assert after.call(tickets_in_line)[0].options == {"profile": "medium"}
    assert after.call(tickets_in_line)[0].amounts == taken.amounts
    after.close()
    elsewhere = open_house_in(tmp_path, hub_name="other")
    assert elsewhere.call(tickets_in_line) == []
    elsewhere.close()


def test_what_is_asked_wrongly_takes_no_place(house) -> None:
    rosa = learner(house, "rosa")
    with pytest.raises(ProfileUnknown):
        take(house, rosa, profile="huge")
    house.call(block_person, OPERATOR, rosa)
    with pytest.raises(AccessBlocked):
        take(house, rosa)
    assert in_line(house) == []


def test_who_asks_again_keeps_their_place_with_the_new_choice(house, clock) -> None:
    rosa, saul = learner(house, "rosa"), learner(house, "saul")
    first = take(house, rosa)
    clock.advance(seconds=1)
    take(house, saul)
    clock.advance(seconds=1)
    again = take(house, rosa, options={"profile": "medium"}, profile="medium")
    assert (again.id, again.taken_at) == (first.id, first.taken_at)
    assert MEMORY not in again.amounts
    assert in_line(house) == [rosa, saul]


def test_nothing_is_held_for_who_waits(house) -> None:
    rosa, saul, tito = (learner(house, name) for name in ("rosa", "saul", "tito"))
    for name in (rosa, saul, tito):
        take(house, name)
    for name in (saul, tito):  # both places of the community are free
        house.call(admit, StartRequest(lease_id=name, server=ServerKey(name)))
    room = house.call(look_for_room, {one.size for one in house.call(tickets_in_line)})
    assert turns(in_order(house.call(tickets_in_line)), room.room(house.clock.now(), None)) == []


def test_one_look_says_who_fits(house, clock) -> None:
    names = [learner(house, name) for name in ("rosa", "saul", "tito")]
    bruna = learner(house, "bruna", "brasil", "bia")
    for name in (*names, bruna):
        take(house, name)
        clock.advance(seconds=1)
    tickets = house.call(tickets_in_line)
    room = house.call(look_for_room, {one.size for one in tickets})
    may = turns(in_order(tickets), room.room(clock.now(), None))
    assert [one.server.username for one in may] == ["rosa", "bruna", "saul"], "andes has two"


def test_a_place_that_is_seen_and_one_that_is_left(house, clock) -> None:
    rosa, saul = learner(house, "rosa"), learner(house, "saul")
    one, other = take(house, rosa), take(house, saul)
    later = clock.now() + timedelta(seconds=20)
    house.call(note_seen, {one.id: later})
    house.call(leave_line, [other.id])
    (left,) = house.call(tickets_in_line)
    assert (left.id, left.seen_at, left.taken_at) == (one.id, later, one.taken_at)


def test_the_end_of_access_ends_the_place(house, clock) -> None:
    rosa, saul, tito = (learner(house, name) for name in ("rosa", "saul", "tito"))
    bruna = learner(house, "bruna", "brasil", "bia")
    for name in (rosa, saul, tito, bruna):
        take(house, name)
        clock.advance(seconds=1)
    house.call(block_person, OPERATOR, rosa)
    assert in_line(house) == [saul, tito, bruna]
    house.call(remove_member, actor_of(house, "ana"), "andes", saul)
    for name in (saul, tito):
        house.call(end_lost_places, name)
    assert in_line(house) == [tito, bruna]
    house.call(suspend_community, OPERATOR, "andes", "closed")
    assert in_line(house) == [bruna]
    house.call(erase_me, bruna, bruna)
    assert in_line(house) == []
