"""Signing out everywhere, and another return key in place of one's own, on a real hub."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hubs import (
    attempt_in,
    is_alive,
    key_in,
    sign_in_with_key,
    text_of,
    token_of,
    wait_a_quarter_of_an_hour,
    xsrf_in,
)

from tools import wait_until


@pytest.fixture
def device(hub):
    device = hub.browser()
    device.key = device.join(hub.workshop("Mi cuenta").learner_invite.code, "Inés")
    device.keep_key(allow_redirects=False)
    return device


def test_signing_out_everywhere_ends_every_browser_and_token_and_no_server(hub, device) -> None:
    username, other = device.username(), hub.browser()
    sign_in_with_key(other, device.key)
    token = token_of(hub, username)
    hub.api("POST", f"/users/{username}/server")
    wait_until(lambda: hub.user(username)["servers"].get("", {}).get("ready"))
    assert other.is_signed_in()

    page = device.get("/services/communities/me")
    assert "Mi cuenta" in text_of(page)
    device.post("/services/communities/me/sign-out", {"_xsrf": xsrf_in(page)})
    assert not device.is_signed_in()
    assert not other.is_signed_in()
    assert not is_alive(hub, token)
    assert hub.user(username)["servers"][""]["ready"]
    assert "/hub/login" in device.get("/services/communities/me").url
    sign_in_with_key(other, device.key)
    assert other.is_signed_in(), "with the same key as before"


def test_only_who_may_end_somebodys_tokens_signs_them_out(hub, device) -> None:
    stranger = hub.browser()
    stranger.join(hub.workshop("Otra").learner_invite.code, "Otra")
    token = token_of(hub, stranger.username())
    answer = stranger.session.delete(
        f"{hub.url}/hub/api/users/{device.username()}/sign-ins",
        headers={"Authorization": f"token {token}"},
        timeout=30,
    )
    assert answer.status_code in (403, 404)
    assert device.is_signed_in()


def test_who_is_signed_in_replaces_their_key_and_the_others_are_out(hub, device) -> None:
    other = hub.browser()
    sign_in_with_key(other, device.key)
    page = device.get("/hub/key")
    form = {"_xsrf": xsrf_in(page)}
    wait_a_quarter_of_an_hour(device)
    asked = device.post("/hub/key", form)
    assert parse_qs(urlsplit(asked.url).query)["next"] == ["/hub/key"]
    again = {"attempt": attempt_in(asked), "return_key": device.key, "next": "/hub/key"}
    page = device.post("/hub/login", again)
    assert page.url == f"{hub.url}/hub/key"

    welcome = device.post("/hub/key", {"_xsrf": xsrf_in(page)})
    new = key_in(welcome)
    assert new != device.key
    assert key_in(device.get("/hub/welcome")) == new, "until it is kept"
    assert "return-key" not in other.get("/hub/welcome").text, "in this browser only"
    third = hub.browser()
    sign_in_with_key(third, device.key)
    assert third.is_signed_in(), "the one before works until then"

    device.keep_key(allow_redirects=False)
    assert device.is_signed_in()
    assert not other.is_signed_in()
    assert not third.is_signed_in()
    assert sign_in_with_key(other, device.key).status_code == 403
    sign_in_with_key(other, new)
    assert other.is_signed_in()
