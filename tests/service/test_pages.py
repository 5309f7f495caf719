"""The pages: drawn for each role, protected, bounded."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from houses import actor_of, andes, most_servers, open_taller
from sqlalchemy import event
from tornado.httpclient import AsyncHTTPClient
from visiting import text_of

from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import list_invites, revoke_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.workshops import (
    close_workshop,
    list_workshops,
    view_workshop,
)
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.stops import StopReason
from jupyterhub_communities.service.timers import reconcile_once

FORM = {
    "title": "Mapas",
    "language": "es",
    "zone": "America/Lima",
    "seats": "5",
    "day_0": "2030-03-02",
    "from_0": "09:00",
    "to_0": "12:00",
}


@pytest.mark.parametrize("page", ["communities/andes/workshops/new", "{taller}/close"])
async def test_who_may_not_open_or_close_a_workshop_reads_who_can(visit, taller, page) -> None:
    answer = await visit(page.format(taller=taller), who="learner")
    assert answer.code == 403
    assert "instructors may do this" in text_of(answer), text_of(answer)


@pytest.mark.parametrize("page", ["communities/andes/workshops/new", "{taller}/change"])
async def test_enter_in_a_field_sends_the_form_and_adds_no_session(visit, taller, page) -> None:
    """A browser then presses the first button that there is."""
    text = (await visit(page.format(taller=taller))).body.decode()
    form = text[text.index('<form method="post"') :]
    assert "name=" not in re.search(r"<button[^>]*>", form)[0]


@pytest.mark.parametrize("language", ["en", "es", "pt-BR"])
@pytest.mark.parametrize("who", ["learner", "helper", "instructor", "champion", "operator"])
async def test_every_page_is_drawn_for_every_role_in_every_language(
    visit, world, who, language
) -> None:
    workshop = f"communities/andes/workshops/{world.opened.workshop.slug}"
    paths = ["", "communities/andes", workshop]
    if who != "learner":
        paths += [f"{workshop}/keys"]
    if who in ("champion", "operator"):
        paths += ["communities/andes/keys"]
    if who in ("instructor", "champion", "operator"):
        paths += ["communities/andes/workshops/new", f"{workshop}/close"]
    for path in paths:
        page = await visit(path, who=who, language=language)
        text = page.body.decode()
        assert page.code == 200, path
        assert f'<html lang="{language}"' in text
        code = world.opened.learner_invite.code
        may_see = who in ("instructor", "champion", "operator") and path == workshop
        assert (code in text) == may_see
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|style=|onclick", text), "nothing inline"


async def test_who_is_not_signed_in_is_sent_to_the_hub(visit) -> None:
    page = await visit("communities/andes", who=None)
    assert page.code == 302
    assert "oauth2/authorize" in page.headers["Location"]


@pytest.mark.parametrize(
    ("path", "who", "status"),
    [
        ("communities/andes", "bia", 404),
        ("communities/nowhere", "champion", 404),
        ("communities/andes/workshops/nowhere", "champion", 404),
        ("communities/andes/workshops/new", "learner", 403),
        ("nowhere", "champion", 404),
        ("", "server", 403),
    ],
)
async def test_what_is_not_yours_is_a_page_with_a_sentence(visit, path, who, status) -> None:
    page = await visit(path, who=who, language="es")
    assert page.code == status
    assert "No funcionó" in page.body.decode()


async def test_a_form_opens_a_workshop(visit, world) -> None:
    page = await visit("communities/andes/workshops/new", data=FORM)
    assert page.code == 303
    assert page.headers["Location"].endswith("/communities/andes/workshops/mapas")
    view = world.house.call(view_workshop, actor_of(world.house, "ana"), "andes", "mapas")
    assert view.workshop.starts_at.isoformat() == "2030-03-02T14:00:00+00:00"


async def test_a_form_keeps_servers_for_the_sessions_and_the_page_gives_them_up(visit) -> None:
    data = {**FORM, "profile": "small", "seats": "3", "reserved": "yes"}
    page = await visit("communities/andes/workshops/new", data={**data, "seats": ""})
    assert page.code == 400
    assert "please give the number of seats" in page.body.decode()
    page = await visit("communities/andes/workshops/new", data={**data, "seats": "4"})
    text = page.body.decode()
    assert page.code == 409
    assert "needs 4 servers. The community can reserve 3 servers for it." in text
    assert re.search(r'id="reserved"[^>]*checked', text)
    assert (await visit("communities/andes/workshops/new", data=data)).code == 303
    place = "communities/andes/workshops/mapas"
    text = (await visit(place)).body.decode()
    assert "Kept for each session: 3 servers, 1.5 processors, and 1.54 GB of memory." in text
    assert "Keep no servers any more" in text
    assert (await visit(f"{place}/reserve", data={"reserved": "no"})).code == 303
    assert "Kept for each session" not in (await visit(place)).body.decode()
    assert (await visit(f"{place}/reserve", data={"reserved": "yes"})).code == 303
    refused = await visit(f"{place}/reserve", who="helper", data={"reserved": "no"})
    assert refused.code == 403


@pytest.mark.parametrize(
    ("typed", "says", "fits"),
    [
        ({}, "Kept for each session: 3 servers, 1.5 processors, and 1.54 GB of memory.", True),
        ({"title": " "}, "Kept for each session: 3 servers", True),
        ({"seats": "4"}, "The community can reserve 3 servers for it.", False),
        ({"seats": ""}, "please give the number of seats", False),
        ({"to_0": ""}, "", True),
        ({"zone": "Mars"}, "", True),
        ({"reserved": ""}, "", True),
    ],
)
async def test_while_a_form_is_filled_in_it_is_told_what_would_be_kept(
    visit, world, typed, says, fits
) -> None:
    data = {**FORM, "profile": "small", "seats": "3", "reserved": "yes", **typed}
    before = world.house.call(list_workshops, actor_of(world.house, "ana"), "andes")
    page = await visit("communities/andes/workshops/new", data={**data, "action": "check"})
    told = json.loads(page.body)
    assert (page.code, told["fits"]) == (200, fits)
    assert says in told["says"] if says else told["says"] == ""
    assert world.house.call(list_workshops, actor_of(world.house, "ana"), "andes") == before
    refused = await visit(
        "communities/andes/workshops/new", who="helper", data={**data, "action": "check"}
    )
    assert refused.code == 403


async def test_the_community_page_says_who_must_give_after_a_limit_was_cut(visit, world) -> None:
    data = {**FORM, "profile": "small", "seats": "3", "reserved": "yes"}
    await visit("communities/andes/workshops/new", data=data)
    assert 'id="overbooked"' not in (await visit("communities/andes")).body.decode()
    world.house.call(apply_declarations, (andes(servers=1),), most_servers(None))
    text = (await visit("communities/andes")).body.decode()
    assert "Kept for workshops: 3 servers; the community has: 1 server." in text
    assert "The workshop Mapas has to give 2 servers." in text
    assert 'id="overbooked"' not in (await visit("communities/andes", who="learner")).body.decode()
    world.house.call(apply_declarations, (andes(servers=10),), most_servers(1))
    text = (await visit("communities/andes")).body.decode()
    assert "Kept for workshops of all communities: 3 servers; this hub has: 1 server." in text
    assert text.count("The workshop Mapas has to give 2 servers.") == 1
    assert "has to give 2 servers" in (await visit("hub", who="operator")).body.decode()


async def test_the_community_page_lists_what_is_open_or_coming_and_leads_to_the_rest(
    visit, world
) -> None:
    house = world.house
    assert 'id="all-workshops"' not in (await visit("communities/andes")).body.decode()
    coming = open_taller(house, title="Mapas", starts_in=timedelta(days=9)).workshop
    for number in range(55):
        open_taller(house, title=f"Pasado {number}", starts_in=timedelta(days=-30 - number))
    closed = open_taller(house, title="Cerrado").workshop
    house.call(close_workshop, actor_of(house, "ana"), "andes", closed.slug)

    def listed(page) -> list[str]:
        return re.findall(r'<td data-label="Workshop"><a [^>]*>([^<]*)', page)

    page = html.unescape((await visit("communities/andes")).body.decode())
    assert listed(page) == ["Taller de Python", "Mapas"], "the first to begin first"
    assert "All workshops, also past ones (58)" in page
    pages, path = [], "communities/andes/workshops"
    while path:
        page = html.unescape((await visit(path)).body.decode())
        pages.append(listed(page))
        more = re.search(r'rel="next" href="[^"]*/(communities/[^"]+)"', page)
        path = more and more[1]
    assert [len(one) for one in pages] == [50, 8]
    assert {"Cerrado", "Mapas", "Pasado 0", "Pasado 54"} <= {one for part in pages for one in part}
    house.clock.time = coming.ends_at
    page = (await visit("communities/andes")).body.decode()
    assert "No workshop is open or coming." in page
    assert listed(page) == []


async def test_who_belongs_to_one_workshop_is_shown_that_one(visit, world) -> None:
    open_taller(world.house, title="Mapas")
    request = JoinRequest(world.opened.learner_invite.code, "luz", "Luz")
    world.tokens["luz"] = world.model(world.house.call(redeem_invite, request).account.username)
    for path in ("communities/andes", "communities/andes/workshops"):
        page = (await visit(path, who="luz")).body.decode()
        assert ("Taller de Python" in page, "Mapas" in page) == (True, False)
        assert 'id="all-workshops"' not in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": ""}, "Please write a title"),
        ({"zone": "Mars/Base"}, "Mars/Base is not a time zone."),
        ({"zone": ""}, "is not a time zone."),
        ({"seats": "0"}, "Please give a number from 1 to"),
        ({"seats": "many"}, "Please give a number from 1 to"),
        ({"seats": "9" * 200}, "Please give a number from 1 to"),
        ({"servers": "-1"}, "Please give a number from 1 to"),
        ({"language": "klingon"}, "Please choose a language."),
        ({"profile": "huge"}, "There is no such profile."),
        ({"to_0": "08:00"}, "Each session must end after it starts"),
        ({"day_0": "0001-01-01", "zone": "Asia/Tokyo", "from_0": "00:00"}, "Each session must end"),
        ({"day_0": "9999-12-31"}, "Each session must end"),
        ({"day_0": "9999-12-31", "to_0": "00:00"}, "Please give day, start and end"),
        ({"from_0": ""}, "Please give day, start and end of each session."),
        ({"day_0": "2030-02-30"}, "Please give day, start and end of each session."),
        ({"day_0": "", "from_0": "", "to_0": ""}, "Please give at least one session."),
    ],
)
async def test_a_form_that_does_not_hold_keeps_what_was_typed(visit, change, sentence) -> None:
    page = await visit(
        "communities/andes/workshops/new", data={**FORM, "title": "Típico", **change}
    )
    text = page.body.decode()
    assert page.code == 400
    assert sentence in text
    if "title" not in change:
        assert 'value="Típico"' in text


async def test_a_field_that_is_no_text_comes_back_with_the_others(visit) -> None:
    page = await visit("communities/andes/workshops/new", data={**FORM, "zone": b"\xff"})
    assert page.code == 400
    assert "is not a time zone." in page.body.decode()
    assert 'value="Mapas"' in page.body.decode()


async def test_another_session_adds_a_row_and_keeps_what_was_typed(visit) -> None:
    page = await visit("communities/andes/workshops/new", data={**FORM, "action": "more"})
    text = page.body.decode()
    assert 'value="Mapas"' in text
    assert text.count('type="date"') == 3


async def test_a_new_code_replaces_a_leaked_one_and_keeps_the_seats(visit, world) -> None:
    opened = open_taller(world.house, title="Fuga", seats=3)
    house = world.house
    house.call(redeem_invite, JoinRequest(opened.learner_invite.code, "a", "Ana"))
    page = await visit(f"communities/andes/workshops/{opened.workshop.slug}/code",
                       data={"action": "renew"})  # fmt: skip
    assert page.code == 303
    view = house.call(view_workshop, actor_of(house, "ana"), "andes", opened.workshop.slug)
    assert view.learner_invite.code != opened.learner_invite.code
    assert view.learner_invite.invite.seats_left == 2
    for invite in house.call(list_invites, actor_of(house, "ana"), "andes"):
        if invite.workshop == opened.workshop.slug and invite.revoked_at is None:
            house.call(revoke_invite, actor_of(house, "ana"), "andes", invite.id)
    await visit(
        f"communities/andes/workshops/{opened.workshop.slug}/code", data={"action": "renew"}
    )
    view = house.call(view_workshop, actor_of(house, "ana"), "andes", opened.workshop.slug)
    assert view.learner_invite.invite.seats_left == 2, "the person who is in keeps the seat"


async def test_a_workshop_that_is_over_shows_no_code_and_gets_none(visit, world) -> None:
    opened = open_taller(world.house, title="Pasado", lasts=timedelta(minutes=30))
    path = f"communities/andes/workshops/{opened.workshop.slug}"
    page = (await visit(path)).body.decode()
    assert "Ended" in page
    assert opened.learner_invite.code not in page
    assert "New code" not in page
    assert "Close the workshop" in page
    renewed = await visit(f"{path}/code", data={"action": "renew"})
    assert (renewed.code, "This workshop is over." in renewed.body.decode()) == (409, True)


async def test_a_workshop_may_be_called_new(visit) -> None:
    page = await visit("communities/andes/workshops/new", data={**FORM, "title": "New"})
    assert page.headers["Location"].endswith("/workshops/new-2")


async def test_the_board_shows_what_each_server_does(visit, world) -> None:
    username = world.house.call(
        redeem_invite, JoinRequest(world.opened.learner_invite.code, "z", "Zoe <b>")
    ).account.username
    path = f"communities/andes/workshops/{world.opened.workshop.slug}/people"
    assert "Joined" in (await visit(path)).body.decode()
    world.house.call(admit, StartRequest("lease", ServerKey(username)))
    page = (await visit(path)).body.decode()
    assert "Starting" in page
    assert "Zoe &lt;b&gt;" in page
    world.hub.running = {ServerKey(username): RunningServer(ServerKey(username), ready=True)}
    world.house.clock.advance(seconds=1)
    await reconcile_once(world.house, world.hub)
    assert "Running" in (await visit(path)).body.decode()
    assert (await visit(path, who="learner")).code == 403


async def test_a_form_with_a_cookie_needs_the_forms_token(service, world) -> None:
    """A cookie alone, as another page would send it, changes nothing."""
    from tornado.web import create_signed_value

    cookie = create_signed_value(b"s" * 32, "service-communities", "champion").decode()
    page = await AsyncHTTPClient().fetch(
        f"{service}communities/andes/workshops/new",
        method="POST",
        body=urlencode(FORM),
        headers={"Cookie": f'service-communities="{cookie}"'},
        raise_error=False,
        follow_redirects=False,
    )
    assert page.code == 200
    assert 'value="Mapas"' in page.body.decode(), "drawn again with everything typed"
    assert "Please send the form once more." in page.body.decode()
    closing = await AsyncHTTPClient().fetch(
        f"{service}communities/andes/workshops/{world.opened.workshop.slug}/close",
        method="POST",
        body="",
        headers={"Cookie": f'service-communities="{cookie}"'},
        raise_error=False,
        follow_redirects=False,
    )
    assert closing.code == 303
    assert closing.headers["Location"].endswith("/close"), "asked again, not done"
    view = world.house.call(
        view_workshop, actor_of(world.house, "ana"), "andes", world.opened.workshop.slug
    )
    assert view.workshop.closed_at is None
    listed = await AsyncHTTPClient().fetch(
        f"{service}communities/andes",
        headers={"Cookie": f'service-communities="{cookie}"'},
        raise_error=False,
        follow_redirects=False,
    )
    assert listed.code == 200, "the cookie itself is good"
    assert "Mapas" not in listed.body.decode()


async def test_pages_do_a_bounded_number_of_statements(visit, world) -> None:
    async def count() -> int:
        statements = []

        def note(*arguments) -> None:
            statements.append(arguments[2])

        engine = world.house.database.engine
        event.listen(engine, "before_cursor_execute", note)
        assert (await visit("communities/andes")).code == 200
        event.remove(engine, "before_cursor_execute", note)
        return len([s for s in statements if not s.startswith("BEGIN")])

    few = await count()
    for number in range(20):
        open_taller(world.house, title=f"Taller {number}")
    assert await count() == few
    assert few <= 17


async def test_health_answers_while_the_database_does(visit, world) -> None:
    assert (await visit("health", who=None)).code == 200
    world.house.database.check_schema = lambda: 1 / 0
    assert (await visit("health", who=None)).code == 503


@pytest.mark.parametrize("reason", StopReason)
async def test_whoever_is_warned_of_a_stop_reads_it_on_the_first_page(visit, world, reason) -> None:
    key = ServerKey("ana", "second")
    world.house.call(admit, StartRequest("one", key))
    assert "second" not in (await visit("")).body.decode()
    now = world.house.clock.now()
    with world.house.database.write() as store:
        lease = store.leases.get("one")
        store.leases.plan_stops(
            [replace(lease, warned_at=now, stop_at=now + timedelta(minutes=9), stop_reason=reason)]
        )
    page = (await visit("")).body.decode()
    assert "Your server second stops on March 2, 2026" in page
    assert "stops on" not in (await visit("", who="learner")).body.decode()
