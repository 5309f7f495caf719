"""Keys, doubles and notices through the service: pages and API."""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import urlencode

import pytest
from houses import actor_of
from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.key_requests import (
    approve_key,
    ask_for_key,
    view_asked_key,
)
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import ServerKey


@pytest.fixture
def send(service):
    async def send(path, *, who="instructor", data=None, body=None, method=None):
        """A form with `data`, JSON with `body`."""
        posted = urlencode(data) if data is not None else json.dumps(body) if body else None
        kind = "application/x-www-form-urlencoded" if data is not None else "application/json"
        return await AsyncHTTPClient().fetch(
            service + path,
            method=method or ("GET" if posted is None else "POST"),
            body=posted,
            headers={
                "Authorization": f"token {who}",
                "Accept-Language": "en",
                "Content-Type": kind,
            },
            allow_nonstandard_methods=True,
            raise_error=False,
            follow_redirects=False,
        )

    return send


@pytest.fixture
def workshop(world) -> str:
    return f"communities/andes/workshops/{world.opened.workshop.slug}"


@pytest.fixture
def maria(world):
    request = JoinRequest(world.opened.learner_invite.code, "maria", "María")
    return world.house.call(redeem_invite, request).account


def ask(world, browser="browser") -> str:
    return world.house.call(ask_for_key, browser).number


def is_approved(world, browser="browser") -> bool:
    return world.house.call(view_asked_key, browser).account is not None


async def test_an_instructor_approves_on_the_workshops_page(send, world, workshop, maria) -> None:
    number = ask(world)
    page = await send(f"{workshop}/keys?for={maria.username}")
    assert f'value="{maria.username}" selected' in page.body.decode()
    form = {"username": maria.username, "number": number}
    page = await send(f"{workshop}/keys", data=form)
    assert page.code == 200
    assert "Done. María can go on" in page.body.decode()
    assert is_approved(world)
    again = await send(f"{workshop}/keys", data=form)
    assert again.code == 200, "the same form, sent twice"


async def test_a_wrong_number_is_said_at_its_field_and_kept(send, world, workshop, maria) -> None:
    form = {"username": maria.username, "number": "12345x"}
    page = await send(f"{workshop}/keys", data=form)
    text = page.body.decode()
    assert page.code == 404
    assert "This number is wrong" in text
    assert 'value="12345x"' in text
    assert f'value="{maria.username}" selected' in text


async def test_wrong_numbers_are_tried_one_after_another(send, world, workshop, maria) -> None:
    body = {"username": maria.username, "number": "000000"}
    began = time.monotonic()
    await asyncio.gather(*(send(f"api/v1/{workshop}/keys", body=body) for _ in range(3)))
    assert time.monotonic() - began >= 3


async def test_a_champion_approves_for_staff_and_others_are_told_who_may(send, world) -> None:
    helper = world.usernames[Role.HELPER]
    number = ask(world)
    body = {"username": helper, "number": number}
    refused = await send("api/v1/communities/andes/keys", body=body)
    assert refused.code == 403
    assert "Only a champion" in json.loads(refused.body)["detail"]
    page = await send("communities/andes/keys", who="champion", data=body)
    assert "Done." in page.body.decode()


async def test_who_has_a_role_on_the_hub_is_left_to_the_operator(
    send, world, workshop, maria
) -> None:
    world.hub.with_role.add(maria.username)
    form = {"username": maria.username, "number": ask(world)}
    page = await send(f"{workshop}/keys", data=form)
    assert page.code == 403
    assert "Only the operator of this hub" in page.body.decode()
    assert not is_approved(world)


@pytest.mark.parametrize(("who", "of"), [("learner", "maria"), ("instructor", "bia")])
async def test_the_hub_is_not_asked_about_people_for_whom_one_approves_nothing(
    send, world, workshop, maria, who, of
) -> None:
    """Whom it knows, and whether it answers, would show in what comes back."""
    asked = []

    async def has_role(username):
        asked.append(username)
        raise ConnectionRefusedError

    world.hub.has_role = has_role
    body = {"username": maria.username if of == "maria" else of, "number": ask(world)}
    for path in (workshop, "communities/andes"):
        answer = await send(f"api/v1/{path}/keys", who=who, body=body)
        assert answer.code in (403, 404)
    assert asked == []


async def test_nothing_is_approved_while_the_hub_does_not_answer(
    send, world, workshop, maria
) -> None:
    async def has_role(username):
        raise ConnectionRefusedError

    world.hub.has_role = has_role
    answer = await send(
        f"api/v1/{workshop}/keys", body={"username": maria.username, "number": ask(world)}
    )
    assert answer.code == 502
    assert not is_approved(world)


@pytest.mark.parametrize("who", ["learner", "bia", "server", "service"])
async def test_nobody_else_approves(send, world, workshop, maria, who) -> None:
    body = {"username": maria.username, "number": ask(world)}
    assert (await send(f"api/v1/{workshop}/keys", who=who, body=body)).code in (403, 404)
    for page in (f"{workshop}/keys", "communities/andes/keys"):
        assert (await send(page, who=who)).code in (403, 404)
    assert not is_approved(world)


async def test_a_double_is_marked_and_retired(send, world, workshop, maria) -> None:
    request = JoinRequest(world.opened.learner_invite.code, "again", "maría")
    double = world.house.call(redeem_invite, request).account
    world.house.call(admit, StartRequest("lease", ServerKey(maria.username, "")))
    board = json.loads((await send(f"api/v1/{workshop}/board")).body)
    marked = {row["username"]: (row["double"], row["empty"]) for row in board}
    assert marked[maria.username] == (True, False)
    assert marked[double.username] == (True, True)
    address = f"{workshop}/people/{double.username}/retire"
    assert address in (await send(f"{workshop}/people")).body.decode()
    assert double.username in (await send(address)).body.decode()
    refused = await send(f"{workshop}/people/{maria.username}/retire", data={})
    assert refused.code == 409
    assert "there may be work in it" in refused.body.decode()
    assert (await send(address, data={})).code == 303
    assert world.hub.groups[double.username] == set()
    board = json.loads((await send(f"api/v1/{workshop}/board")).body)
    assert double.username not in {row["username"] for row in board}


async def test_a_double_is_retired_through_the_api(send, world, workshop, maria) -> None:
    request = JoinRequest(world.opened.learner_invite.code, "again", "maría")
    double = world.house.call(redeem_invite, request).account
    path = f"api/v1/{workshop}/board/{double.username}/retire"
    assert (await send(path, method="POST")).code == 204
    assert (await send(path, method="POST")).code == 404


async def test_a_notice_is_shown_until_it_is_put_away(send, world, workshop) -> None:
    username = world.usernames[Role.LEARNER]
    world.house.call(
        approve_key,
        actor_of(world.house, "ana"),
        "andes",
        None,
        username,
        ask(world),
        has_hub_role=False,
    )
    (notice,) = json.loads((await send("api/v1/me/notices", who="learner")).body)
    assert notice["kind"] == "key.approved"
    home = (await send("", who="learner")).body.decode()
    assert notice["detail"] in home
    assert (await send("notices", who="champion", data={"notice": notice["id"]})).code == 303
    assert notice["detail"] in (await send("", who="learner")).body.decode(), "not theirs"
    assert (await send("notices", who="learner", data={"notice": notice["id"]})).code == 303
    assert notice["detail"] not in (await send("", who="learner")).body.decode()
    gone = await send(f"api/v1/me/notices/{notice['id']}", who="learner", method="DELETE")
    assert gone.code == 204
