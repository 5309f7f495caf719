"""Pages of long lists, on both databases: together they are the list, in its order."""

from __future__ import annotations

import pytest
from houses import actor_of, make_house, open_taller

from jupyterhub_communities.application import invites, issuing, members, workshops
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.paging import Page


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path)
    ana = actor_of(house, "ana")
    for number, name in enumerate(("Zoé", "ángel", "Ana", "ana", "日本", "Bo", "Bo")):
        role = Role.HELPER if number % 2 else Role.LEARNER
        issued = house.call(issuing.issue_invite, ana, "andes", NewInvite(role=role))
        house.call(invites.redeem_invite, JoinRequest(issued.code, str(number), name))
        if number % 3:
            open_taller(house, title=f"Mapas {number}")
        house.clock.advance(seconds=number % 2)  # some are made at the same instant
    yield house
    house.close()


LISTS = {
    "members": (members.page_of_members, members.list_members),
    "workshops": (workshops.page_of_workshops, workshops.list_workshops),
    "invites": (issuing.page_of_invites, issuing.list_invites),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_are_the_list(house, name, limit) -> None:
    page_of, whole = LISTS[name]
    ana = actor_of(house, "ana")
    found, page = [], Page(limit)
    while True:
        part = house.call(page_of, ana, "andes", page)
        assert len(part.entries) <= limit
        found += part.entries
        if part.after is None:
            break
        page = Page(limit, part.after)
    expected = list(house.call(whole, ana, "andes"))
    assert len(found) == len(expected) > 3
    if name == "members":  # of the same name in any order, and as the database puts letters
        assert [one.role for one in found] == [one.role for one in expected]
        assert {one.account.id for one in found} == {one.account.id for one in expected}
    else:
        assert found == expected
