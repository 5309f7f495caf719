"""The pages of a community's people and settings: for each role what it may do, bad input drawn again."""

from __future__ import annotations

import re

import pytest
from houses import actor_of
from newcomers import add_people
from visiting import Visitor

from jupyterhub_communities.application.operating import NewCommunity, create_community
from jupyterhub_communities.domain.grants import Actor, Role

OPERATOR = Actor(account_id=None, is_operator=True)
PEOPLE = "communities/andes/people"


@pytest.fixture
def visit(service):
    return Visitor(service).read


@pytest.fixture
def costa(world):
    """A community of no file, with the champion `ana`."""
    wanted = NewCommunity("costa", {"es": "La Costa"}, "es", ("ana",))
    return world.house.call(create_community, OPERATOR, wanted)


def version_in(text: str) -> str:
    return re.search(r'name="version" value="(\w+)"', text)[1]


async def test_two_thousand_people_stand_on_pages_of_fifty_and_are_found(visit, world) -> None:
    add_people(world.house, 120)
    pages, path = [], PEOPLE
    while path:
        code, text = await visit(path)
        assert code == 200
        pages.append(len(re.findall(r"<td data-label=\"Username\"", text)))
        more = re.search(r'rel="next" href="[^"]*/(communities/[^"]+)"', text)
        path = more and more[1]
    assert pages == [50, 50, 24]
    code, text = await visit(f"{PEOPLE}?q=P0007")
    assert "Rosa 0" in text
    assert text.count('<td data-label="Username"') == 1
    code, text = await visit(f"{PEOPLE}?q=zzz")
    assert "Nobody here has such a name." in text
    assert (await visit(f"{PEOPLE}?after=made-up"))[0] == 200


async def test_a_champion_gives_a_role_removes_and_hands_over(visit, world, costa, call) -> None:
    helper, learner = world.usernames[Role.HELPER], world.usernames[Role.LEARNER]
    at = f"{PEOPLE}/{helper}"
    code, text = await visit(at)
    assert code == 200
    form = {"action": "role", "role": "champion", "version": version_in(text)}
    assert (await visit(at, data=form))[0] == 303
    assert world.hub.groups[helper] == {"community-andes"}
    # The new champion hands over to the learner, and stays a helper.
    world.tokens["new"] = world.model(helper)
    at = f"{PEOPLE}/{learner}"
    _, text = await visit(at, who="new")
    form = {"action": "hand_over", "role": "helper", "version": version_in(text)}
    assert (await visit(at, who="new", data=form))[0] == 303
    roles = [actor_of(world.house, name).role_at("andes") for name in (helper, learner)]
    assert roles == [Role.HELPER, Role.CHAMPION]
    _, text = await visit(f"{PEOPLE}/{helper}")
    assert (await visit(f"{PEOPLE}/{helper}", data={"action": "remove", "version": "old"}))[
        0
    ] == 412
    form = {"action": "remove", "version": version_in(text)}
    assert (await visit(f"{PEOPLE}/{helper}", data=form))[0] == 303
    assert actor_of(world.house, helper).role_at("andes") is None


async def test_what_is_done_to_nobody_is_told_to_nobody(visit, world) -> None:
    """Not even to the Hub: whoever makes up a form has no say in whom it is asked about."""
    for who in ("champion", "learner", "bia"):
        code, _ = await visit("communities/andes/people/bia", who=who, data={"action": "wave"})
        assert code == 400
    assert world.hub.groups == {}


async def test_a_role_that_somebody_else_changed_meanwhile_is_shown_first(visit, world) -> None:
    at = f"{PEOPLE}/{world.usernames[Role.LEARNER]}"
    _, text = await visit(at)
    seen = version_in(text)
    assert (await visit(at, data={"action": "role", "role": "helper", "version": seen}))[0] == 303
    later = {"action": "role", "role": "instructor", "version": seen}
    code, text = await visit(at, data=later)
    assert code == 412
    assert "This has changed since you looked at it." in text
    assert version_in(text) != seen
    again = await visit(at, data={**later, "version": version_in(text)})
    assert again[0] == 303, "they have seen it"
    assert (await visit(at, data={"action": "role", "role": "king"}))[0] == 400


