"""Quotas and usage on pages and in the API."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

import pytest
from houses import actor_of
from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.application.dividing import read_lines
from jupyterhub_communities.application.ports import Hold
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.quotas import Scope

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
    assert 'data-label="Resource">Servers<' in learner
    assert 'name="lines"' not in learner
    champion = (await page(PATH)).body.decode()
    assert 'name="lines"' in champion
    assert 'value="set"' not in champion, "the file says what the community has"
    assert (await page(PATH, token="bia")).code == 404
    assert (await page("hub/quota")).code == 403
    assert (await page("hub/quota", token="operator")).code == 200


async def test_a_champion_sets_a_workshops_limits_and_tries_the_communitys(page, world) -> None:
    path = f"communities/andes/workshops/{world.opened.workshop.slug}/quota"
    version = re.search(r'name="version" value="(\w+)"', (await page(path)).body.decode())[1]
    first = {"action": "set", "lines": "servers = 2\nmemory = 64Gi", "version": version}
    assert (await page(path, form=first)).code == 303
    assert (await page(path, form=first)).code == 303, "the same form, sent twice"
    assert re.search(r"memory = 64Gi", (await page(path)).body.decode())
    second = await page(path, form={**first, "lines": "servers = 1"})
    shown = unescape(second.body.decode())
    assert second.code == 412
    assert "Somebody else has changed these limits" in shown
    assert "memory = 64Gi" in shown, "what stands"
    assert ">servers = 1</textarea>" in shown, "what was typed"
    assert re.search(r"memory = 64Gi", (await page(path)).body.decode())
    again = re.search(r'name="version" value="(\w+)"', shown)[1]
    last = {**first, "lines": "servers = 1", "version": again}
    assert (await page(path, form=last)).code == 303
    wrong = await page(path, form={"action": "set", "lines": "memory = much"})
    assert (wrong.code, "memory = much" in wrong.body.decode()) == (400, True)
    assert (await page(path, form={"action": "set", "lines": "nonsense"})).code == 400
    assert (await page(path, form={"action": "set", "lines": " = 4"})).code == 400
    for action in ("set", "try"):
        form = {"action": action, "lines": "servers = 2\nservers = 1", "days": "7"}
        twice = await page(path, form=form)
        assert (twice.code, "stands here twice" in twice.body.decode()) == (400, True)
    refused = await page(PATH, form={"action": "set", "lines": "servers = 9"})
    assert refused.code == 409
    tried = (await page(PATH, form={"action": "try", "lines": "servers = 1", "days": "7"})).body
    assert "would have been refused" in tried.decode()
    assert "Equal parts" not in tried.decode()
    equal = {"action": "try", "lines": "servers = 2\nservers each = equal", "days": "7"}
    tried = (await page(PATH, form=equal)).body
    assert "Equal parts of a limit were not tried" in tried.decode()
    assert (await page(PATH, form={"action": "try", "lines": "", "days": "91"})).code == 400


async def test_a_limit_that_stands_is_tried_in_another_spelling(page, house) -> None:
    with house.database.write() as store:
        stands = {"server-time month": "50 server-hours", "server-time 1 day": "9 server-hours"}
        store.limits.set_quota(Scope("andes"), read_lines(stands, Scope("andes"), zone="UTC"))
    assert "server-time month UTC" in (await page(PATH)).body.decode()
    for line in ("server-time month = 20 server-hours", "server-time 1 day = 8 server-hours"):
        tried = await page(PATH, form={"action": "try", "lines": line, "days": "7"})
        assert (tried.code, "would have been refused" in tried.body.decode()) == (200, True)


async def test_the_api_divides_tries_and_exports(call, world) -> None:
    slug = world.opened.workshop.slug
    body = {"workshop": slug, "limits": {"memory": "64Gi", "servers": 2}}
    status, view, _ = await call("PUT", "communities/andes/quotas", body=body)
    assert (status, view["limits"]) == (200, {"memory": "64Gi", "servers": "2"})
    _, view, _ = await call("GET", "communities/andes/quotas", token="learner")
    assert view["held"]["servers"]["limit"] == 3
    assert view["declared"]
    body = {"limits": {"servers": 2, "servers each": "equal"}}
    _, tried, _ = await call("POST", "communities/andes/quotas/simulate", body=body)
    assert tried["left_out"] == ["servers"]
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
    assert (await call("GET", "hub/usage?by=community", token="operator"))[0] == 200
    assert (await call("GET", "hub/usage"))[0] == 403


@pytest.mark.parametrize("table", ["usage", "held"])
@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ("format=xlsx", "usage.choice", "format must be one of: json, csv."),
        ("from=yesterday", "usage.date", "no day: yesterday"),
        ("to=2026-02-30", "usage.date", "no day: 2026-02-30"),
        ("to=0001-01-05", "usage.date", "no day: 0001-01-05"),
        ("from=0001-01-01T00:00Z&to=0001-01-05T00:00Z", "usage.date", "no day: 0001-01-01T00:00Z"),
        ("to=9999-12-31T23:30Z", "usage.date", "no day: 9999-12-31T23:30Z"),
        ("from=2026-03-02&to=2026-03-01", "usage.backwards", "must not be after"),
        ("from=2024-01-01", "usage.period", "from 1 to 366 days"),
        ("days=0", "usage.period", "from 1 to 366 days"),
        ("days=" + "9" * 99, "usage.period", "from 1 to 366 days"),
        ("days=-1", "usage.period", "from 1 to 366 days"),
    ],
)
async def test_a_period_that_is_none_is_refused_in_words(call, table, wrong, code, said) -> None:
    status, problem, _ = await call(
        "GET", f"communities/andes/{table}?{wrong}", headers={"Accept-Language": "en"}
    )
    assert (status, problem["code"]) == (400, code)
    assert said in problem["detail"]


@pytest.mark.parametrize("day", ["0001-01-05", "9999-12-31", "9999-12-31T23:30Z"])
@pytest.mark.parametrize("place", ["quota", "numbers", "report", "held.svg?resource=servers"])
async def test_a_year_that_nobody_means_is_refused_by_pages_and_pictures(page, place, day) -> None:
    mark = "&" if "?" in place else "?"
    answer = await page(f"communities/andes/{place}{mark}from={day}&to={day}")
    assert answer.code == 400
    assert (await page(f"communities/andes/{place}{mark}to={day}")).code == 400


async def test_rows_that_are_none_are_refused_with_those_that_there_are(call) -> None:
    status, problem, _ = await call(
        "GET", "communities/andes/usage?by=moon", headers={"Accept-Language": "en"}
    )
    assert (status, problem["code"]) == (400, "usage.choice")
    assert "hour, day, month, community, workshop, profile, person" in problem["detail"]
    assert (await call("GET", "communities/andes/held?resource=beds"))[0] == 404


def run_server(house, *, hours: float, workshop=None, servers=1) -> None:
    """One that began so long ago and still runs."""
    began = house.clock.now() - timedelta(hours=hours)
    lease = Lease(
        id=f"{hours}",
        server=ServerKey(f"{hours}"),
        account_id=actor_of(house, "ana").account_id,
        scope=Scope("andes", workshop),
        profile="small",
        requested_at=began,
        amounts={"servers": servers, "memory": 2**31},
    )
    with house.database.write() as store:
        store.leases.add(lease)
        store.balances.hold(
            Hold(level, resource, amount, is_first=True)
            for level in lease.scope.path()
            for resource, amount in lease.amounts.items()
        )


async def test_usage_is_had_as_csv_and_json_for_a_period_and_a_step(page, call, house) -> None:
    run_server(house, hours=2)
    _, table, _ = await call("GET", "communities/andes/usage?days=1&by=hour")
    assert [row["amounts"]["server-time"] for row in table["rows"]] == [3600, 3600]
    at = (
        "from=2026-03-02T11:00:00%2B00:00&to=2026-03-02T12:00:00+00:00"  # with a bare plus sign too
    )
    _, table, _ = await call("GET", f"communities/andes/usage?{at}")
    assert [row["amounts"]["server-time"] for row in table["rows"]] == [3600]
    answer = await page("api/v1/communities/andes/usage?days=7&by=day&format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    head, row = answer.body.decode("utf-8-sig").splitlines()
    assert head == "day,name,memory-time,server-time"
    assert row == f"2026-03-02,,{7200 * 2**21},7200"
    _, held, _ = await call("GET", "communities/andes/held?days=1&resource=servers")
    assert held["limit"] == 3
    assert [one["amount"] for one in held["held"]][-9:] == [0, 1, 1, 1, 1, 1, 1, 1, 1]
    lines = (await page("api/v1/communities/andes/held?days=1&format=csv")).body.decode()
    assert lines.splitlines()[-1].split(",")[1:] == ["1", "0", "0", "0", "3"]


async def test_a_member_reads_the_usage_but_not_that_of_people(call, page) -> None:
    assert (await call("GET", "communities/andes/usage?by=day", token="learner"))[0] == 200
    assert (await call("GET", "communities/andes/usage?by=person", token="learner"))[0] == 403
    assert 'value="person"' not in (await page(PATH, token="learner")).body.decode()


async def test_the_page_has_numbers_then_pictures_then_limits(page, house) -> None:
    run_server(house, hours=2)
    text = (await page(f"{PATH}?days=7")).body.decode()
    places = [text.index(part) for part in ("<table", 'id="over-time"', "<picture>", 'id="limits"')]
    assert places == sorted(places)
    assert "Used in this time: 2 server hours and 4 GiB-hours of memory." in text
    assert 'data-label="Resource">Memory<' in text
    assert "2 GiB" in text
    assert 'value="person"' in text
    assert len(text) < 60_000


async def test_empty_places_say_what_to_do(page, world) -> None:
    unused = (await page(f"{PATH}?days=7")).body.decode()
    assert 'id="unused"' in unused
    assert "<picture>" not in unused
    assert 'id="unlimited"' not in unused
    path = f"communities/andes/workshops/{world.opened.workshop.slug}/quota"
    assert "Write the first limit below" in (await page(path)).body.decode()
    assert "Those who run this place" in (await page(path, token="learner")).body.decode()
    version = re.search(r'name="version" value="(\w+)"', (await page(path)).body.decode())[1]
    limits = {"action": "set", "lines": "servers = 2", "version": version}
    assert (await page(path, form=limits)).code == 303
    assert 'id="unlimited"' not in (await page(path)).body.decode()


async def test_a_wrong_day_is_said_at_the_form_and_what_was_typed_stays(page) -> None:
    answer = await page(f"{PATH}?from=2026-03-09&to=2026-03-01")
    text = answer.body.decode()
    assert answer.code == 400
    assert "The first day must not be after the last one." in text
    assert 'value="2026-03-09"' in text
    assert 'name="lines"' in text


async def test_a_picture_runs_no_script_and_loads_nothing(page, house) -> None:
    run_server(house, hours=2)
    for what in ("held.svg?resource=servers", "held.svg?resource=memory&size=narrow"):
        answer = await page(f"communities/andes/{what}&days=90")
        assert answer.headers["Content-Type"] == "image/svg+xml"
        policy = answer.headers["Content-Security-Policy"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        assert len(answer.body) < 20_000
        names = {each.tag.rpartition("}")[2] for each in fromstring(answer.body).iter()}
        assert names <= {"svg", "defs", "style", "g", "rect", "path", "text"}
        assert b"http" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")
    spent = await page("communities/andes/spent.svg?resource=server-time&days=7&lang=es")
    assert "Horas de servidor" in spent.body.decode()
    assert (await page("communities/andes/held.svg?resource=beds")).code == 404
    assert (await page("communities/andes/held.svg?resource=servers", token="bia")).code == 404
    assert (await page("hub/held.svg?resource=servers")).code == 403
    assert (await page("hub/held.svg?resource=servers", token="operator")).code == 200


async def test_a_workshop_has_pictures_and_files_of_its_own(page, house, world) -> None:
    slug = world.opened.workshop.slug
    run_server(house, hours=2, workshop=slug)
    text = (await page(f"communities/andes/workshops/{slug}/quota?days=1")).body.decode()
    for source in re.findall(
        r'(?:src|srcset)="/services/communities/(\S+/(?:held|spent)\.svg\S*)"', text
    ):
        assert source.startswith(f"communities/andes/workshops/{slug}/")
        assert (await page(unescape(source))).code == 200
    numbers = re.search(r'href="/services/communities/(\S+held\?\S*resource=servers\S*)"', text)
    numbers = unescape(numbers[1])
    assert f"workshop={slug}" in numbers
    assert (await page(numbers)).code == 200
