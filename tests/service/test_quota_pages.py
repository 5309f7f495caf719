"""Quotas and usage on pages and in the API."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient

PATH = "communities/andes/quota"


@pytest.fixture
def page(service):
    async def page(path, *, token="champion", form=None):
        headers = {"Authorization": f"token {token}", "Accept-Language": "en"}
        return await AsyncHTTPClient().fetch(
            f"{service}{path}",
            method="GET" if form is None else "POST",
            headers=headers,
            body=None if form is None else urlencode(form),
            raise_error=False,
            follow_redirects=False,
        )

    return page


async def test_members_read_the_limits_and_only_champions_have_the_form(page) -> None:
    learner = (await page(PATH, token="learner")).body.decode()
    assert "servers" in learner
    assert 'name="lines"' not in learner
    champion = (await page(PATH)).body.decode()
    assert 'name="lines"' in champion
    assert 'value="set"' not in champion, "the file says what the community has"
    assert (await page(PATH, token="bia")).code == 404
    assert (await page("hub/quota")).code == 403
    assert (await page("hub/quota", token="operator")).code == 200


async def test_a_champion_sets_a_workshops_limits_and_tries_the_communitys(page, world) -> None:
    path = f"communities/andes/workshops/{world.opened.workshop.slug}/quota"
    done = await page(path, form={"action": "set", "lines": "servers = 2\nmemory = 64Gi"})
    assert done.code == 303
    assert re.search(r"memory = 64Gi", (await page(path)).body.decode())
    wrong = await page(path, form={"action": "set", "lines": "memory = much"})
    assert (wrong.code, "memory = much" in wrong.body.decode()) == (400, True)
    assert (await page(path, form={"action": "set", "lines": "nonsense"})).code == 400
    refused = await page(PATH, form={"action": "set", "lines": "servers = 9"})
    assert refused.code == 409
    tried = (await page(PATH, form={"action": "try", "lines": "servers = 1", "days": "7"})).body
    assert "would have been refused" in tried.decode()
    assert (await page(PATH, form={"action": "try", "lines": "", "days": "91"})).code == 400


async def test_the_api_divides_tries_and_exports(call, world) -> None:
    slug = world.opened.workshop.slug
    body = {"workshop": slug, "limits": {"memory": "64Gi", "servers": 2}}
    status, view, _ = await call("PUT", "communities/andes/quotas", body=body)
    assert (status, view["limits"]) == (200, {"memory": "64Gi", "servers": "2"})
    _, view, _ = await call("GET", "communities/andes/quotas", token="learner")
    assert view["held"]["servers"]["limit"] == 3
    assert view["declared"]
    body = {"limits": {"beds": 3}}
    status, problem, _ = await call("POST", "communities/andes/quotas/simulate", body=body)
    assert (status, problem["code"]) == (400, "quota.limit")
    status, problem, _ = await call("PUT", "communities/andes/quotas", body={"limits": {}})
    assert (status, problem["code"]) == (409, "declared")
    for method, path, body in (
        ("GET", "hub/quotas?workshop=andes", None),
        ("PUT", "hub/quotas", {"workshop": "andes", "limits": {"servers": 999}}),
        ("POST", "hub/quotas/simulate", {"workshop": "andes", "limits": {"servers": 999}}),
    ):
        status, problem, _ = await call(method, path, token="operator", body=body)
        assert (status, problem["code"]) == (404, "not_found")
    for wrong in ("by=moon", "from=yesterday", "from=2026-03-02&to=2026-03-01"):
        status, problem, _ = await call("GET", f"communities/andes/usage?{wrong}")
        assert (status, problem["code"]) == (400, "usage.period")
    assert (await call("GET", "hub/usage?by=community", token="operator"))[0] == 200
    assert (await call("GET", "hub/usage"))[0] == 403
