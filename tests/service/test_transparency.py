"""What a community shows of itself: to members, or to everybody, and never of few people."""

from __future__ import annotations

import pytest
from houses import actor_of
from visiting import Visitor, text_of

from jupyterhub_communities.application.ending import suspend_community
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.members import set_role
from jupyterhub_communities.application.transparency import set_named, set_public
from jupyterhub_communities.domain.grants import Actor, Role

PAGE = "communities/andes/transparency"


@pytest.fixture
def visit(service):
    return Visitor(service, PAGE, who=None)


async def test_only_members_see_it_until_the_community_shows_it_to_everybody(visit) -> None:
    assert (await visit()).code == 302, "to sign in, as for a community that there is not"
    assert (await visit("communities/nowhere/transparency")).code == 302
    assert (await visit(who="bia")).code == 404
    assert "Only the people of this community" in text_of(await visit(who="learner"))
    assert (await visit(who="instructor", data={"action": "publish"})).code == 403
    assert (await visit(who="champion", data={"action": "publish"})).code == 303
    for who in (None, "bia"):
        page = await visit(who=who, language="es")
        assert page.code == 200
        assert "Lo que todo el mundo puede saber de Comunidad Andes" in text_of(page)
        assert "<form" not in page.body.decode()
    assert "Everybody can see this page" in text_of(await visit(who="learner"))
    assert (await visit(who="champion", data={"action": "withdraw"})).code == 303
    assert (await visit()).code == 302


async def test_a_stranger_reads_the_same_through_the_api_and_no_more(call, world) -> None:
    paths = (f"communities/{slug}/transparency" for slug in ("andes", "nowhere"))
    for path in paths:
        assert (await call("GET", path, token=None))[0] == 401, path
    world.house.call(set_public, actor_of(world.house, "ana"), "andes", is_public=True)
    status, seen, _ = await call("GET", PAGE, token=None)
    assert (status, seen["public"]) == (200, True)
    assert (await call("PUT", PAGE, token=None, body={"public": False}))[0] in (401, 403)
    assert (await call("PUT", f"{PAGE}/me", token=None))[0] in (401, 403)
    assert (await call("GET", PAGE, token="bia"))[1] == seen


async def test_nobody_without_a_sign_in_changes_anything(visit, world) -> None:
    world.house.call(set_public, actor_of(world.house, "ana"), "andes", is_public=True)
    for action in ("withdraw", "name", "publish"):
        assert (await visit(data={"action": action})).code in (401, 403)
    assert (await visit()).code == 200


async def test_a_suspended_community_shows_nothing(visit, world) -> None:
    world.house.call(set_public, actor_of(world.house, "ana"), "andes", is_public=True)
    operator = Actor(None, is_operator=True)
    world.house.call(suspend_community, operator, "andes", "a test")
    assert (await visit()).code == 302


async def test_champions_are_named_who_agreed_for_as_long_as_they_are(visit, call, world) -> None:
    username = world.usernames[Role.INSTRUCTOR]
    ana = actor_of(world.house, "ana")
    world.house.call(set_role, ana, "andes", username, Role.CHAMPION)
    world.house.call(set_public, ana, "andes", is_public=True)
    assert "Nobody yet" in text_of(await visit())
    assert (await call("PUT", f"{PAGE}/me", token="instructor"))[0] == 204
    page = text_of(await visit())
    assert "Persona instructor" in page
    assert "ana" not in page.split("Champions who agreed")[1].split("Workshops")[0]
    world.house.call(set_role, ana, "andes", username, Role.INSTRUCTOR)
    assert "Persona instructor" not in text_of(await visit())


async def test_small_numbers_are_not_told(visit, call, world) -> None:
    ana = actor_of(world.house, "ana")
    world.house.call(set_public, ana, "andes", is_public=True)
    world.house.call(set_named, ana, "andes", is_named=True)
    code = world.opened.learner_invite.code
    for number in range(4):
        world.house.call(redeem_invite, JoinRequest(code, f"attempt {number}", f"Persona {number}"))
    page = text_of(await visit())
    assert "People who took part Fewer than 5 people" in page
    assert "A workshop was opened. Fewer than 5 times" in page
    assert "Persona" not in page
    _, found, _ = await call("GET", PAGE, token="bia")
    assert found["people"] is None
    assert found["months"][0]["actions"]["workshop:open"] is None
    assert (found["limits"], found["workshops"]) == ({"servers": 3}, 1)
    world.house.call(redeem_invite, JoinRequest(code, "attempt 5", "Persona 5"))
    assert (await call("GET", PAGE, token="bia"))[1]["people"] == 5
