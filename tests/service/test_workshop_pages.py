"""The pages around a workshop: changed, held again, on the projector, on paper, and its message."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from houses import actor_of
from tornado.httpclient import AsyncHTTPClient
from visiting import text_of

from jupyterhub_communities.application.changing import (
    WorkshopChange,
    change_workshop,
    view_to_change,
)
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import InviteChange, change_invite
from jupyterhub_communities.application.workshops import close_workshop, list_workshops, renew_code
from jupyterhub_communities.domain.workshops import Session


def fields_of(answer) -> dict[str, str]:
    """What the form of a page would send as it is drawn."""
    page = answer.body.decode()
    form = page[page.index('name="_xsrf"') : page.index("</form>", page.index('name="_xsrf"'))]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form, re.DOTALL):
        said = {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}
        if said.get("type") != "checkbox" or " checked" in tag:
            fields[said["name"]] = said.get("value", "")
    for name, options in re.findall(
        r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)"[^>]*\bselected', options)
        fields[name] = chosen[1] if chosen else re.search(r'value="([^"]*)"', options)[1]
    return fields


def stands(world, slug=None):
    slug = slug or world.opened.workshop.slug
    return world.house.call(view_to_change, actor_of(world.house, "ana"), "andes", slug)


def change(world, **what):
    place = (actor_of(world.house, "ana"), "andes", world.opened.workshop.slug)
    world.house.call(change_workshop, *place, WorkshopChange(**what))


# Changing


async def test_a_form_that_nobody_touches_changes_nothing(visit, world, taller) -> None:
    noon = world.house.clock.now()
    odd = (
        Session(noon + timedelta(seconds=7), noon + timedelta(hours=1, microseconds=5)),
        Session(noon + timedelta(days=1), noon + timedelta(days=3)),  # over two nights
        Session(noon + timedelta(days=5, hours=2), noon + timedelta(days=5, hours=17)),  # midnight
    )
    change(world, sessions=odd, language="qu", seats=None)
    page = await visit(f"{taller}/change")
    before = stands(world)
    assert "It ends 2 days later." in text_of(page)
    assert text_of(page).count("later.") == 1, "midnight is the end of the day"
    assert (await visit(f"{taller}/change", data=fields_of(page))).code == 303
    assert stands(world) == before


async def test_a_form_changes_all_of_it(visit, world, taller) -> None:
    fields = fields_of(await visit(f"{taller}/change"))
    fields |= {"title": "Mapas", "language": "sw", "seats": "25", "profile": "medium"}
    fields |= {"day_1": "2026-04-01", "from_1": "10:00", "to_1": "11:00"}
    page = await visit(f"{taller}/change", data=fields)
    assert (page.code, page.headers["Location"].endswith(taller)) == (303, True)
    now = stands(world)
    assert (now.title, now.language, now.seats, now.profile) == ("Mapas", "sw", 25, "medium")
    assert now.sessions[0] == world.opened.workshop.sessions[0]
    assert now.ends_at.isoformat() == "2026-04-01T16:00:00+00:00"


async def test_a_session_is_moved_extended_and_taken_away(visit, world, taller) -> None:
    noon = world.house.clock.now()
    night = Session(noon + timedelta(days=1, hours=12), noon + timedelta(days=1, hours=20))
    change(world, sessions=(*world.opened.workshop.sessions, night))
    fields = fields_of(await visit(f"{taller}/change"))
    assert (fields["from_1"], fields["to_1"]) == ("19:00", "03:00")
    gone = {"day_0": "", "from_0": "", "to_0": ""}
    page = await visit(f"{taller}/change", data={**fields, **gone, "to_1": "04:00"})
    assert page.code == 303
    (left,) = stands(world).sessions
    assert left == Session(night.starts_at, night.ends_at + timedelta(hours=1))


async def test_another_zone_keeps_the_hours_on_the_wall(visit, world, taller) -> None:
    fields = fields_of(await visit(f"{taller}/change"))
    await visit(f"{taller}/change", data={**fields, "zone": "Africa/Nairobi"})
    moved = world.opened.workshop.starts_at - timedelta(hours=8)
    assert stands(world).starts_at == moved


@pytest.mark.parametrize(
    ("typed", "status", "sentence"),
    [
        ({"seats": "1"}, 409, "2 seats are taken already."),
        ({"seats": "0"}, 400, "Please give a number from 1 to"),
        ({"to_0": "01:00"}, 400, "Each session must end after it starts"),
        ({"day_0": "", "from_0": "", "to_0": ""}, 400, "Please give at least one session."),
        ({"zone": "Mars/Base"}, 400, "Mars/Base is not a time zone."),
        ({"profile": "huge"}, 400, "There is no such profile."),
        ({"title": " "}, 400, "Please write a title"),
        ({"seats": "", "reserved": "yes"}, 400, "please give the number of seats"),
    ],
)
async def test_a_change_that_does_not_hold_comes_back_with_what_was_typed(
    visit, world, taller, typed, status, sentence
) -> None:
    for name in ("Luz", "Inés"):
        request = JoinRequest(world.opened.learner_invite.code, name, name)
        world.house.call(redeem_invite, request)
    before = stands(world)
    fields = {**fields_of(await visit(f"{taller}/change")), "title": "Típico", **typed}
    page = await visit(f"{taller}/change", data=fields)
    assert (page.code, sentence in text_of(page)) == (status, True)
    again = fields_of(page)
    assert {name: again.get(name, "") for name in typed if name != "profile"} == {
        name: value.strip() for name, value in typed.items() if name != "profile"
    }
    assert stands(world) == before


@pytest.mark.parametrize(
    ("typed", "says", "fits"),
    [
        ({"seats": "2"}, "Kept for each session: 2 servers", True),
        ({"seats": "4"}, "can reserve 3 servers for it", False),
        ({"seats": "2", "title": ""}, "Kept for each session: 2 servers", True),
        ({"seats": "2", "reserved": ""}, "", True),
    ],
)
async def test_while_a_change_is_typed_it_is_told_what_would_be_kept(
    visit, world, taller, typed, says, fits
) -> None:
    fields = fields_of(await visit(f"{taller}/change"))
    fields |= {"reserved": "yes", "profile": "small", "action": "check", **typed}
    before = stands(world)
    told = json.loads((await visit(f"{taller}/change", data=fields)).body)
    assert told["fits"] is fits
    assert says in told["says"] if says else told["says"] == ""
    assert stands(world) == before


async def test_the_second_of_two_champions_sees_both_and_loses_nothing(
    visit, world, taller
) -> None:
    mine = {**fields_of(await visit(f"{taller}/change")), "title": "El mío", "seats": "12"}
    change(world, title="El tuyo <b>", language="pt-BR")
    page = await visit(f"{taller}/change", data=mine)
    assert page.code == 412
    told = page.body.decode()
    told = told[told.index('id="stands"') : told.index("</section>")]
    assert "El tuyo &lt;b&gt;" in told
    assert "Portuguese (Brazil)" in told
    assert "<dt>Seats</dt><dd>10</dd>" in told
    assert "Time zone" not in told, "only what is another"
    kept = fields_of(page)
    assert (kept["title"], kept["seats"]) == ("El mío", "12")
    assert stands(world).title == "El tuyo <b>"
    assert (await visit(f"{taller}/change", data=kept)).code == 303
    assert (stands(world).title, stands(world).seats) == ("El mío", 12)


async def test_another_row_and_an_outdated_form_keep_what_was_typed(
    visit, service, world, taller
) -> None:
    fields = {**fields_of(await visit(f"{taller}/change")), "title": "El mío"}
    page = await visit(f"{taller}/change", data={**fields, "action": "more"})
    again = fields_of(page)
    assert (again["title"], again["version"]) == ("El mío", fields["version"])
    assert "day_2" in again
    from tornado.web import create_signed_value

    cookie = create_signed_value(b"s" * 32, "service-communities", "champion").decode()
    stale = await AsyncHTTPClient().fetch(
        f"{service}{taller}/change",
        method="POST",
        body=urlencode(fields),
        headers={"Cookie": f'service-communities="{cookie}"'},
        raise_error=False,
        follow_redirects=False,
    )
    assert fields_of(stale)["title"] == "El mío"
    assert stands(world).title == "Taller de Python"


# Holding it again


async def test_a_workshop_is_held_again_by_its_first_day(visit, world, taller) -> None:
    page = await visit(f"{taller}/clone")
    fields = fields_of(page)
    assert fields["first_day"] == "2026-03-09"
    made = await visit(f"{taller}/clone", data={**fields, "first_day": "2026-06-01"})
    assert made.code == 303
    assert made.headers["Location"].endswith(f"{taller}-2")
    now = stands(world, f"{world.opened.workshop.slug}-2")
    assert now.starts_at.isoformat() == "2026-06-01T11:00:00+00:00"


@pytest.mark.parametrize(
    ("typed", "status", "sentence"),
    [
        ({"first_day": ""}, 400, "Please choose a day."),
        ({"first_day": "2026-02-30"}, 400, "Please choose a day."),
        ({"first_day": "9999-12-31"}, 400, "Each session must end"),
        ({"title": ""}, 400, "Please write a title"),
        ({"reserved": "yes"}, 409, "can reserve 3 servers for it"),
    ],
)
async def test_what_cannot_be_held_again_comes_back(
    visit, world, taller, typed, status, sentence
) -> None:
    fields = {**fields_of(await visit(f"{taller}/clone")), "title": "Mapas", **typed}
    page = await visit(f"{taller}/clone", data=fields)
    assert (page.code, sentence in text_of(page)) == (status, True)
    assert fields_of(page)["title"] == fields["title"]
    assert len(world.house.call(list_workshops, actor_of(world.house, "ana"), "andes")) == 1


# For a whole room


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_projector_speaks_the_workshops_language_and_names_nobody(
    visit, world, taller, language
) -> None:
    request = JoinRequest(world.opened.learner_invite.code, "z", "Zoe Quispe")
    world.house.call(redeem_invite, request)
    page = await visit(f"{taller}/projector", language=language)
    text = page.body.decode()
    assert '<html lang="es" dir="ltr">' in text
    assert "Quedan 9 cupos" in text
    assert world.opened.learner_invite.code in text
    assert "/hub/join" in text
    assert 'class="qr" src="data:image/svg+xml' in text
    names = ("Zoe", "ana", "Persona", "Salir", "Mis comunidades")
    assert [name for name in names if re.search(rf"\b{name}\b", text_of(page))] == []
    assert page.headers["Cache-Control"] == "no-store"
    assert "<noscript><meta http-equiv" in text
    assert not re.search(r"<script(?![^>]*src=)|style=|onclick", text)


async def test_the_projector_is_right_to_left_for_an_arabic_workshop(visit, world, taller) -> None:
    change(world, language="ar")
    assert '<html lang="ar" dir="rtl">' in (await visit(f"{taller}/projector")).body.decode()
    change(world, language="ay")  # the pages are not offered in Aymara
    assert '<html lang="es"' in (await visit(f"{taller}/projector")).body.decode()


async def test_the_projector_says_why_nobody_can_join(visit, world, taller) -> None:
    house, invite = world.house, world.opened.learner_invite.invite.id
    ana = actor_of(house, "ana")

    async def note():
        text = (await visit(f"{taller}/projector")).body.decode()
        return re.search(r'id="note">([^<]*)<', text)[1]

    house.call(change_invite, ana, "andes", invite, InviteChange(is_paused=True))
    assert await note() == "Por ahora nadie puede unirse con este código."
    house.call(change_invite, ana, "andes", invite, InviteChange(is_paused=False, seats=1))
    assert await note() == "Queda un cupo"
    house.call(redeem_invite, JoinRequest(world.opened.learner_invite.code, "z", "Zoe"))
    assert await note() == "Todos los cupos están ocupados."
    house.call(change_invite, ana, "andes", invite, InviteChange(seats=None))
    assert await note() == ""
    renewed = house.call(renew_code, ana, "andes", world.opened.workshop.slug)
    assert renewed.code in (await visit(f"{taller}/projector")).body.decode()
    house.call(close_workshop, ana, "andes", world.opened.workshop.slug)
    assert await note() == "Este taller ya terminó."
    assert renewed.code not in (await visit(f"{taller}/projector")).body.decode()


@pytest.mark.parametrize("kind", ["sheet", "slips"])
async def test_handouts_are_in_the_chosen_language(visit, world, taller, kind) -> None:
    page = await visit(f"{taller}/handouts?kind={kind}&language=ar", language="en")
    text = page.body.decode()
    assert '<html lang="en"' in text
    block = text[re.search(r'class="(?:sheet|slips)" lang="ar" dir="rtl"', text).start() :]
    assert block.count(world.opened.learner_invite.code) == {"sheet": 2, "slips": 8}[kind]
    assert "hola@andes.example" in block
    assert block.count("<li>") == {"sheet": 3, "slips": 24}[kind]
    assert (world.opened.learner_invite.link in block) == (kind == "sheet")
    default = (
        await visit(f"{taller}/handouts?kind={kind}&language=xx", language="en")
    ).body.decode()
    assert re.search(r'class="(?:sheet|slips)" lang="es"', default), "the workshop's own"


async def test_handouts_of_a_workshop_that_is_over_say_what_to_do(visit, world, taller) -> None:
    ana = actor_of(world.house, "ana")
    world.house.call(close_workshop, ana, "andes", world.opened.workshop.slug)
    text = text_of(await visit(f"{taller}/handouts"))
    assert "This workshop is over." in text
    assert "Hold this workshop again" in text


@pytest.mark.parametrize("page", ["change", "clone", "projector", "handouts"])
@pytest.mark.parametrize(
    ("who", "status"),
    [("learner", 403), ("helper", 403), ("instructor", 200), ("operator", 200), ("bia", 404)],
)
async def test_each_page_is_for_who_may(visit, world, taller, page, who, status) -> None:
    answer = await visit(f"{taller}/{page}", who=who)
    assert answer.code == status
    assert (world.opened.learner_invite.code in answer.body.decode()) == (
        status == 200 and page in ("projector", "handouts")
    )


# The message


async def message_version(visit, taller) -> str:
    page = (await visit(taller)).body.decode()
    return re.search(r'/message">.*?name="version" value="(\w+)"', page, re.DOTALL)[1]


async def test_a_message_stands_on_the_board_and_on_the_peoples_first_page(
    visit, world, taller
) -> None:
    request = JoinRequest(world.opened.learner_invite.code, "z", "Zoe")
    zoe = world.house.call(redeem_invite, request).account.username
    world.tokens["zoe"] = world.model(zoe)
    first = await message_version(visit, taller)
    data = {"message": "Sala <B>\r\nAgua", "version": first}
    page = await visit(f"{taller}/message", who="helper", data=data)
    assert (page.code, page.headers["Location"].endswith(taller)) == (303, True)
    for path in (taller, ""):
        assert "Sala &lt;B&gt;\nAgua" in (await visit(path, who="zoe")).body.decode()
    refused = await visit(f"{taller}/message", who="zoe", data={"message": "No"})
    assert refused.code == 403
    # Whoever has not seen it does not write over it: nothing else has its text.
    other = await visit(f"{taller}/message", data={"message": "Trae agua", "version": first})
    assert other.code == 412
    assert ">Trae agua</textarea>" in other.body.decode()
    assert "Sala &lt;B&gt;\nAgua</p>" in other.body.decode()
    remove = {"action": "remove", "version": await message_version(visit, taller)}
    assert (await visit(f"{taller}/message", data=remove)).code == 303
    for path in (taller, ""):
        assert "Sala" not in (await visit(path, who="zoe")).body.decode()


async def test_a_message_that_is_too_long_comes_back(visit, world, taller) -> None:
    data = {"message": "x" * 501, "version": await message_version(visit, taller)}
    page = await visit(f"{taller}/message", data=data)
    assert page.code == 400
    assert "at most 500 characters" in text_of(page)
    assert "x" * 501 in page.body.decode()


async def test_who_may_do_nothing_is_offered_nothing(visit, world, taller) -> None:
    text = (await visit(taller, who="learner")).body.decode()
    for path in ("change", "clone", "projector", "handouts", "message", "attendance"):
        assert f"/{path}" not in text
    text = (await visit(taller, who="helper")).body.decode()
    assert "attendance?format=csv" in text
    assert "/message" in text
