"""The pages for codes: made, shown, changed, handed out, and who waits at them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from houses import actor_of
from visiting import Visitor, text_of

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import (
    InviteChange,
    NewInvite,
    change_invite,
    issue_invite,
    list_invites,
)
from jupyterhub_communities.application.waiting import wait_in_line
from jupyterhub_communities.application.workshops import add_site, view_workshop
from jupyterhub_communities.domain.grants import Role


@pytest.fixture
def visit(service):
    return Visitor(service, language="es")


def invite_at(world, answer):
    """The invite whose page a form led to."""
    found = world.house.call(list_invites, actor_of(world.house, "ana"), "andes")
    return next(invite for invite in found if answer.endswith(invite.id))


def path_of(answer) -> str:
    return answer.headers["Location"].removeprefix("/services/communities/")


async def test_a_code_is_made_shown_changed_paused_and_revoked(visit, world, taller) -> None:
    form = {
        "role": "helper",
        "seats": "4",
        "opens_at": "2030-03-02T08:30",
        "closes_at": "2030-03-02T18:00",
        "lasts_days": "7",
        "by_hand": "1",
    }
    made = await visit(f"{taller}/codes", data=form)
    assert made.code == 303
    page = path_of(made)
    invite = invite_at(world, page)
    assert (invite.role, invite.seats, invite.is_by_hand) == (Role.HELPER, 4, True)
    # In the workshop's zone, America/Lima.
    assert invite.opens_at == datetime(2030, 3, 2, 13, 30, tzinfo=UTC)
    assert invite.lasts.days == 7
    shown = await visit(path_of(made))
    assert re.search(r'id="code"[^>]*>[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}<', shown.body.decode())
    assert 'value="2030-03-02T08:30"' in shown.body.decode()
    change = {"action": "change", "seats": "6", "opens_at": "", "closes_at": "2030-03-02T20:00"}
    change["version"] = invite.version
    assert (await visit(page, data=change)).code == 303
    assert (invite_at(world, page).seats, invite_at(world, page).is_by_hand) == (6, False)
    await visit(page, data={"action": "pause"})
    assert invite_at(world, page).paused_at
    assert "En pausa" in text_of(await visit(page))
    await visit(page, data={"action": "resume"})
    assert not invite_at(world, page).paused_at
    await visit(page, data={"action": "revoke"})
    assert invite_at(world, page).revoked_at
    assert 'id="code"' not in (await visit(page)).body.decode()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seats": "0"}, "Escribe un número del 1 al 1.000"),
        ({"seats": "many"}, "Escribe un número"),
        ({"lasts_days": "999999"}, "Escribe un número"),
        ({"lasts_days": "000000001" + "9" * 40}, "Escribe un número"),
        ({"opens_at": "tomorrow"}, "Indica el día y la hora."),
        ({"role": "king"}, "Elige un rol."),
        ({"opens_at": "2030-03-02T08:30", "closes_at": "2030-03-02T08:00"}, "cerrarse después"),
        ({"site": "nowhere"}, "No existe esa sede."),
    ],
)
async def test_a_form_that_does_not_hold_comes_back(visit, taller, change, sentence) -> None:
    form = {"role": "learner", "seats": "4", **change}
    answer = await visit(f"{taller}/codes", data=form)
    assert answer.code in (400, 404)
    assert sentence in text_of(answer), text_of(answer)


async def test_nobody_gives_a_role_above_their_own(visit, world, taller) -> None:
    page = (await visit(f"{taller}/codes", who="instructor")).body.decode()
    assert 'value="instructor"' in page
    assert 'value="champion"' not in page
    answer = await visit(f"{taller}/codes", who="instructor", data={"role": "champion"})
    assert answer.code == 403
    assert "superior al tuyo" in text_of(answer), text_of(answer)
    for who in ("learner", "helper"):
        assert (await visit(f"{taller}/codes", who=who)).code in (403, 404)


async def test_a_site_has_its_own_zone_code_and_helpers(visit, world, taller) -> None:
    site = {"action": "site", "site_name": "Nairobi", "site_zone": "Africa/Nairobi"}
    assert (await visit(f"{taller}/codes", data=site)).code == 303
    assert (await visit(f"{taller}/codes", data={**site, "site_zone": "Mars"})).code == 400
    form = {"role": "helper", "site": "nairobi", "opens_at": "2026-03-02T15:30"}
    page = path_of(await visit(f"{taller}/codes", data=form))
    assert invite_at(world, page).opens_at == datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    assert "Nairobi" in text_of(await visit(f"{taller}/codes"))
    assert "Africa/Nairobi" in text_of(await visit(page))


async def test_a_sites_helper_sees_and_lets_in_the_people_of_that_site_only(
    visit, world, taller
) -> None:
    house, slug = world.house, world.opened.workshop.slug
    ana = actor_of(house, "ana")
    house.call(add_site, ana, "andes", slug, name="Lima", zone="America/Lima")
    codes = {}
    for role, site in ((Role.HELPER, "lima"), (Role.LEARNER, "lima"), (Role.LEARNER, None)):
        wanted = NewInvite(role=role, workshop=slug, site=site, seats=1)
        codes[role, site] = house.call(issue_invite, ana, "andes", wanted)
    people = {
        key: house.call(redeem_invite, JoinRequest(issued.code, f"a{key}", f"Persona {key[1]}"))
        for key, issued in codes.items()
    }
    helper = people[Role.HELPER, "lima"].account.username
    world.tokens["site-helper"] = world.model(helper)
    for key in ((Role.LEARNER, "lima"), (Role.LEARNER, None)):
        house.call(wait_in_line, JoinRequest(codes[key].code, f"w{key}", f"Espera {key[1]}"))
    page = text_of(await visit(f"{taller}/people", who="site-helper"))
    assert people[Role.LEARNER, "lima"].account.username in page
    assert people[Role.LEARNER, None].account.username not in page
    assert "Espera lima" in page
    assert "Espera None" not in page
    view = house.call(view_workshop, actor_of(house, helper), "andes", slug)
    assert {row.site for row in view.board} == {"lima"}
    assert view.learner_invite is None


async def test_a_batch_is_uploaded_printed_exported_and_released(visit, world, taller) -> None:
    boundary = "----form"
    parts = {"action": "batch", "role": "learner", "names": ""}
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    body += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="names_file"; filename="n.csv"\r\n'
        "Content-Type: text/csv\r\n\r\nnombre;curso\nMaría José;1\n=Luz;2\n\r\n"
        f"--{boundary}--\r\n"
    )
    made = await visit(
        f"{taller}/codes",
        body=body.encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert made.code == 303, text_of(made)
    page = path_of(made)
    # The slips speak the workshop's language, whoever prints them.
    slips = await visit(page, language="en")
    assert "Personal codes" in text_of(slips)
    assert "Escribe tu nombre y guarda la clave" in text_of(slips)
    assert slips.body.decode().count('class="slip"') == 2
    table = await visit(f"{page}/csv")
    assert table.headers["Content-Type"].startswith("text/csv")
    rows = table.body.decode("utf-8-sig").splitlines()
    assert rows[0] == "Nombre,Código,Enlace"
    assert sorted(row.split(",")[0] for row in rows[1:]) == ["'=Luz", "María José"]
    assert (await visit(page, data={})).code == 303
    assert "0 códigos" in text_of(await visit(page))


async def test_somebody_who_cannot_type_is_added_and_gets_a_slip(visit, world, taller) -> None:
    assert "Add a person" in text_of(await visit(taller, language="en"))
    assert "Add a person" not in text_of(await visit(taller, who="helper", language="en"))
    form = {"action": "batch", "role": "learner", "names": "Doña Juana"}
    made = await visit(f"{taller}/codes", data=form)
    assert made.code == 303
    slip = await visit(path_of(made))
    assert slip.body.decode().count('class="slip"') == 1
    assert "Doña Juana" in text_of(slip)
    assert 'id="print"' in slip.body.decode()


@pytest.mark.parametrize("names", ["", "   ", "x" * 200, "\n".join(["Ana"] * 10_001)])
async def test_a_batch_of_names_that_cannot_be_is_refused_whole(
    visit, world, taller, names
) -> None:
    before = len(world.house.call(list_invites, actor_of(world.house, "ana"), "andes"))
    form = {"action": "batch", "role": "learner", "names": f"Luz\n{names}" if names else ""}
    if names == "   ":
        form["names"] = names
    answer = await visit(f"{taller}/codes", data=form)
    assert answer.code == 400, text_of(answer)
    assert len(world.house.call(list_invites, actor_of(world.house, "ana"), "andes")) == before


async def test_the_board_offers_seats_to_those_who_wait(visit, world, taller) -> None:
    house = world.house
    issued = world.opened.learner_invite
    ana = actor_of(house, "ana")
    with house.database.read() as store:
        taken = store.invites.get(issued.invite.id).taken
    if not taken:
        house.call(redeem_invite, JoinRequest(issued.code, "first", "Primera"))
        taken = 1
    house.call(change_invite, ana, "andes", issued.invite.id, InviteChange(seats=taken))
    for name in ("Uno", "Dos"):
        house.call(wait_in_line, JoinRequest(issued.code, f"w-{name}", name))
    board = await visit(f"{taller}/people")
    assert "2 personas esperan un cupo" in text_of(board)
    form = {"action": f"seats {issued.invite.id}", "more": "2"}
    assert (await visit(f"{taller}/waiting", data=form)).code == 303
    assert text_of(await visit(f"{taller}/people")).count("tiene un cupo reservado") == 2
    ticket = re.search(r'value="decline ([0-9a-f]+)"', board.body.decode())[1]
    await visit(f"{taller}/waiting", data={"action": f"decline {ticket}"})
    assert text_of(await visit(f"{taller}/people")).count("tiene un cupo reservado") == 1
    stranger = await visit(f"{taller}/waiting", who="learner", data={"action": f"admit {ticket}"})
    assert stranger.code in (403, 404)


async def test_what_cannot_be_done_to_a_code_is_said_where_it_was_typed(visit, world) -> None:
    page = path_of(await visit("communities/andes/codes", data={"role": "learner", "seats": "3"}))
    version = invite_at(world, page).version
    typed = {
        "action": "change",
        "version": version,
        "seats": "7",
        "opens_at": "2030-03-02T08:30",
        "closes_at": "2030-03-02T08:00",
    }
    answer = await visit(page, data=typed)
    assert answer.code == 400
    assert "cerrarse después" in text_of(answer)
    for kept in ('value="7"', 'value="2030-03-02T08:30"', f'value="{version}"'):
        assert kept in answer.body.decode(), kept
    assert (await visit(page, data={"action": "burn"})).code == 400


async def test_of_two_who_change_a_code_the_second_sees_what_the_first_did(visit, world) -> None:
    page = path_of(await visit("communities/andes/codes", data={"role": "learner", "seats": "3"}))
    version = invite_at(world, page).version
    first = {"action": "change", "version": version, "seats": "3", "by_hand": "1"}
    assert (await visit(page, data=first)).code == 303
    second = {"action": "change", "version": version, "seats": "9"}
    answer = await visit(page, data=second, language="en")
    assert answer.code == 412
    assert "Somebody else has changed this code" in text_of(answer)
    assert 'value="9"' in answer.body.decode()
    assert (invite_at(world, page).seats, invite_at(world, page).is_by_hand) == (3, True)
    second["version"] = re.search(r'name="version" value="(\w+)"', answer.body.decode())[1]
    assert (await visit(page, data=second)).code == 303
    assert (invite_at(world, page).seats, invite_at(world, page).is_by_hand) == (9, False)


@pytest.mark.parametrize(
    "form", [{"action": "burn 1"}, {}, {"action": "seats {}", "more": "9" * 5000}]
)
async def test_a_click_on_the_board_that_nobody_drew_is_refused(visit, world, taller, form) -> None:
    invite = world.opened.learner_invite.invite.id
    wanted = {name: value.format(invite) for name, value in form.items()}
    assert (await visit(f"{taller}/waiting", data=wanted)).code == 400


async def test_the_communitys_own_codes_have_a_page_too(visit, world) -> None:
    made = await visit("communities/andes/codes", data={"role": "instructor", "seats": "3"})
    assert invite_at(world, path_of(made)).workshop is None
    assert "0 de 3 cupos ocupados" in text_of(await visit(path_of(made)))
    assert (await visit("communities/andes/codes", who="bia")).code == 404
