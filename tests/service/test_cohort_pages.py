"""A cohort's pages: read by its champions, answered by the operator, in the reader's language."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from houses import andes, make_house, open_taller
from sqlalchemy import event
from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.limits import Limit, Quota

OWNED = Quota({"servers": Limit(share=Share(10, may_borrow=0))})


def declared(*slugs: str, cohort: str | None = "sur"):
    champions = {"andes": ("ana",), "brasil": ("bia",)}
    return tuple(
        replace(one, community=replace(one.community, cohort=cohort), quota=OWNED)
        for one in (andes(slug=slug, champions=champions.get(slug, ())) for slug in slugs)
    )


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, communities=declared("andes", "brasil"))
    house.settings = replace(house.settings, communities=frozenset())
    yield house
    house.close()


@pytest.fixture
def visit(service):
    async def visit(path, *, who="champion", language="en", data=None):
        answer = await AsyncHTTPClient().fetch(
            service + path,
            method="GET" if data is None else "POST",
            body=None if data is None else urlencode(data),
            headers={"Authorization": f"token {who}", "Accept-Language": language},
            raise_error=False,
            follow_redirects=False,
        )
        return answer.code, html.unescape(answer.body.decode())

    return visit


def field(page: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]+)"', page)[1]


async def test_an_ask_goes_from_its_form_to_the_answer_that_all_read(visit) -> None:
    typed = {"limit": "servers", "amount": "many", "until": "", "reason": "Un curso en <marzo>"}
    status, page = await visit("communities/andes/ask", data=typed, language="es")
    assert status == 400
    assert 'value="many"' in page
    assert "Un curso en <marzo>" in page
    status, _ = await visit("communities/andes/ask", data={**typed, "amount": "5"})
    assert status == 303
    assert "Communities ask for more" in (await visit("hub", who="operator"))[1]
    _, page = await visit("cohorts/sur", who="bia", language="es")
    assert "pide más de forma duradera" in page
    assert "Un curso en <marzo>" in page
    assert 'value="withdraw"' not in page
    _, page = await visit("cohorts/sur", who="operator")
    form = {name: field(page, name) for name in ("id", "version")}
    status, page = await visit("cohorts/sur", who="operator", data={**form, "action": "decline"})
    assert status == 400
    assert "Please write a text" in page
    answer = {**form, "action": "grant", "answer": "Claro"}
    assert (await visit("cohorts/sur", who="operator", data=answer))[0] == 303
    assert (await visit("cohorts/sur", who="operator", data=answer))[0] == 412
    _, page = await visit("cohorts/sur", who="bia")
    assert "The operator granted it" in page
    assert "Claro" in page
    assert "Communities ask for more" not in (await visit("hub", who="operator"))[1]


@pytest.mark.parametrize(
    ("most", "amount", "sentences"),
    [
        (10, 4, ("no use to it. The operator can raise", "no le serviría. Quien administra")),
        (12, 4, ("it could use 2 servers of a loan.", "solo podría usar 2 servidores.")),
    ],
)
async def test_a_loan_that_could_not_be_used_is_refused_beside_its_amount(
    visit, world, most, amount, sentences
) -> None:
    limits = Quota({"servers": Limit(most=most, share=Share(10, may_borrow=0))})
    brasil = [replace(one, quota=limits) for one in declared("brasil")]
    world.house.call(apply_declarations, brasil, Quota())
    wanted = {"until": "2026-03-02T18:00", "from": "", "to": "brasil", "resource": "servers"}
    form = {**wanted, "amount": str(amount)}
    for language, sentence in zip(("en", "es"), sentences, strict=True):
        status, page = await visit("communities/andes/lend", data=form, language=language)
        assert status == 409
        error = re.search(r'id="amount_error"[^>]*>(.*?)</div>', page, re.S)[1]
        assert sentence in error
    if most > 10:
        rest = {**wanted, "amount": str(most - 10)}
        assert (await visit("communities/andes/lend", data=rest))[0] == 303


async def test_hours_are_lent_on_a_form_and_given_back_on_the_page(visit, call) -> None:
    wanted = {"until": "2026-03-02T18:00", "from": "", "to": "brasil", "resource": "servers"}
    status, page = await visit("communities/andes/lend", data={**wanted, "amount": "11"})
    assert status == 409
    assert "can lend 10 servers" in page
    assert 'value="2026-03-02T18:00"' in page
    status, _ = await visit("communities/andes/lend", data={**wanted, "amount": "4", "until": "?"})
    assert status == 400
    assert (await visit("communities/andes/lend", data={**wanted, "amount": "4"}))[0] == 303
    _, page = await visit("cohorts/sur")
    assert 'value="end"' not in page, "it has begun: who lends waits"
    _, page = await visit("cohorts/sur", who="bia")
    assert "Give it back" in page
    (loan,) = (await call("GET", "cohorts/sur", token="bia"))[1]["loans"]
    for name in ("from", "until"):
        status, page = await visit(
            "communities/andes/lend", data={**wanted, "amount": "4", name: "soon"}
        )
        assert (status, f'id="{name}_error"' in page) == (400, True), name
    assert loan["ends_at"] == "2026-03-02T18:00:00+00:00"
    end = {"action": "end", "id": loan["id"], "community": "brasil"}
    assert (await visit("cohorts/sur", who="bia", data=end))[0] == 303
    shares = (await call("GET", "communities/andes/cohort"))[1]["communities"][0]["shares"][0]
    assert (shares["nominal"], shares["loans_out"]) == (10, 0)


async def test_a_shared_workshop_is_held_elsewhere_in_one_step(visit, world) -> None:
    held = open_taller(world.house, title="Mapas", starts_in=timedelta(hours=-6)).workshop
    share = {"action": "share", "workshop": held.slug}
    assert (await visit("communities/andes/templates", who="instructor", data=share))[0] == 303
    _, page = await visit("communities/brasil/templates", who="bia", language="ar")
    path = re.search(r"communities/brasil/templates/[0-9a-f]{32}", page)[0]
    status, page = await visit(path, who="bia")
    assert status == 200
    assert 'value="Mapas"' in page
    typed = {"title": "Mapas", "language": "pt-BR", "zone": "Nowhere", "first_day": "2026-04-01"}
    assert (await visit(path, who="bia", data=typed))[0] == 400
    typed["zone"] = "America/Sao_Paulo"
    for name, wrong in (("language", "no tag"), ("language", ""), ("first_day", "soon")):
        status, page = await visit(path, who="bia", data={**typed, name: wrong})
        assert (status, f'id="{name}_error"' in page) == (400, True), (name, wrong)
    assert (await visit(path, who="bia", data=typed))[0] == 303
    status, page = await visit("communities/brasil/workshops/mapas", who="bia")
    assert status == 200


async def test_whoever_is_no_champion_of_it_sees_nothing(visit, call) -> None:
    assert (await visit("cohorts/sur", who="learner"))[0] == 403
    assert (await visit("cohorts/sur", who="instructor"))[0] == 403
    assert (await visit("cohorts/norte"))[0] == 404
    assert (await visit("cohorts/sur/shares.svg?resource=gpu.a100"))[0] == 404
    status, picture = await visit("cohorts/sur/shares.svg?resource=servers", language="ar")
    assert status == 200
    assert "<script" not in picture
    assert "cohorts/sur" in (await visit("communities/andes"))[1]
    assert "cohorts/sur" not in (await visit("communities/andes", who="instructor"))[1]


async def test_the_page_asks_as_often_with_many_communities(visit, world) -> None:
    asked = 0

    def count(*_) -> None:
        nonlocal asked
        asked += 1

    async def cost() -> int:
        nonlocal asked
        asked = 0
        event.listen(world.house.database.engine, "before_cursor_execute", count)
        try:
            assert (await visit("cohorts/sur"))[0] == 200
        finally:
            event.remove(world.house.database.engine, "before_cursor_execute", count)
        return asked

    few = await cost()
    many = declared("andes", "brasil", *(f"una-{number}" for number in range(50)))
    world.house.call(apply_declarations, many, Quota())
    assert await cost() == few


async def test_creations_are_made_once_and_answers_are_compared(call) -> None:
    key = {"Idempotency-Key": "una"}
    body = {"limit": "servers", "amount": 2, "reason": "Un curso"}
    first = await call("POST", "communities/andes/asks", body=body, headers=key)
    again = await call("POST", "communities/andes/asks", body=body, headers=key)
    assert first[0] == again[0] == 201
    assert first[1] == again[1]
    loan = {"to": "brasil", "resource": "servers", "amount": 1, "ends_at": "2026-03-03T00:00:00Z"}
    made = [
        (await call("POST", "communities/andes/loans", body=loan, headers={"Idempotency-Key": "l"}))
        for _ in range(2)
    ]
    assert made[0][:2] == made[1][:2]
    assert len((await call("GET", "cohorts/sur"))[1]["loans"]) == 1
    path = f"cohorts/sur/asks/{first[1]['id']}"
    _, _, seen = await call("GET", path)
    tag = {"If-Match": seen["Etag"]}
    said = {"granted": False, "answer": "No"}
    status, answered, _ = await call(
        "POST", f"{path}/answer", token="operator", body=said, headers=tag
    )
    assert (status, answered["state"]) == (200, "declined")
    status, problem, _ = await call(
        "POST", f"{path}/answer", token="operator", body=said, headers=tag
    )
    assert (status, problem["code"]) == (412, "version.outdated")
