"""What goes wrong is told in the reader's language, with the right status, and nothing is half-done."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest
from houses import actor_of, andes, most_servers
from tornado.httpclient import AsyncHTTPClient
from tornado.web import create_signed_value
from visiting import text_of

from jupyterhub_communities.application.changing import view_to_change
from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite, list_invites
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.refusals import (
    LastChampion,
    NamesInvalid,
    Refusal,
    SeatsTaken,
    SessionsInvalid,
)
from jupyterhub_communities.i18n.messages import messages_for, offered
from jupyterhub_communities.pages.refusals import sentence_of

LANGUAGES = ("en", "es", "ar")
FORM = {
    "title": "Mapas",
    "language": "es",
    "zone": "America/Lima",
    "seats": "5",
    "day_0": "2030-03-02",
    "from_0": "09:00",
    "to_0": "12:00",
}


def said(refusal: Refusal, language: str) -> str:
    return " ".join(sentence_of(refusal, messages_for(language)).split())


def stands(world):
    place = (actor_of(world.house, "ana"), "andes", world.opened.workshop.slug)
    return world.house.call(view_to_change, *place)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_workshop_that_closes_before_it_opens(visit, world, language) -> None:
    wrong = {**FORM, "from_0": "12:00", "to_0": "09:00"}
    page = await visit("communities/andes/workshops/new", data=wrong, language=language)
    assert page.code == 400
    assert said(SessionsInvalid(), language) in text_of(page)
    assert 'value="Mapas"' in page.body.decode(), "drawn again with what was typed"
    assert (await visit("communities/andes/workshops/mapas", language=language)).code == 404


@pytest.mark.parametrize("language", LANGUAGES)
async def test_seats_below_those_taken(visit, world, taller, language) -> None:
    code = world.opened.learner_invite.code
    for name in ("Rosa", "Luz"):
        world.house.call(redeem_invite, JoinRequest(code, name, name))
    before = stands(world)
    form = {**FORM, "seats": "1", "version": before.version}
    page = await visit(f"{taller}/change", data=form, language=language)
    assert page.code == 409
    assert said(SeatsTaken(taken=2), language) in text_of(page)
    assert 'value="Mapas"' in page.body.decode()
    assert stands(world) == before, "nothing is half-done"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_two_champions_who_change_one_workshop(visit, world, taller, language) -> None:
    version = stands(world).version
    first = {**FORM, "title": "Primera", "version": version}
    assert (await visit(f"{taller}/change", data=first, language=language)).code == 303
    second = {**FORM, "title": "Segunda", "version": version}
    page = await visit(f"{taller}/change", data=second, language=language)
    assert page.code == 412
    told = messages_for(language).gettext(
        "Somebody else has changed this workshop since you opened this form. What you typed stands "
        "below and is not kept yet. Save again to keep it in place of this:"
    )
    assert " ".join(told.split()) in text_of(page)
    assert 'value="Segunda"' in page.body.decode(), "what the second typed is not lost"
    assert "Primera" in page.body.decode(), "and what the first did is shown"
    assert stands(world).title == "Primera"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_last_champion_stays(call, world, language) -> None:
    house = world.house
    sahel = andes(slug="sahel", champions=())
    house.call(apply_declarations, (andes(), sahel), most_servers(None))
    wanted = NewInvite(role=Role.CHAMPION)
    issued = house.call(issue_invite, Actor(None, is_operator=True), "sahel", wanted)
    name = house.call(redeem_invite, JoinRequest(issued.code, "a", "Awa")).account.username
    world.tokens["awa"] = world.model(name)
    path = f"communities/sahel/members/{name}"
    spoken = {"Accept-Language": language}
    for method, body in (("DELETE", None), ("PUT", {"role": "learner"})):
        status, problem, _ = await call(method, path, token="awa", body=body, headers=spoken)
        assert (status, problem["code"]) == (409, "community.last_champion")
        assert problem["detail"] == sentence_of(LastChampion(), messages_for(language))
    assert (await call("GET", path, token="awa"))[1]["role"] == "champion"


def rows(count: int, bad: dict[int, str]) -> str:
    """A spreadsheet's CSV: a heading, then a name in each line."""
    return "\n".join(
        ["nombre,curso", *(f"{bad.get(n, f'Persona {n}')},1" for n in range(2, count + 2))]
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("count", "most"), [(10_001, 10_000), (10_000, None)])
async def test_a_long_list_with_three_bad_names(
    visit, world, taller, language, count, most
) -> None:
    champion = actor_of(world.house, "ana")
    before = world.house.call(list_invites, champion, "andes")
    bad = {17: "x" * 200, 512: "\u202eraro", count: "…"}
    boundary = "----form"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="action"\r\n\r\nbatch\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="role"\r\n\r\nlearner\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="names_file"; filename="n.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{rows(count, bad)}\r\n--{boundary}--\r\n"
    ).encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    page = await visit(f"{taller}/codes", body=body, headers=kind, language=language)
    assert page.code == 400
    assert said(NamesInvalid(tuple(bad), most=most), language) in text_of(page)
    assert world.house.call(list_invites, champion, "andes") == before, "nothing is half-done"