async def test_each_role_sees_what_it_may_do_and_who_can_do_the_rest(visit, world) -> None:
    at = f"{PEOPLE}/{world.usernames[Role.HELPER]}"
    code, text = await visit(at, who="instructor")
    assert code == 200
    assert "The community’s champions give roles and remove people." in text
    assert "<form" not in text
    for who in ("learner", "helper"):
        code, text = await visit(PEOPLE, who=who)
        assert code == 403
        assert "The community's instructors may do this." in text
    code, text = await visit(at, who="instructor", data={"action": "role", "role": "learner"})
    assert code == 403
    assert "The community's champions may do this." in text
    _, text = await visit(f"{PEOPLE}/ana")
    assert "The operator’s file says what this person is here." in text
    assert (await visit(f"{PEOPLE}/bia"))[0] == 404, "of another community"


async def test_somebody_of_the_hub_is_asked_in_and_accepts_on_their_page(visit, world) -> None:
    form = {"action": "offer", "username": "bia", "role": "instructor"}
    code, text = await visit(PEOPLE, data={**form, "username": " "})
    assert code == 400
    assert "Please write a username of this hub." in text
    for name in ("bia", "nobody-of-this-name"):
        assert (await visit(PEOPLE, data={**form, "username": name}))[0] == 303
    _, text = await visit(PEOPLE)
    assert text.count("Take back") == 2
    _, text = await visit("", who="bia", language="es")
    assert "La comunidad Comunidad Andes te invita a entrar." in text
    offer = re.search(r'name="offer" value="(\w+)"', text)[1]
    assert (await visit("offers", who="learner", data={"action": "accept", "offer": offer}))[
        0
    ] == 404
    assert (await visit("offers", who="bia", data={"offer": offer}))[0] == 400, "no answer is no No"
    assert (await visit("offers", who="bia", data={"action": "accept", "offer": offer}))[0] == 303
    assert "community-andes" in world.hub.groups["bia"]
    _, text = await visit(PEOPLE)
    offer = re.search(r'name="offer" value="(\w+)"', text)[1]
    assert (await visit(PEOPLE, data={"action": "withdraw", "offer": offer}))[0] == 303
    assert "Nobody has to answer." in (await visit(PEOPLE))[1]


async def test_leaving_is_ones_own_right_but_for_the_last_champion(visit, world, costa) -> None:
    assert (await visit("communities/andes/leave", who="learner"))[0] == 200
    assert (await visit("communities/andes/leave", who="learner", data={"a": "1"}))[0] == 303
    assert actor_of(world.house, world.usernames[Role.LEARNER]).role_at("andes") is None
    code, text = await visit("communities/costa/leave", data={"a": "1"})
    assert code == 409
    assert "A community needs at least one champion." in text
    code, text = await visit("communities/andes/leave", data={"a": "1"})
    assert (code, "The operator of this hub decides this." in text) == (409, True)
    assert (await visit("communities/andes/leave", who="operator"))[0] == 404


SETTINGS = {
    "name_es": "Costa",
    "name_en": "Coast",
    "language": "es",
    "contact": "hola@costa.example",
    "retention_days": "90",
}


async def test_settings_are_changed_and_what_is_wrong_is_said_at_its_field(visit, costa) -> None:
    page = "communities/costa/settings"
    _, text = await visit(page)
    form = {**SETTINGS, "version": version_in(text)}
    for field, value, said in (
        ("name_es", "x" * 101, "Please write a name in at least one language"),
        ("language", "klingon!", "Please choose a language."),
        ("contact", "x" * 301, "Please write a contact of at most 300 characters"),
        ("retention_days", "soon", "Please give a number from 1 to 3,660."),
    ):
        code, text = await visit(page, data={**form, field: value})
        assert (code, said in text) == (400, True), field
        assert "Coast" in text, "nothing that was typed is lost"
    assert (await visit(page, data=form))[0] == 303
    code, text = await visit(page, data={**form, "name_es": "La otra costa"})
    assert code == 412
    assert "Somebody else has changed these settings" in text
    assert re.search(r'id="stands".*<bdi>Costa</bdi>', text, re.DOTALL)
    again = {**form, "name_es": "La otra costa", "version": version_in(text)}
    assert (await visit(page, data=again))[0] == 303
    assert "La otra costa" in (await visit("communities/costa", language="es"))[1]


async def test_what_the_file_says_is_shown_and_cannot_be_typed_over(visit, world) -> None:
    page = "communities/andes/settings"
    _, text = await visit(page)
    assert "The operator’s file says this." in text
    assert 'name="name_es"' not in text
    form = {**SETTINGS, "shows_people": "yes", "version": version_in(text)}
    assert (await visit(page, data=form))[0] == 303
    _, text = await visit(PEOPLE, who="learner")
    assert "ana" in text, "members see each other now"
    assert "Comunidad Andes" in (await visit("communities/andes", language="es"))[1]
    assert (await visit(page, who="instructor"))[0] == 403
