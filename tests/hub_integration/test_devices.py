"""Shared devices, and several people on one device."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

from hubs import attempt_in, key_in, text_of
from tornado.web import decode_signed_value

from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.workshops import view_workshop
from jupyterhub_communities.domain.invites import InviteKind

HUB_COOKIE = "jupyterhub-hub-login"


def taken(hub, opened) -> int:
    view = hub.house.call(
        view_workshop, hub.champion(), opened.workshop.community, opened.workshop.slug
    )
    return view.learner_invite.invite.taken


def ends_after_eight_hours(hub, device) -> bool:
    """Whether the sign-in ends then. It holds until then, whatever it is."""
    secret = bytes.fromhex((hub.folder / "jupyterhub_cookie_secret").read_text().strip())
    value = device.session.cookies.get(HUB_COOKIE).strip('"')

    def holds(after: float) -> bool:
        later = time.time() + after
        # As every handler of the Hub reads it.
        user = decode_signed_value(secret, HUB_COOKIE, value, max_age_days=14, clock=lambda: later)
        return user is not None

    assert holds(8 * 3600 - 60)
    return not holds(8 * 3600 + 60)


def close_browser(device) -> None:
    for cookie in list(device.session.cookies):
        if cookie.expires is None:
            device.session.cookies.clear(cookie.domain, cookie.path, cookie.name)


def sign_in(device, key, **more):
    login = device.get("/hub/login")
    form = {"attempt": attempt_in(login), "return_key": key, "next": "/hub/home", **more}
    return device.post("/hub/login", form)


# Shared


def test_a_shared_sign_in_ends_with_the_browser_and_after_eight_hours(hub) -> None:
    opened = hub.workshop("Compartida")
    device = hub.browser()
    key = device.join(opened.learner_invite.code, "Llave", shared="1")
    device.keep_key(allow_redirects=False)
    for entered in (device, hub.browser()):
        if entered is not device:
            sign_in(entered, key, shared="1")
        assert ends_after_eight_hours(hub, entered)
        close_browser(entered)
        assert not entered.is_signed_in()


def test_a_sign_in_on_ones_own_device_lasts(hub) -> None:
    device = hub.browser()
    device.join(hub.workshop("Propia").learner_invite.code, "Propia")
    assert not ends_after_eight_hours(hub, device)
    close_browser(device)
    assert device.is_signed_in()


def test_whoever_is_signed_in_already_can_still_say_that_the_device_is_shared(hub) -> None:
    device = hub.browser()
    device.join(hub.workshop("Antes").learner_invite.code, "Avisa")
    page = device.open_join(hub.workshop("Después").learner_invite.code)
    form = {"attempt": attempt_in(page), "action": "continue", "shared": "1"}
    device.post("/hub/join", form, allow_redirects=False)
    assert ends_after_eight_hours(hub, device)
    close_browser(device)
    assert not device.is_signed_in()


def test_no_page_of_the_hub_is_kept_by_a_browser(hub) -> None:
    device = hub.browser()
    device.join(hub.workshop("Sin copia").learner_invite.code, "Copia")
    for path in ("home", "token", "spawn", "welcome", "login", "join", "lost-key", "nowhere"):
        answer = device.get(f"/hub/{path}", allow_redirects=False)
        assert answer.headers["Cache-Control"] == "no-store", path
    style = re.search(r'href="([^"]+/style\.min\.css[^"]*)"', device.get("/hub/home").text)[1]
    assert "no-store" not in device.get(style).headers.get("Cache-Control", "")


# One after the other


def test_the_next_person_has_a_session_of_their_own(hub) -> None:
    opened = hub.workshop("Turnos")
    device = hub.browser()
    device.join(opened.learner_invite.code, "Primero")
    first = device.username()
    session = device.session.cookies.get("jupyterhub-session-id")
    # In a tab that was opened before, by somebody who does not say that they are somebody else.
    device.session.cookies.pop("communities-attempt")
    device.join(opened.learner_invite.code, "Segundo")
    assert device.username() != first
    assert device.session.cookies.get("jupyterhub-session-id") != session


def test_continuing_after_the_sign_in_has_ended_makes_no_account(hub) -> None:
    opened = hub.workshop("Vencida")
    device = hub.browser()
    device.join(hub.workshop("Otra").learner_invite.code, "Vence")
    page = device.open_join(opened.learner_invite.code)
    device.session.cookies.pop(HUB_COOKIE)
    form = {"attempt": attempt_in(page), "action": "continue", "name": "Vence"}
    again = device.post("/hub/join", form)
    assert again.status_code == 200
    assert 'name="name"' in again.text
    assert taken(hub, opened) == 0


def test_two_clicks_at_the_same_moment_ask_nobody_whether_they_were_here(hub) -> None:
    opened = hub.workshop("Dos clics")
    for number in range(5):
        device = hub.browser()
        form = device.join_form(opened.learner_invite.code, f"Doble {number}")
        with ThreadPoolExecutor(4) as pool:
            clicks = [
                pool.submit(device.post, "/hub/join", form, allow_redirects=False) for _ in range(4)
            ]
            places = {click.result().headers.get("Location") for click in clicks}
        assert places == {"/hub/welcome"}
        assert taken(hub, opened) == number + 1


def test_a_used_personal_code_leads_to_its_owners_sign_in(hub) -> None:
    invite = hub.house.call(
        issue_invite, hub.champion(), "andes", NewInvite(kind=InviteKind.PERSONAL)
    )
    device = hub.browser()
    device.join(invite.code, "Dueña")
    device.keep_key(allow_redirects=False)
    page = hub.browser().open_join(invite.code)
    assert page.status_code == 403
    assert "Ya usaste este código" in text_of(page)
    assert 'href="/hub/login"' in page.text


# Afterwards


def test_a_kept_key_is_never_shown_again_and_looking_for_it_starts_nothing(hub) -> None:
    device = hub.browser()
    key = device.join(hub.workshop("Guardada").learner_invite.code, "Guarda")
    device.keep_key(allow_redirects=False)
    page = device.get("/hub/welcome")
    assert page.url == f"{hub.url}/hub/home"
    assert key not in page.text
    assert not hub.user(device.username())["servers"]


def test_the_language_follows_to_the_next_device(hub) -> None:
    opened = hub.workshop("Idioma que sigue", language="pt-BR")
    device = hub.browser("en")
    key = device.join(opened.learner_invite.code, "Sigue")
    device.keep_key(allow_redirects=False)
    other = hub.browser("en")
    sign_in(other, key)
    assert 'lang="pt-BR"' in other.get("/hub/home").text  # the workshop's
    other.get("/hub/communities/language", params={"to": "es", "next": "/hub/home"})
    third = hub.browser("en")
    sign_in(third, key)
    assert 'lang="es"' in third.get("/hub/home").text  # the one they chose
    third.get("/hub/logout")
    assert third.session.cookies.get("communities-workshop-language") is None


def test_a_stale_sign_in_form_comes_back_with_everything_typed(hub) -> None:
    device = hub.browser()
    key = device.join(hub.workshop("Formulario viejo").learner_invite.code, "Vieja")
    device.keep_key(allow_redirects=False)
    other = hub.browser()
    form = {"attempt": attempt_in(other.get("/hub/login")), "return_key": key, "next": "/hub/home"}
    other.session.cookies.clear()
    again = other.post("/hub/login", form)
    assert again.status_code == 200
    assert f'value="{key}"' in again.text
    assert not other.is_signed_in()
    form["attempt"] = attempt_in(again)
    assert other.post("/hub/login", form).url == f"{hub.url}/hub/home"


def test_opening_the_link_with_a_language_keeps_that_language(hub) -> None:
    link = hub.workshop("Con idioma").learner_invite.link
    page = hub.browser("en").get("/hub/join", params={"code": link, "lang": "pt-BR"})
    assert page.url == f"{hub.url}/hub/join?lang=pt-BR"
    assert 'lang="pt-BR"' in page.text


def test_a_reload_of_the_welcome_page_shows_the_same_key(hub) -> None:
    device = hub.browser()
    key = device.join(hub.workshop("Recarga").learner_invite.code, "Recarga")
    assert key_in(device.get("/hub/welcome")) == key


def test_a_shared_sign_in_that_replaces_a_key_still_ends_after_its_eight_hours(hub) -> None:
    device = hub.browser()
    device.join(hub.workshop("Renovada").learner_invite.code, "Nueva llave", shared="1")
    device.keep_key(allow_redirects=False)
    username = device.username()
    # A bound code gives a second key, in the session that is there.
    code = hub.bound_code(username)
    page = device.open_join(code)
    form = {"attempt": attempt_in(page), "action": "join", "name": username, "shared": "1"}
    before = device.session.cookies.get(HUB_COOKIE)
    device.post("/hub/join", form, allow_redirects=False)
    device.keep_key(allow_redirects=False)
    assert device.is_signed_in()
    assert device.session.cookies.get(HUB_COOKIE) != before
    assert ends_after_eight_hours(hub, device)
