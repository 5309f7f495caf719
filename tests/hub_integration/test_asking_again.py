"""What the Hub's own door asks again, and what shows who somebody is."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hubs import attempt_in, wait_a_quarter_of_an_hour

from jupyterhub_communities.pages.proofs import COOKIE


def paths_of_proof(device) -> set[str]:
    return {c.path for c in device.session.cookies if c.name == COOKIE}


@pytest.fixture
def device(hub):
    device = hub.browser()
    device.key = device.join(hub.workshop("Prueba").learner_invite.code, "Prueba")
    device.keep_key(allow_redirects=False)
    return device


def sign_in(device, page):
    """By the key, on the page that asks for it."""
    following = parse_qs(urlsplit(page.url).query).get("next", [""])[0]
    form = {"attempt": attempt_in(page), "return_key": device.key, "next": following}
    return device.post("/hub/login", form)


def make_token(device, **more):
    address = f"/hub/api/users/{device.username()}/tokens"
    token = device.session.cookies.get("_xsrf", path="/hub/")
    return device.session.post(
        device.hub.url + address, json={}, params={"_xsrf": token}, timeout=60, **more
    )


def test_joining_and_signing_in_show_who_somebody_is_to_both_doors(device) -> None:
    doors = {"/hub/", "/services/communities/"}
    assert paths_of_proof(device) == doors
    wait_a_quarter_of_an_hour(device)
    page = sign_in(device, device.get("/hub/login?again=1"))
    assert page.ok
    assert paths_of_proof(device) == doors
    device.get("/hub/logout")
    assert paths_of_proof(device) == set()


def test_going_on_as_who_is_signed_in_shows_nothing(hub, device) -> None:
    wait_a_quarter_of_an_hour(device)
    before = device.username()
    form = device.join_form(hub.workshop("Otro").learner_invite.code, "", action="continue")
    device.post("/hub/join", form)
    assert device.username() == before
    assert paths_of_proof(device) == set()


def test_a_browser_makes_a_token_only_after_a_sign_in(hub, device) -> None:
    assert make_token(device).status_code == 201
    wait_a_quarter_of_an_hour(device)
    refused = make_token(device)
    assert refused.status_code == 403
    assert refused.json()["message"] == "Muestra otra vez quién eres: entra de nuevo."
    # A token beside it that is none changes nothing; one that is good needs no browser.
    nothing = {"Authorization": "token nothing"}
    assert make_token(device, headers=nothing).status_code == 403
    assert hub.api("POST", f"/users/{device.username()}/tokens", json={}).status_code == 201
    page = device.get("/hub/token")
    assert "Muestra otra vez quién eres: entra de nuevo." in page.text
    assert sign_in(device, page).url.endswith("/hub/token")
    assert make_token(device).status_code == 201


def test_linking_asks_again(device) -> None:
    device.get("/hub/home")
    xsrf = device.session.cookies.get("_xsrf", path="/hub/")
    for action in ("", "unlink"):
        wait_a_quarter_of_an_hour(device)
        page = device.post("/hub/link", {"_xsrf": xsrf, "action": action})
        assert urlsplit(page.url).path == "/hub/login"
        assert parse_qs(urlsplit(page.url).query)["next"] == ["/hub/link"]
