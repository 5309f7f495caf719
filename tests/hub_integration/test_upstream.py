"""Codes on a hub that already has a way to sign in."""

from __future__ import annotations

import pytest
from hubs import attempt_in, real_hub, text_of, xsrf_in

MORE = """
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "secret"
c.Authenticator.allow_all = True
c.Authenticator.blocked_users = {"mallory"}
"""


@pytest.fixture(scope="module")
def dummy_hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("upstream"), more=MORE) as hub:
        yield hub


def sign_in(device, username, password="secret"):
    login = device.get("/hub/login")
    return device.post(
        "/hub/login",
        {"_xsrf": xsrf_in(login), "username": username, "password": password},
    )


def test_both_ways_in_are_on_the_login_page(dummy_hub) -> None:
    said = text_of(dummy_hub.browser().get("/hub/login"))
    for way in ("Tengo un código", "Ya estuve aquí", "Tengo una cuenta en esta plataforma"):
        assert way in said


def test_upstream_people_sign_in_as_before_and_failures_are_sentences(dummy_hub) -> None:
    device = dummy_hub.browser()
    sign_in(device, "carla")
    assert device.username() == "carla"
    page = sign_in(dummy_hub.browser(), "carla", "wrong")
    assert page.status_code == 403
    assert "no son correctos" in text_of(page)
    assert 'value="carla"' in page.text
    assert not dummy_hub.browser().is_signed_in()
    blocked = dummy_hub.browser()
    sign_in(blocked, "mallory")
    assert not blocked.is_signed_in()


def test_an_upstream_person_joins_as_themselves(dummy_hub) -> None:
    opened = dummy_hub.workshop("Con cuenta")
    device = dummy_hub.browser()
    sign_in(device, "diego")
    page = device.open_join(opened.learner_invite.code)
    form = {"attempt": attempt_in(page), "action": "join", "name": "ignored"}
    if "Continuar como" in text_of(page):
        form["action"] = "continue"
    device.post("/hub/join", {**form, "action": "continue"})
    assert device.username() == "diego"
    assert "community-andes.con-cuenta" in dummy_hub.user("diego")["groups"]


def test_an_upstream_sign_in_never_lands_on_an_invite_account(dummy_hub) -> None:
    learner = dummy_hub.browser()
    learner.join(dummy_hub.workshop("Solo código").learner_invite.code, "Eva")
    username = learner.username()
    thief = dummy_hub.browser()
    page = sign_in(thief, username)
    assert page.status_code == 403
    assert "es de otra persona" in text_of(page)
    assert not thief.is_signed_in()


def test_an_upstream_person_whom_we_do_not_know_yet_is_asked_to_continue(dummy_hub) -> None:
    opened = dummy_hub.workshop("Desconocida")
    device = dummy_hub.browser()
    sign_in(device, "erika")
    page = device.open_join(opened.learner_invite.code)
    assert "Continuar como erika" in text_of(page)
    form = {"attempt": attempt_in(page), "action": "continue"}
    answer = device.post("/hub/join", form, allow_redirects=False)
    # They have a way in of their own: no return key.
    assert answer.headers["Location"].startswith("/hub/spawn")
    assert device.get("/hub/welcome").url == f"{dummy_hub.url}/hub/home"


def test_two_people_of_one_device_join_one_workshop_in_turn(dummy_hub) -> None:
    opened = dummy_hub.workshop("Por turnos")
    device = dummy_hub.browser()
    device.join(opened.learner_invite.code, "Rosa")
    attempt = device.session.cookies.get("communities-attempt")
    device.session.cookies.pop("jupyterhub-hub-login")
    sign_in(device, "franz")
    device.session.cookies.pop("communities-attempt", None)
    device.session.cookies.set("communities-attempt", attempt, path="/hub/")
    page = device.open_join(opened.learner_invite.code)
    form = {"attempt": attempt_in(page), "action": "continue"}
    assert device.post("/hub/join", form, allow_redirects=False).status_code == 303
    assert "community-andes.por-turnos" in dummy_hub.user("franz")["groups"]


def test_upstreams_form_from_another_address_is_accepted(dummy_hub) -> None:
    device = dummy_hub.browser()
    login = device.get("/hub/login")
    device.move_to("127.0.0.2")
    device.session.cookies.pop("_xsrf")
    form = {"attempt": attempt_in(login), "username": "gerd", "password": "secret"}
    device.post("/hub/login", form)
    assert device.username() == "gerd"


def test_upstreams_form_without_any_valid_token_comes_back(dummy_hub) -> None:
    device = dummy_hub.browser()
    again = device.post("/hub/login", {"username": "gerd", "password": "secret"})
    assert again.status_code == 200
    assert 'value="gerd"' in again.text
    assert "secret" not in again.text
    assert not device.is_signed_in()


def test_upstream_people_say_that_a_device_is_shared_too(dummy_hub) -> None:
    device = dummy_hub.browser()
    login = device.get("/hub/login")
    form = {"attempt": attempt_in(login), "username": "hanna", "password": "secret", "shared": "1"}
    device.post("/hub/login", form)
    expires = [c.expires for c in device.session.cookies if c.name == "jupyterhub-hub-login"]
    assert expires == [None]
