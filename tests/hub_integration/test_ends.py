"""Ends of access on a real hub, at the pace that everybody gets: within 60 seconds all is gone."""

from __future__ import annotations

import time

import pytest
import requests
from hubs import COMMUNITIES, attempt_in, real_hub, text_of

from jupyterhub_communities.application.ending import (
    block_person,
    resume_community,
    suspend_community,
    unblock_person,
)
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.domain.grants import Actor
from tools import wait_until

OPERATOR = Actor(None, is_operator=True)
WITHIN = 60  # seconds


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """No days of grace; the Hub asks about people as rarely as it does by default."""
    communities = COMMUNITIES.replace(
        "hub: {language: en}", "hub: {language: en, grace_days: 0}"
    ).replace(
        "profiles:",
        "  - {slug: brasil, name: {pt-BR: Brasil}, champions: [bia]}\nprofiles:",
    )
    more = "c.Authenticator.auth_refresh_age = 300"
    with real_hub(tmp_path_factory.mktemp("ends"), more=more, communities=communities) as hub:
        yield hub


class Somebody:
    """A learner with a Hub page open, a server and its cookie, and an API token."""

    def __init__(self, hub, opened, name: str) -> None:
        self.hub = hub
        self.device = hub.browser()
        self.key = self.device.join(opened.learner_invite.code, name)
        self.device.keep_key()
        self.username = self.device.username()
        wait_until(lambda: self.server().get("ready"))
        self.device.get(f"/user/{self.username}/")
        made = hub.api("POST", f"/users/{self.username}/tokens", json={"note": "by hand"})
        self.token = made.json()["token"]
        assert self.is_known_by_token()
        assert self.device.is_signed_in()

    def server(self) -> dict:
        return self.hub.user(self.username)["servers"].get("", {})

    def is_known_by_token(self) -> bool:
        answer = requests.get(
            f"{self.hub.url}/hub/api/user",
            headers={"Authorization": f"token {self.token}"},
            timeout=10,
        )
        return answer.ok

    def what_is_left(self) -> list[str]:
        left = {
            "hub page": self.device.is_signed_in(),
            "token": self.is_known_by_token(),
            "server": bool(self.server()),
            "server page": "/hub/login" not in self.device.get(f"/user/{self.username}/").url,
            "groups": any(self.hub.user(self.username)["groups"]),
        }
        return [name for name, is_left in left.items() if is_left]

    def sign_in(self) -> requests.Response:
        device = self.hub.browser()
        login = device.get("/hub/login")
        form = {"attempt": attempt_in(login), "return_key": self.key, "next": "/hub/home"}
        return device.post("/hub/login", form)


def all_is_gone(people: list[Somebody]) -> float:
    """How long it took until nothing was left of anybody's access."""
    began = time.monotonic()
    wait_until(lambda: not any(one.what_is_left() for one in people), seconds=WITHIN, every=1)
    return time.monotonic() - began


def test_removed_blocked_and_suspended_people_are_out_everywhere_within_a_minute(hub) -> None:
    andes, brasil = hub.workshop("Fin"), hub.workshop("Fim", "brasil", by="bia")
    removed, blocked = Somebody(hub, andes, "Quitada"), Somebody(hub, andes, "Bloqueada")
    suspended, stays = Somebody(hub, brasil, "Suspensa"), Somebody(hub, andes, "Sigue")
    hub.house.call(remove_member, hub.champion(), "andes", removed.username)
    hub.house.call(block_person, OPERATOR, blocked.username)
    hub.house.call(suspend_community, OPERATOR, "brasil", "test")
    took = all_is_gone([removed, blocked, suspended])
    assert took < WITHIN
    assert stays.what_is_left() == ["hub page", "token", "server", "server page", "groups"]

    assert "Tu acceso ha terminado." in text_of(removed.sign_in())
    assert "bloqueó tu cuenta" in text_of(blocked.sign_in())
    assert "suspendida" in text_of(suspended.sign_in())
    start = hub.api("POST", f"/users/{blocked.username}/server", json={})
    assert start.status_code == 403, start.text

    hub.house.call(unblock_person, OPERATOR, blocked.username)
    hub.house.call(resume_community, OPERATOR, "brasil")
    for person in (blocked, suspended):
        page = person.sign_in()
        assert "/hub/login" not in page.url
        assert any(hub.user(person.username)["groups"])
