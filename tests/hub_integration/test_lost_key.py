"""*I lost my key*, on a real hub: the number, the approval through the service, the new key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from hubs import attempt_in, is_alive, key_in, sign_in_with_key, text_of, token_of, xsrf_in

from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.domain.grants import Role
from tools import wait_until


class Team:
    """A workshop on the hub with a helper who has a token."""

    def __init__(self, hub, title) -> None:
        self.hub = hub
        self.opened = hub.workshop(title)
        self.slug = self.opened.workshop.slug
        issued = hub.house.call(
            issue_invite, hub.champion(), "andes", NewInvite(role=Role.HELPER, workshop=self.slug)
        )
        helper = hub.browser()
        helper.join(issued.code, "Hugo")
        self.token = token_of(hub, helper.username())

    def learner(self, name):
        device = self.hub.browser()
        key = device.join(self.opened.learner_invite.code, name)
        device.keep_key(allow_redirects=False)
        return device, key

    def approve(self, username, number, *, token=None) -> requests.Response:
        return requests.post(
            f"{self.hub.url}/services/communities/api/v1/communities/andes"
            f"/workshops/{self.slug}/keys",
            json={"username": username, "number": number},
            headers={"Authorization": f"token {token or self.token}"},
            timeout=30,
        )


def ask(device) -> str:
    page = device.get("/hub/lost-key")
    page = device.post("/hub/lost-key", {"attempt": attempt_in(page), "action": "ask"})
    assert page.url.endswith("/hub/lost-key")
    return re.search(r'id="number"[^>]*>([\d ]+)<', page.text)[1].replace(" ", "")


def use(device, **more) -> requests.Response:
    page = device.get("/hub/lost-key")
    return device.post("/hub/lost-key", {"attempt": attempt_in(page), "action": "use", **more})


def server_token(username) -> str:
    """What the person's running server was started with."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            read = environment.read_bytes().decode(errors="replace")
        except OSError:
            continue
        variables = dict(v.split("=", 1) for v in read.split("\0") if "=" in v)
        if variables.get("JUPYTERHUB_USER") == username:
            return variables["JUPYTERHUB_API_TOKEN"]
    raise LookupError(username)


def test_a_lost_key_is_replaced_and_everybody_who_came_in_before_is_out(hub) -> None:
    team = Team(hub, "Clave perdida")
    old_device, old_key = team.learner("Perla")
    username = old_device.username()
    old_token = token_of(hub, username)
    hub.api("POST", f"/users/{username}/server")
    wait_until(lambda: hub.user(username)["servers"].get("", {}).get("ready"))

    phone = hub.browser()
    number = ask(phone)
    secret = phone.session.cookies["communities-lost-key"].split("|")[4].split(":")[1]
    waiting = phone.get("/hub/lost-key")
    assert 'http-equiv="refresh"' in waiting.text
    assert "no-store" in waiting.headers["Cache-Control"]
    assert team.approve(username, number).status_code == 200
    page = phone.get("/hub/lost-key")
    assert 'http-equiv="refresh"' not in page.text
    assert "Hugo" in text_of(page)
    assert "Perla" in text_of(page)
    assert not phone.is_signed_in()

    welcome = use(phone)
    assert welcome.url == f"{hub.url}/hub/welcome"
    new_key = key_in(welcome)
    assert new_key != old_key
    assert "Hugo" in text_of(welcome)
    assert old_device.get("/hub/welcome").url == f"{hub.url}/hub/home", "shown to the phone alone"
    assert "Hugo" in text_of(old_device.get("/hub/home")), "the notice"
    third = hub.browser()
    sign_in_with_key(third, old_key)
    assert third.is_signed_in(), "the old key works until the new one is kept"
    assert old_device.is_signed_in()
    assert is_alive(hub, old_token)

    phone.post("/hub/welcome", {"_xsrf": xsrf_in(welcome)}, allow_redirects=False)
    assert phone.is_signed_in()
    assert phone.username() == username
    for device in (old_device, third):
        assert not device.is_signed_in()
    assert not is_alive(hub, old_token)
    assert is_alive(hub, server_token(username)), "the server lives on"
    assert hub.user(username)["servers"][""]["ready"]
    assert sign_in_with_key(hub.browser(), old_key).status_code == 403
    assert secret not in hub.log()
    assert new_key.replace("-", "") not in hub.log().replace("-", "")
    again = hub.browser()
    sign_in_with_key(again, new_key)
    assert again.is_signed_in()
    assert phone.is_signed_in(), "a sign-in with a key that was kept ends nothing"
    hub.api("DELETE", f"/users/{username}/server")