async def test_the_api_tells_which_names_too(call, world) -> None:
    before = world.house.call(list_invites, actor_of(world.house, "ana"), "andes")
    names = [f"Persona {number}" for number in range(1, 10_001)]
    for line, bad in ((17, "x" * 200), (512, "\u202eraro"), (10_000, " ")):
        names[line - 1] = bad
    status, problem, _ = await call("POST", "communities/andes/batches", body={"names": names})
    assert (status, problem["code"]) == (400, "names.invalid")
    assert "lines 17, 512, and 10,000 cannot be used" in problem["detail"]
    assert world.house.call(list_invites, actor_of(world.house, "ana"), "andes") == before


@pytest.mark.parametrize("language", offered())
async def test_a_hub_that_is_down_while_a_form_is_open(
    visit, world, service, taller, language
) -> None:
    """Nobody is known, so nothing is done; what was typed comes back, to be sent once more."""
    hub_auth = world.hub_auth
    good, hub_auth.api_url = hub_auth.api_url, "http://127.0.0.1:1/hub/api"
    typed = {**FORM, "title": "Títulos <largos>"}
    page = await visit("communities/andes/workshops/new", data=typed, language=language)
    messages = messages_for(language)
    assert page.code == 502
    assert messages.gettext("The hub does not answer. Please try again in a minute.") in text_of(
        page
    )
    form = page.body.decode()
    fields = {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
    }
    assert fields == typed
    hub_auth.api_url = good
    again = await visit("communities/andes/workshops/new", data=fields, language=language)
    assert again.code == 303


async def test_the_api_says_so_too_and_keeps_what_is_secret(world, visit, call, taller) -> None:
    world.hub_auth.api_url = "http://127.0.0.1:1/hub/api"
    status, problem, _ = await call("GET", "me")
    assert (status, problem["code"]) == (502, "http.502")
    form = {"username": "somebody", "number": "123456"}
    page = await visit(f"{taller}/keys", data=form, language="en")
    assert page.code == 502
    assert "somebody" in page.body.decode()
    assert "123456" not in page.body.decode()


async def test_a_form_that_was_never_good_is_no_better_sent_again(world, visit, service) -> None:
    """The page of a hub that is down makes no form's token for what another page has sent."""
    hub_auth = world.hub_auth
    good, hub_auth.api_url = hub_auth.api_url, "http://127.0.0.1:1/hub/api"
    cookie = create_signed_value(b"s" * 32, "service-communities", "champion").decode()
    headers = {"Cookie": f'service-communities="{cookie}"'}
    path = f"{service}communities/andes/workshops/new"

    async def send(fields):
        return await AsyncHTTPClient().fetch(
            path,
            method="POST",
            body=urlencode(fields),
            headers=headers,
            raise_error=False,
            follow_redirects=False,
        )

    page = await send({**FORM, "_xsrf": "foreign"})
    form = page.body.decode()
    fields = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form))
    assert fields["_xsrf"] == "foreign"
    hub_auth.api_url = good
    again = await send(fields)
    assert again.code == 200
    assert "Please send the form once more." in text_of(again)
