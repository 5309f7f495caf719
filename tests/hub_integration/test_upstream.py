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