def test_typing_the_new_key_ends_the_earlier_sign_ins_too(hub) -> None:
    team = Team(hub, "Clave tecleada")
    old_device, _ = team.learner("Tecla")
    username = old_device.username()
    phone = hub.browser()
    team.approve(username, ask(phone))
    new_key = key_in(use(phone))
    other = hub.browser()
    sign_in_with_key(other, new_key)
    assert other.is_signed_in()
    assert not old_device.is_signed_in()
    assert not phone.is_signed_in()


def test_a_server_keeps_its_token_also_after_the_hub_was_restarted(hub) -> None:
    team = Team(hub, "Reinicio")
    device, _ = team.learner("Reina")
    username = device.username()
    hub.api("POST", f"/users/{username}/server")
    wait_until(lambda: hub.user(username)["servers"].get("", {}).get("ready"))
    note = {"note": f"Server at /user/{username}/"}
    planted = hub.api("POST", f"/users/{username}/tokens", json=note).json()["token"]
    phone = hub.browser()
    team.approve(username, ask(phone))
    use(phone)
    hub.restart()
    phone.keep_key(allow_redirects=False)
    assert is_alive(hub, server_token(username))
    assert not is_alive(hub, planted), "calling a token so does not save it"
    hub.api("DELETE", f"/users/{username}/server")


def test_looking_consumes_nothing_and_a_form_from_elsewhere_comes_back(hub) -> None:
    team = Team(hub, "Sólo mirar")
    device, _ = team.learner("Mira")
    phone = hub.browser()
    number = ask(phone)
    for _ in range(3):
        assert number[:3] in text_of(phone.get("/hub/lost-key"))
    page = phone.post("/hub/lost-key", {"action": "ask", "attempt": "forged"})
    assert page.status_code == 200
    team.approve(device.username(), number)
    for form in ({"action": "use"}, {"action": "use", "attempt": "forged"}):
        phone.post("/hub/lost-key", form)
        assert not phone.is_signed_in()
    assert use(phone).url.endswith("/hub/welcome")
    assert use(hub.browser()).url.endswith("/hub/lost-key")


def test_sign_out_forgets_what_was_approved(hub) -> None:
    team = Team(hub, "Salida")
    device, _ = team.learner("Sale")
    phone = hub.browser()
    team.approve(device.username(), ask(phone))
    use(phone)
    phone.get("/hub/logout")
    page = phone.get("/hub/lost-key")
    assert 'value="use"' not in page.text
    assert phone.get("/hub/welcome").url.startswith(f"{hub.url}/hub/login")


def test_sending_use_twice_leads_to_the_same_key(hub) -> None:
    team = Team(hub, "Dos veces")
    device, _ = team.learner("Bis")
    phone = hub.browser()
    team.approve(device.username(), ask(phone))
    page = phone.get("/hub/lost-key")
    form = {"attempt": attempt_in(page), "action": "use"}
    before = phone.session.cookies.copy()
    first = key_in(phone.post("/hub/lost-key", form))
    phone.session.cookies = before  # the answer was lost on its way
    assert key_in(phone.post("/hub/lost-key", form)) == first


@pytest.mark.parametrize("by", ["admin", "role"])
def test_somebody_with_a_role_on_the_hub_is_left_to_the_operator(hub, by) -> None:
    team = Team(hub, f"Papel {by}")
    device, _ = team.learner("Papel")
    username = device.username()
    if by == "admin":
        hub.api("PATCH", f"/users/{username}", json={"admin": True})
    else:  # the configuration gives a role to this group
        hub.api("POST", "/groups/watchers/users", json={"users": [username]})
    answer = team.approve(username, ask(hub.browser()))
    assert answer.status_code == 403
    assert answer.json()["code"] == "key_request.refused"


def test_a_wrong_number_and_a_server_token_open_nothing(hub) -> None:
    team = Team(hub, "Equivocada")
    device, _ = team.learner("Equis")
    username = device.username()
    number = ask(hub.browser())
    wrong = f"{(int(number) + 1) % 1_000_000:06}"
    assert team.approve(username, wrong).json()["code"] == "key_request.unknown"
    hub.api("POST", f"/users/{username}/server")
    wait_until(lambda: hub.user(username)["servers"].get("", {}).get("ready"))
    assert team.approve(username, number, token=server_token(username)).status_code == 403
    hub.api("DELETE", f"/users/{username}/server")
