"""The audit trail on its page and in the API: for whom, filtered, page by page, as a file."""

from __future__ import annotations

import csv
import io
import json
from urllib.parse import urlencode

import pytest
from houses import actor_of

from jupyterhub_communities.application.audit import record
from jupyterhub_communities.application.erasure import erase_person, finish_erasure
from jupyterhub_communities.domain.grants import Actor, Role

PAGE = "communities/andes/audit"
OPERATOR = Actor(account_id=None, is_operator=True)


def write(house, number: int, **more) -> None:
    ana = actor_of(house, "ana")
    with house.database.write() as store:
        for n in range(number):
            record(
                house.desk(),
                store,
                ana,
                "workshop:change",
                f"workshop/andes/number-{n}",
                "andes",
                **{"after": {"seats": n}, **more},
            )


async def test_a_champion_reads_what_was_done_in_sentences(visit, world, call) -> None:
    name = world.usernames[Role.LEARNER]
    await call("PUT", f"communities/andes/members/{name}", body={"role": "instructor"})
    text = (await visit(PAGE)).body.decode()
    assert "A person was given another role." in text
    assert ">Persona learner</bdi>" in text
    assert "Learner → Instructor" in text
    assert "member:set-role" not in text.split("<table")[1]
    spanish = (await visit(PAGE, language="es")).body.decode()
    assert "Una persona recibió otro rol." in spanish


async def test_members_read_how_often_and_nobody_else_does(call, world) -> None:
    write(world.house, 4)
    path = "communities/andes/audit/summary"
    _, months, _ = await call("GET", path, token="learner")
    (march,) = months
    assert march["from"].startswith("2026-03-01")
    assert march["actions"]["workshop:change"] is None, "fewer than five could tell who"
    write(world.house, 1)
    _, months, _ = await call("GET", path, token="learner")
    assert months[0]["actions"]["workshop:change"] == 5
    assert (await call("GET", path, token="bia"))[0] == 404


async def test_who_was_erased_has_no_name_any_more(visit, world) -> None:
    house, name = world.house, world.usernames[Role.HELPER]
    erased = house.call(erase_person, OPERATOR, name)
    assert "Persona helper" in (await visit(PAGE)).body.decode()
    house.call(finish_erasure, erased.id)
    text = (await visit(PAGE)).body.decode()
    assert "Somebody erased" in text
    assert "Persona helper" not in text
    assert name not in text


async def test_fifty_on_a_page_there_and_back(visit, world, call) -> None:
    write(world.house, 120)
    everything = (await call("GET", f"{PAGE}?limit=200"))[1]
    ids, path = [], PAGE
    pages = 0
    while path:
        text = (await visit(path)).body.decode()
        rows = text.count("<tr>") - 1
        ids += [entry["id"] for entry in everything[len(ids) : len(ids) + rows]]
        assert rows <= 50
        pages += 1
        older = text.partition('rel="next" href="')[2].partition('"')[0]
        path = older.partition("/services/communities/")[2].replace("&amp;", "&")
    assert pages == len(everything) // 50 + 1
    assert len(ids) == len(everything)
    back = text.partition('rel="prev" href="')[2].partition('"')[0]
    newer = (await visit(back.partition("/services/communities/")[2])).body.decode()
    assert newer.count("<tr>") - 1 == 50


async def test_the_api_goes_on_by_its_links(world, call) -> None:
    write(world.house, 25)
    found, path = [], f"{PAGE}?limit=10"
    while path:
        status, entries, headers = await call("GET", path)
        assert status == 200
        found += [entry["id"] for entry in entries]
        links = dict(
            (link.partition('rel="')[2].rstrip('"'), link.partition("<")[2].partition(">")[0])
            for link in headers.get("Link", "").split(", ")
            if link
        )
        path = links.get("next", "").partition("/api/v1/")[2]
    assert found == sorted(found, reverse=True)
    assert len(found) == len(set(found)) >= 25


async def test_the_trail_is_filtered(world, call) -> None:
    ana = actor_of(world.house, "ana")
    world.house.clock.advance(days=3)
    write(world.house, 3)
    name = world.usernames[Role.LEARNER]
    await call("PUT", f"communities/andes/members/{name}", body={"role": "helper"})
    champion = world.usernames[Role.CHAMPION]

    async def found(**asked):
        return (await call("GET", f"{PAGE}?{urlencode(asked)}"))[1]

    assert {entry["subject"] for entry in await found(subject="workshop/andes/number-1")} == {
        "workshop/andes/number-1"
    }
    assert await found(subject="workshop/andes/number_1") == [], "no pattern, only a beginning"
    assert {entry["action"] for entry in await found(action="invite:redeem")} == {"invite:redeem"}
    assert len(await found(action="workshop:change")) == 3
    about = await found(person=name)
    assert {"invite:redeem", "member:set-role"} == {entry["action"] for entry in about}
    assert {entry["actor_name"] for entry in await found(person=champion)} == {"ana"}
    assert await found(person="ana") == await found(person=ana.account_id)
    day = f"{world.house.clock.now():%Y-%m-%d}"
    assert len(await found(**{"from": day})) == 4
    assert len(await found(**{"from": day, "action": "workshop:change"})) == 3
    assert not [e for e in await found(to="2026-03-04") if e["action"] == "workshop:change"]
    assert await found(person="nobody-here") == []


