"""My data, erasure, and the operator's verbs: on pages and in the API."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.service.erasures import Erasures


@pytest.fixture
def call(service):
    async def call(method, path, *, token="learner", body=None, form=None, language="es"):
        return await AsyncHTTPClient().fetch(
            f"{service}{path}",
            method=method,
            headers={
                "Authorization": f"token {token}",
                "Accept-Language": language,
                "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
            },
            body=urlencode(form) if form else None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            raise_error=False,
            follow_redirects=False,
        )

    return call


@pytest.fixture
def luz(world):
    return world.usernames[Role.LEARNER]


def account_of(world, username):
    return world.house.call(find_person, username).account


async def test_my_data_is_shown_taken_along_and_erased(call, world, luz) -> None:
    page = (await call("GET", "me")).body.decode()
    assert luz in page
    assert "Comunidad Andes" in page
    export = await call("GET", "api/v1/me/export")
    assert "attachment" in export.headers["Content-Disposition"]
    assert json.loads(export.body)["accounts"][0]["username"] == luz

    wrong = await call("POST", "me", form={"action": "erase", "username": "somebody"})
    assert wrong.code == 400
    assert "Este no es tu nombre de usuario. No se borró nada." in wrong.body.decode()
    assert world.hub.gone == set()

    done = await call("POST", "me", form={"action": "erase", "username": luz})
    assert "Tu cuenta está borrada." in done.body.decode()
    assert world.hub.gone == {luz}
    assert account_of(world, luz) is None


@pytest.mark.parametrize("away", [False, True])
async def test_erasing_oneself_over_the_api(call, world, luz, away) -> None:
    world.hub.away_for = {luz} if away else set()
    assert (await call("DELETE", "api/v1/me", body={"username": "x"})).code == 400
    answer = await call("DELETE", "api/v1/me", body={"username": luz})
    assert answer.code == (202 if away else 204)
    assert (account_of(world, luz) is None) is not away
    if away:
        refused = json.loads((await call("GET", "api/v1/me")).body)
        assert refused["code"] == "access.erased", "out at once, though the hub is away"
        world.hub.away_for = set()
        await Erasures(world.house, world.hub).pass_once()
        assert account_of(world, luz) is None


async def test_one_erasure_that_fails_holds_no_other_up(call, world, luz) -> None:
    other = world.usernames[Role.HELPER]
    world.hub.away_for = {luz, other}
    for token, name in (("learner", luz), ("helper", other)):
        assert (await call("DELETE", "api/v1/me", token=token, body={"username": name})).code == 202
    world.hub.away_for = {luz}
    erasures = Erasures(world.house, world.hub)
    await erasures.pass_once()
    assert account_of(world, other) is None
    assert account_of(world, luz) is not None
    world.hub.away_for = set()
    await erasures.pass_once()
    assert account_of(world, luz) is None


async def test_a_champion_plans_an_erasure_and_the_person_stops_it(call, world, luz) -> None:
    path = f"api/v1/communities/andes/members/{luz}/erasure"
    assert (await call("PUT", path, token="instructor")).code == 403
    planned = await call("PUT", path, token="champion")
    assert planned.code == 202
    assert json.loads(planned.body)["erase_at"].startswith("2026-03-09")
    assert "se borrará el 9 de marzo de 2026" in (await call("GET", "me")).body.decode()
    assert (await call("POST", "me", form={"action": "stop"})).code == 303
    assert account_of(world, luz).erase_at is None
    await call("PUT", path, token="champion")
    assert (await call("DELETE", "api/v1/me/erasure")).code == 204
    await call("PUT", path, token="champion")
    assert (await call("DELETE", path, token="champion")).code == 204
    assert account_of(world, luz).erase_at is None


async def test_a_last_champion_is_told_why_they_cannot_be_erased(call, world) -> None:
    answer = await call("DELETE", "api/v1/me", token="champion", body={"username": "ana"})
    assert (answer.code, json.loads(answer.body)["code"]) == (409, "declared")


async def test_the_operator_blocks_and_unblocks(call, world, luz) -> None:
    server = ServerKey(luz)
    world.hub.running[server] = RunningServer(server, ready=True)
    path = f"api/v1/hub/people/{luz}/block"
    for token in ("champion", "learner"):
        assert (await call("PUT", path, token=token)).code == 403
    blocked = await call("PUT", path, token="operator")
    assert json.loads(blocked.body)["blocked_at"]
    assert world.hub.running == {}, "at once, not by the next pass"
    assert world.hub.revoked == {luz: False}
    refused = await call("GET", "api/v1/me")
    assert (refused.code, json.loads(refused.body)["code"]) == (403, "access.blocked")
    assert "bloqueó tu cuenta" in (await call("GET", "")).body.decode()
    assert luz in (await call("GET", "hub", token="operator")).body.decode()
    assert (await call("DELETE", path, token="operator")).code == 200
    assert (await call("GET", "api/v1/me")).code == 200
    assert world.hub.groups[luz]


async def test_the_operator_suspends_and_resumes(call, world) -> None:
    path = "api/v1/communities/andes"
    body = {"because": "mining"}
    assert (await call("POST", f"{path}/suspend", token="champion", body=body)).code == 403
    assert (await call("POST", f"{path}/suspend", token="operator", body={})).code == 422
    suspended = await call("POST", f"{path}/suspend", token="operator", body=body)
    assert json.loads(suspended.body)["suspended_at"]
    assert json.loads((await call("GET", "api/v1/me")).body)["code"] == "community.suspended"
    assert (await call("POST", f"{path}/resume", token="operator")).code == 200
    assert (await call("GET", "api/v1/me")).code == 200


async def test_the_operators_page_does_the_same(call, world, luz) -> None:
    assert (await call("GET", "hub", token="champion")).code == 403
    andes = "hub/communities/andes"
    forms = [
        (andes, {"action": "suspend", "because": "mining"}),
        (andes, {"action": "resume"}),
        ("hub", {"action": "block", "name": luz}),
        ("hub", {"action": "unblock", "name": luz}),
    ]
    codes = []
    for page, form in forms:
        assert (await call("POST", page, token="operator", form=form)).code == 303
        codes.append((await call("GET", "api/v1/me")).code)
    assert codes == [403, 200, 403, 200]


async def test_the_operator_erases_somebody(call, world, luz) -> None:
    assert (await call("DELETE", f"api/v1/hub/people/{luz}", token="champion")).code == 403
    assert (await call("DELETE", f"api/v1/hub/people/{luz}", token="operator")).code == 204
    assert (await call("DELETE", f"api/v1/hub/people/{luz}", token="operator")).code == 404
    assert account_of(world, luz) is None


async def test_a_removed_member_is_told_until_when_files_can_be_taken_along(call, world, luz):
    assert (
        await call("DELETE", f"api/v1/communities/andes/members/{luz}", token="champion")
    ).code == 204
    assert world.hub.revoked == {luz: True}, "at once"
    assert "Hasta el 16 de marzo de 2026" in (await call("GET", "")).body.decode()
    me = json.loads((await call("GET", "api/v1/me")).body)
    assert (me["access"], me["grace_until"][:10]) == ("grace", "2026-03-16")
    world.house.clock.advance(days=15)
    assert json.loads((await call("GET", "api/v1/me")).body)["code"] == "access.ended"
