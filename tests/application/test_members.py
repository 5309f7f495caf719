"""Roles given and taken, and what each may do."""

import itertools

import pytest
from houses import actor_of, andes, make_house, most_servers, open_taller
from newcomers import joined

from jupyterhub_communities.application import communities, members, workshops
from jupyterhub_communities.domain.grants import LOWEST_ROLE, Actor, Role, Verb, may
from jupyterhub_communities.domain.refusals import (
    Declared,
    LastChampion,
    NotFound,
    PermissionDenied,
)


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, communities=(andes(), andes(slug="brasil", champions=("bia",))))
    yield house
    house.close()


def test_a_champion_appoints_and_a_second_champion_can_take_over(house) -> None:
    luz = joined(house)
    ana = actor_of(house, "ana")
    assert house.call(members.set_role, ana, "andes", luz, Role.CHAMPION).role is Role.CHAMPION
    assert actor_of(house, luz).role_at("andes") is Role.CHAMPION


def test_what_the_file_declares_is_read_only(house) -> None:
    with pytest.raises(Declared):
        house.call(members.set_role, actor_of(house, "ana"), "andes", "ana", Role.LEARNER)
    with pytest.raises(Declared):
        house.call(members.remove_member, actor_of(house, "ana"), "andes", "ana")


def test_a_community_never_loses_its_last_champion(tmp_path) -> None:
    house = make_house(tmp_path)
    luz = joined(house, Role.CHAMPION)
    house.call(communities.apply_declarations, (andes(champions=()),), most_servers(None))
    with pytest.raises(LastChampion):
        house.call(members.set_role, actor_of(house, luz), "andes", luz, Role.LEARNER)
    with pytest.raises(LastChampion):
        house.call(members.remove_member, actor_of(house, luz), "andes", luz)
    assert actor_of(house, luz).role_at("andes") is Role.CHAMPION, "nothing is half-written"
    house.close()


def test_leaving_is_everybodys_own_right_and_removing_is_the_champions(house) -> None:
    luz, sol = joined(house), joined(house, name="Sol")
    with pytest.raises(PermissionDenied):
        house.call(members.remove_member, actor_of(house, luz), "andes", sol)
    house.call(members.remove_member, actor_of(house, luz), "andes", luz)
    assert actor_of(house, luz).grants == ()


def test_strangers_and_unknown_names_are_answered_alike(house) -> None:
    for name in ("bia", "nobody"):
        with pytest.raises(NotFound):
            house.call(members.set_role, actor_of(house, "ana"), "andes", name, Role.LEARNER)


def test_another_communitys_champion_is_a_stranger_here(house) -> None:
    bia = actor_of(house, "bia")
    for verb in (members.list_members, communities.view_community, workshops.list_workshops):
        with pytest.raises(NotFound):
            house.call(verb, bia, "andes")


def test_a_workshops_helper_is_a_helper_there_only(house) -> None:
    here, there = open_taller(house), open_taller(house, title="Otro")
    helper = actor_of(house, joined(house, Role.HELPER, workshop=here.workshop.slug))
    assert may(helper, Verb.VIEW_BOARD, "andes", here.workshop.slug)
    assert not may(helper, Verb.VIEW_BOARD, "andes", there.workshop.slug)
    assert helper.role_at("andes") is None
    assert helper.is_member("andes")


@pytest.mark.parametrize(("role", "verb"), list(itertools.product(Role, Verb)))
def test_each_role_may_exactly_what_the_table_says(house, role, verb) -> None:
    username = "ana" if role is Role.CHAMPION else joined(house, role)
    assert may(actor_of(house, username), verb, "andes") == (role >= LOWEST_ROLE[verb])


def test_nobody_without_a_grant_may_anything_and_the_operator_everything() -> None:
    for verb in Verb:
        assert not may(Actor(account_id="x"), verb, "andes")
        assert may(Actor(account_id="x", is_operator=True), verb, "andes")


def test_applying_the_file_is_idempotent_and_leaves_the_rest_alone(house) -> None:
    luz = joined(house, Role.INSTRUCTOR)
    wanted = (andes(), andes(slug="brasil", champions=("bia",)))
    assert house.call(communities.apply_declarations, wanted, most_servers(None)) == []
    changes = house.call(communities.apply_declarations, (andes(servers=9),), most_servers(None))
    assert [change.subject for change in changes] == ["quota hub/andes servers"]
    assert actor_of(house, luz).role_at("andes") is Role.INSTRUCTOR