async def test_a_day_that_is_none_is_said_at_its_field_and_kept(visit, call) -> None:
    page = await visit(f"{PAGE}?from=yesterday&person=luz")
    assert page.code == 400
    text = page.body.decode()
    assert 'role="alert"' in text
    assert 'value="yesterday"' in text
    assert 'value="luz"' in text
    status, problem, _ = await call("GET", f"{PAGE}?to=2026-13-01")
    assert (status, problem["code"]) == (400, "usage.date")


@pytest.mark.parametrize("asked", ["after=x", "limit=0", "limit=9999", "format=xml"])
async def test_what_cannot_be_read_is_refused(call, asked) -> None:
    assert (await call("GET", f"{PAGE}?{asked}"))[0] == 400


@pytest.mark.parametrize("asked", ["before=x", "after=-1", "before=99999999999"])
async def test_a_place_that_is_none_is_no_page(visit, asked) -> None:
    assert (await visit(f"{PAGE}?{asked}")).code == 400


async def test_all_that_is_found_is_exported(visit, world, call) -> None:
    write(world.house, 1100)
    write(world.house, 1, after={"because": "=1+1"})
    page = await visit(f"api/v1/{PAGE}?format=csv&action=workshop:change")
    assert page.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    text = page.body.decode()
    assert text.startswith("\ufeffid,at,actor,actor_name,")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 1101
    assert {row["actor_name"] for row in rows} == {"ana"}
    assert json.loads(rows[1]["after"]) == {"seats": 1099}
    page = await visit(f"api/v1/{PAGE}?format=json&action=workshop:change")
    assert [entry["id"] for entry in json.loads(page.body)] == [int(row["id"]) for row in rows]
    nothing = await visit(f"api/v1/{PAGE}?format=json&action=nothing")
    assert json.loads(nothing.body) == []


async def test_who_may_not_read_it_gets_no_file_either(visit) -> None:
    for kind in ("csv", "json"):
        page = await visit(f"api/v1/{PAGE}?format={kind}", who="instructor")
        assert page.code == 403
        assert "Content-Disposition" not in page.headers


async def test_the_other_members_read_how_often_and_no_small_numbers(visit, world) -> None:
    write(world.house, 7)
    write(world.house, 0)
    text = (await visit(PAGE, who="learner")).body.decode()
    assert "March 2026" in text
    change = text.partition("A workshop was changed.")[2].partition("</tr>")[0]
    assert ">7<" in change
    opened = text.partition("A workshop was opened.")[2].partition("</tr>")[0]
    assert "Fewer than 5 times" in opened
    assert "ana" not in text.partition("<main")[2]
    assert (await visit(PAGE, who="bia")).code == 404


async def test_the_operator_reads_the_whole_hub(visit, call, world) -> None:
    await call("PUT", f"hub/people/{world.usernames[Role.LEARNER]}/block", token="operator")
    text = (await visit("hub/audit", who="operator")).body.decode()
    assert "A person was blocked." in text
    assert (await visit("hub/audit", who="champion")).code == 403
    status, entries, _ = await call("GET", "hub/audit?action=account:block", token="operator")
    assert (status, len(entries)) == (200, 1)


async def test_an_empty_trail_says_what_to_do(visit) -> None:
    text = (await visit(f"{PAGE}?action=quota:set")).body.decode()
    assert "Nothing like this is in the trail." in text


async def test_the_requests_id_stands_in_the_entry_and_in_the_answer(visit, call, world) -> None:
    given = {"X-Request-ID": "proxy-0123456789abcdef"}
    status, _, headers = await call("POST", "communities/andes/invites", body={}, headers=given)
    assert (status, headers["X-Request-ID"]) == (201, given["X-Request-ID"])
    page = await visit("communities/andes/codes", data={"role": "learner"}, headers=given)
    assert page.code == 303
    newest = (await call("GET", f"{PAGE}?limit=2"))[1]
    assert [entry["request_id"] for entry in newest] == [given["X-Request-ID"]] * 2


@pytest.mark.parametrize("given", [None, "short", "x" * 65, "with blank in it", "új-kérés-0001"])
async def test_an_id_that_is_not_sane_is_replaced(call, given) -> None:
    sent = {} if given is None else {"X-Request-ID": given.encode("utf-8").decode("latin-1")}
    _, _, headers = await call("POST", "communities/andes/invites", body={}, headers=sent)
    made = headers["X-Request-ID"]
    assert made != given
    assert len(made) == 32
    assert (await call("GET", f"{PAGE}?limit=1"))[1][0]["request_id"] == made


async def test_requests_at_one_time_keep_their_ids_apart(call) -> None:
    import asyncio

    ids = [f"request-{n:04}" for n in range(20)]
    await asyncio.gather(
        *(
            call("POST", "communities/andes/invites", body={}, headers={"X-Request-ID": one})
            for one in ids
        )
    )
    entries = (await call("GET", f"{PAGE}?limit=20"))[1]
    assert sorted(entry["request_id"] for entry in entries) == ids
