"""A champion hands over: in one step, and never to nobody."""

from __future__ import annotations

import pytest
from houses import actor_of, andes, make_house, most_servers
from newcomers import joined

from jupyterhub_communities.application import communities, members
from jupyterhub_communities.application.handing_over import hand_over
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.refusals import (
    Declared,
    LastChampion,
    NotFound,
    PermissionDenied,
    VersionOutdated,
)


@pytest.fixture
def house(tmp_path):
    """`sol` is its only champion, and by no file."""
    house = make_house(tmp_path)
    house.sol = joined(house, Role.CHAMPION, "Sol")
    house.luz = joined(house, Role.HELPER, "Luz")
    house.call(communities.apply_declarations, (andes(champions=()),), most_servers(None))
    yield house
    house.close()


def roles(house) -> list[Role]:
    return [actor_of(house, name).role_at("andes") for name in (house.sol, house.luz)]


@pytest.mark.parametrize("stays_as", [Role.INSTRUCTOR, Role.LEARNER])
def test_another_one_is_appointed_and_the_champion_steps_back(house, stays_as) -> None:
    new = house.call(hand_over, actor_of(house, house.sol), "andes", house.luz, stays_as)
    assert new.role is Role.CHAMPION
    assert roles(house) == [stays_as, Role.CHAMPION]


def test_nothing_happens_by_half(house) -> None:
    sol = actor_of(house, house.sol)
    with pytest.raises(NotFound):
        house.call(hand_over, sol, "andes", "nobody-of-this-name")
    with pytest.raises(LastChampion):
        house.call(hand_over, sol, "andes", house.sol)
    seen = house.call(members.view_member, sol, "andes", house.luz).version
    house.call(members.set_role, sol, "andes", house.luz, Role.LEARNER)
    with pytest.raises(VersionOutdated):
        house.call(hand_over, sol, "andes", house.luz, expected={seen})
    assert roles(house) == [Role.CHAMPION, Role.LEARNER]


def test_only_a_champion_has_something_to_hand_over(house) -> None:
    for actor in (actor_of(house, house.luz), Actor(account_id=None, is_operator=True)):
        with pytest.raises(PermissionDenied) as refused:
            house.call(hand_over, actor, "andes", house.luz)
        assert refused.value.needs == "champion"


def test_whom_the_file_declares_cannot_step_back_here(tmp_path) -> None:
    house = make_house(tmp_path)
    luz = joined(house, Role.HELPER, "Luz")
    with pytest.raises(Declared):
        house.call(hand_over, actor_of(house, "ana"), "andes", luz)
    assert actor_of(house, luz).role_at("andes") is Role.HELPER, "nobody was appointed either"
    house.close()
