"""Waiting for a seat and being let in by hand: over HTTP, without a script."""

from __future__ import annotations

import re

from hubs import attempt_in, text_of

from jupyterhub_communities.application.issuing import (
    InviteChange,
    change_invite,
    renew_invite,
    revoke_invite,
)
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.waiting import admit_from_line, view_lines


def press(device, page, action, **more):
    return device.post("/hub/join", {"attempt": attempt_in(page), "action": action, **more})


def change(hub, opened, **what):
    invite = opened.learner_invite.invite.id
    hub.house.call(change_invite, hub.champion(), "andes", invite, InviteChange(**what))


def full_workshop(hub, title):
    opened = hub.workshop(title, seats=1)
    first = hub.browser()
    first.join(opened.learner_invite.code, "Primera")
    return opened, first


def test_a_learner_waits_and_gets_the_seat_that_frees_up(hub) -> None:
    opened, first = full_workshop(hub, "Con cola")
    code = opened.learner_invite.code
    device = hub.browser()
    page = device.open_join(code)
    assert page.status_code == 409
    assert "Todos los cupos están ocupados" in text_of(page)
    page = press(device, page, "wait", name="Segunda")
    assert page.url.endswith("/hub/join")
    assert "Tu número 1" in text_of(page)
    assert '<meta http-equiv="refresh" content="10">' in page.text
    other = hub.browser()
    waiting = press(other, other.open_join(code), "wait", name="Tercera")
    assert "Tu número 2" in text_of(waiting)
    assert "Hay una persona antes que tú" in text_of(waiting)
    hub.house.call(remove_member, hub.champion(), "andes", first.username())
    page = device.get("/hub/join")
    assert "Hay un cupo para ti" in text_of(page)
    assert "refresh" not in page.text
    form = re.search(r'name="action" value="(new|continue)"', page.text)[1]
    page = press(device, page, form, name="Segunda")
    assert page.url.endswith("/hub/welcome")
    assert "Tu número 2" in text_of(other.get("/hub/join"))
    assert "Eres la siguiente persona" in text_of(other.get("/hub/join"))
    page = press(other, other.get("/hub/join"), "leave")
    assert "Todos los cupos están ocupados" in text_of(page)


def test_a_full_form_comes_back_with_the_name_and_a_place_to_wait(hub) -> None:
    opened = hub.workshop("Se llena", seats=1)
    device = hub.browser()
    page = device.open_join(opened.learner_invite.code)
    hub.browser().join(opened.learner_invite.code, "Más rápida")
    page = press(device, page, "join", name="Más lenta")
    assert page.status_code == 409
    assert 'value="Más lenta"' in page.text
    page = press(device, page, "wait", name="")
    assert page.status_code == 400
    page = press(device, page, "wait", name="Más lenta")
    assert "Tu número 1" in text_of(page)


def test_a_newcomer_is_let_in_by_hand(hub) -> None:
    opened = hub.workshop("A mano")
    change(hub, opened, is_by_hand=True)
    device = hub.browser()
    page = device.open_join(opened.learner_invite.code)
    page = press(device, page, "join", name="Recién llegada")
    assert page.url.endswith("/hub/join")
    assert "alguien del taller tiene que dejarte entrar" in text_of(page)
    assert not device.is_signed_in()
    (line,) = hub.house.call(view_lines, hub.champion(), "andes", opened.workshop.slug)
    hub.house.call(admit_from_line, hub.champion(), "andes", line.tickets[0].id)
    page = press(device, device.get("/hub/join"), "new", name="Recién llegada")
    assert page.url.endswith("/hub/welcome")


def test_a_paused_a_renewed_and_a_revoked_code_each_say_so(hub) -> None:
    opened = hub.workshop("Con pausa")
    device = hub.browser()
    page = device.open_join(opened.learner_invite.code)
    change(hub, opened, is_paused=True)
    page = press(device, page, "join", name="Rosa")
    assert page.status_code == 403
    assert "Por ahora nadie puede unirse" in text_of(page)
    assert "hola@andes.example" in text_of(page)
    change(hub, opened, is_paused=False)
    renewed = hub.house.call(renew_invite, hub.champion(), "andes", opened.learner_invite.invite.id)
    assert "ya no es válido" in text_of(device.get("/hub/join"))
    page = device.open_join(renewed.link)
    page = press(device, page, "join", name="Rosa")
    assert page.url.endswith("/hub/welcome")
    assert device.is_signed_in()
    username = device.username()
    revoked = hub.house.call(
        revoke_invite, hub.champion(), "andes", renewed.invite.id, with_grants=True
    )
    assert revoked.usernames == (username,)


def test_a_place_in_line_is_nobody_elses(hub) -> None:
    opened, _ = full_workshop(hub, "Solo mío")
    device = hub.browser()
    press(device, device.open_join(opened.learner_invite.code), "wait", name="Una")
    thief = hub.browser()
    page = thief.open_join(opened.learner_invite.code)
    assert "Tu número" not in text_of(page)
    thief.post("/hub/join", {"action": "leave"})
    assert "Tu número 1" in text_of(device.get("/hub/join"))
