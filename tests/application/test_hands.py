"""Help: a hand is raised and answered, and a learner's server is opened for who comes, for a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import actor_of, make_house, open_taller

from jupyterhub_communities.application.erasure import export_me
from jupyterhub_communities.application.hands import (
    accesses_over,
    end_access,
    end_hand,
    end_old_hands,
    give_access,
    is_shared,
    lower_hand,
    my_help,
    note_removed,
    raise_hand,
    take_hand,
)
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.leases import StartRequest, activate, admit
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.workshops import add_site, close_workshop, view_workshop
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.refusals import (
    AccessMinutesInvalid,
    AccessNotOffered,
    HandTaken,
    NobodyComes,
    NotFound,
    PermissionDenied,
    QuestionInvalid,
    ServerNotThere,
    WorkshopClosed,
)


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(tmp_path, clock=clock)
    house.settings = replace(house.settings, are_servers_apart=True)
    yield house
    house.close()


class Place:
    def __init__(self, house) -> None:
        self.house = house
        self.opened = open_taller(house)
        self.slug = self.opened.workshop.slug
        self.at = ("andes", self.slug)
        self.luz = self.join("Luz", self.opened.learner_invite.code)
        self.hugo = self.join("Hugo", self.invite(role=Role.HELPER))
        self.rita = self.join("Rita", self.invite(role=Role.HELPER))

    def invite(self, **more) -> str:
        wanted = NewInvite(workshop=self.slug, **more)
        return self.house.call(issue_invite, actor_of(self.house, "ana"), "andes", wanted).code

    def join(self, name, code) -> str:
        return self.house.call(redeem_invite, JoinRequest(code, name, name)).account.username

    def call(self, verb, who, *more):
        return self.house.call(verb, actor_of(self.house, who), *self.at, *more)

    def asks(self, who=None, question=""):
        who = who or self.luz
        return self.house.call(raise_hand, actor_of(self.house, who), who, *self.at, question)

    def takes(self, who, of=None):
        actor = actor_of(self.house, who)
        return self.house.call(take_hand, actor, who, *self.at, of or self.luz)

    def hands(self):
        return self.house.call(view_workshop, actor_of(self.house, "ana"), *self.at).live.hands

    def opens(self, minutes=30):
        """Somebody comes, and is let in."""
        self.house.call(admit, StartRequest("lease", ServerKey(self.luz)))
        self.house.call(activate, "lease")
        self.asks()
        self.takes(self.hugo)
        return self.call(give_access, self.luz, minutes)


@pytest.fixture
def place(house):
    return Place(house)


def test_a_hand_is_up_once_with_what_was_asked_last(place, clock) -> None:
    place.asks(question="¿Dónde?")
    clock.advance(minutes=5)
    up = place.asks(question="  ¿Dónde   está el mapa? ")
    assert up.hand.question == "¿Dónde está el mapa?"
    (shown,) = place.hands()
    assert shown == up
    assert clock.time - shown.hand.raised_at == timedelta(minutes=5), "it has waited all the time"
    with pytest.raises(QuestionInvalid):
        place.asks(question="x" * 201)
    place.call(lower_hand, place.luz)
    place.call(lower_hand, place.luz)
    assert place.hands() == ()


def test_one_comes_and_whoever_asked_sees_who(place) -> None:
    place.asks()
    with pytest.raises(PermissionDenied):
        place.takes(place.luz)
    assert place.takes(place.hugo).helper.username == place.hugo
    assert place.takes(place.hugo).helper.username == place.hugo, "twice is once"
    with pytest.raises(HandTaken) as refused:
        place.takes(place.rita)
    assert refused.value.name == "Hugo"
    assert place.call(my_help, place.luz).helper.display_name == "Hugo"
    place.call(end_hand, place.rita, place.luz)
    assert place.call(my_help, place.luz) is None
    with pytest.raises(NotFound):
        place.takes(place.hugo)


def test_the_staff_of_a_site_answer_its_people_only(place, house) -> None:
    ana = actor_of(house, "ana")
    lima, cusco = (
        house.call(add_site, ana, *place.at, name=name, zone="America/Lima").slug
        for name in ("Lima", "Cusco")
    )
    there = place.join("Killa", place.invite(site=lima))
    near = place.join("Nina", place.invite(site=lima, role=Role.HELPER))
    far = place.join("Fara", place.invite(site=cusco, role=Role.HELPER))
    assert place.asks(there).hand.site == lima
    with pytest.raises(PermissionDenied):
        place.takes(far, there)
    assert place.takes(near, there).helper.username == near
    place.asks()
    with pytest.raises(PermissionDenied):
        place.takes(near)


def test_a_hand_goes_down_with_its_workshop(place, house, clock) -> None:
    place.asks()
    assert house.call(end_old_hands) == 0
    clock.time = place.opened.workshop.ends_at
    assert place.hands() == ()
    assert place.call(my_help, place.luz) is None
    assert house.call(end_old_hands) == 1
    with pytest.raises(WorkshopClosed):
        place.asks()
    clock.advance(days=2)
    house.call(end_old_hands)
    assert house.call(export_me, place.luz)["hands"] == [], "forgotten"


# Access to the learner's server


def test_access_is_for_who_comes_to_a_running_server_for_some_minutes(place, house, clock) -> None:
    with pytest.raises(NobodyComes):
        place.call(give_access, place.luz, 30)
    place.asks()
    with pytest.raises(NobodyComes):
        place.call(give_access, place.luz, 30)
    place.takes(place.hugo)
    with pytest.raises(ServerNotThere):
        place.call(give_access, place.luz, 30)
    house.call(admit, StartRequest("lease", ServerKey(place.luz)))
    house.call(activate, "lease")
    with pytest.raises(AccessMinutesInvalid):
        place.call(give_access, place.luz, 90)
    access = place.call(give_access, place.luz, 30)
    assert access.server == ServerKey(place.luz)
    assert access.ends_at == clock.time + timedelta(minutes=30)
    assert place.call(my_help, place.luz).access == place.hands()[0].access == access
    assert house.call(accesses_over) == []
    clock.advance(minutes=30)
    (over,) = house.call(accesses_over)
    assert (over.access.id, over.helper) == (access.id, place.hugo)
    assert place.call(my_help, place.luz).access is None
    house.call(note_removed, access.id)
    assert house.call(accesses_over) == []


def test_it_is_not_given_to_who_is_of_the_staff_no_more(place, house) -> None:
    place.opens()
    place.call(end_access, place.luz)
    house.call(remove_member, actor_of(house, "ana"), "andes", place.hugo)
    with pytest.raises(NobodyComes):
        place.call(give_access, place.luz, 15)
    assert place.call(my_help, place.luz).access is None


def test_it_is_never_given_where_servers_share_a_host(place, house) -> None:
    house.settings = replace(house.settings, are_servers_apart=False)
    with pytest.raises(AccessNotOffered):
        place.opens()


def learner_ends_it(place) -> None:
    place.call(end_access, place.luz)


def learner_lowers_the_hand(place) -> None:
    place.call(lower_hand, place.luz)


def another_helper_has_solved_it(place) -> None:
    place.call(end_hand, place.rita, place.luz)


def the_workshop_is_closed(place) -> None:
    place.call(close_workshop, "ana")


def the_helper_is_none_any_more(place) -> None:
    grants = place.house.call(find_person, place.hugo).grants
    with place.house.database.write() as store:
        store.grants.revoke([grant.id for grant in grants], place.house.clock.now())


@pytest.mark.parametrize(
    "end",
    [
        learner_ends_it,
        learner_lowers_the_hand,
        another_helper_has_solved_it,
        the_workshop_is_closed,
        the_helper_is_none_any_more,
    ],
)
def test_access_ends_at_once_with(place, house, end) -> None:
    access = place.opens()
    assert house.call(is_shared, access.id)
    end(place)
    assert [one.access.id for one in house.call(accesses_over)] == [access.id]


def test_it_never_outlasts_the_workshop(place, clock) -> None:
    clock.time = place.opened.workshop.ends_at - timedelta(minutes=10)
    assert place.opens(60).ends_at == place.opened.workshop.ends_at


def test_another_time_takes_the_place_of_the_first(place, house, clock) -> None:
    first = place.opens(60)
    second = place.call(give_access, place.luz, 15)
    assert place.call(my_help, place.luz).access == second
    assert house.call(accesses_over) == [], "the Hub's share is the same one"
    clock.advance(minutes=15)
    over = {one.access.id for one in house.call(accesses_over)}
    assert over == {first.id, second.id}


def test_what_is_known_of_help_is_exported_and_erased(place, house) -> None:
    place.opens()
    place.asks(question="¿Dónde?")
    mine = house.call(export_me, place.luz)
    assert (mine["hands"][0]["question"], mine["server_accesses"][0]["username"]) == (
        "¿Dónde?",
        place.luz,
    )
    helpers = house.call(export_me, place.hugo)
    assert helpers["hands"][0]["question"] is None, "what others asked is theirs"
    assert helpers["server_accesses"][0]["username"] is None
    for name in (place.hugo, place.luz):
        account_id = actor_of(house, name).account_id
        with house.database.write() as store:
            store.leases.settle("lease", house.clock.now())
            store.personal.erase(account_id)
    assert place.hands() == ()
    assert house.call(accesses_over) == []
