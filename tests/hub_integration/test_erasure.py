"""Days of grace and erasure on a real hub, with the real service, tokens and home folders."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from hubs import attempt_in, real_hub, text_of
from sqlalchemy import func, select

from jupyterhub_communities.application.erasure import erase_me, erase_person
from jupyterhub_communities.application.issuing import issue_bound_invite
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.domain.access import Access
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage.tables import audit
from tools import wait_until

OPERATOR = Actor(None, is_operator=True)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    more = 'c.CommunitySpawnerMixin.delete_home = "directory"'
    with real_hub(tmp_path_factory.mktemp("erasure"), more=more) as hub:
        yield hub


class Learner:
    """Somebody in a workshop, with a server that runs and a file at home."""

    def __init__(self, hub, opened, name: str) -> None:
        self.hub = hub
        self.device = hub.browser()
        self.key = self.device.join(opened.learner_invite.code, name)
        self.device.keep_key()
        self.username = self.device.username()
        wait_until(lambda: self.servers().get("", {}).get("ready"))
        self.home = hub.folder / "homes" / self.username
        (self.home / "notes.txt").write_text("mine")

    def servers(self) -> dict:
        return self.hub.user(self.username).get("servers", {})

    @property
    def is_known_to_the_hub(self) -> bool:
        return self.hub.api("GET", f"/users/{self.username}").status_code == 200

    @property
    def is_known_to_us(self) -> bool:
        return self.hub.house.call(find_person, self.username).account is not None

    def is_forgotten(self) -> bool:
        return not self.what_is_left()

    def what_is_left(self) -> list[str]:
        left = {
            "hub user": self.is_known_to_the_hub,
            "account": self.is_known_to_us,
            "home": self.home.exists(),
        }
        return [name for name, is_left in left.items() if is_left]

    def token(self) -> str:
        made = self.hub.api("POST", f"/users/{self.username}/tokens", json={"note": "by hand"})
        return made.json()["token"]

    def service(self, method: str, path: str, **more) -> requests.Response:
        return requests.request(
            method,
            f"{self.hub.url}/services/communities/api/v1/{path}",
            headers={"Authorization": f"token {self.token()}"},
            timeout=60,
            **more,
        )


def actions(hub, action: str) -> int:
    with hub.house.database.read() as store:
        query = select(func.count()).where(audit.c.action == action)
        return store.audit._connection.execute(query).scalar_one()


def held(hub) -> int:
    with hub.house.database.read() as store:
        return store.balances.get(HUB, SERVERS).held


def test_in_the_days_of_grace_files_are_taken_along_by_one_small_server(hub) -> None:
    luz = Learner(hub, hub.workshop("Gracia", profile="medium"), "Luz")
    hub.house.call(remove_member, hub.champion(), "andes", luz.username)
    wait_until(lambda: not luz.servers(), seconds=60)
    assert hub.house.call(find_person, luz.username).access is Access.GRACE

    device = hub.browser()
    login = device.get("/hub/login")
    form = {"attempt": attempt_in(login), "return_key": luz.key, "next": "/hub/home"}
    home = device.post("/hub/login", form)
    assert "Tu acceso ha terminado. Hasta el" in text_of(home)
    spawn = device.get("/hub/spawn")
    assert "Hasta el" in text_of(spawn)
    assert 'type="radio"' not in spawn.text
    token = device.session.cookies.get("_xsrf")
    device.post(f"/hub/spawn?_xsrf={token}", {})
    wait_until(lambda: luz.servers().get("", {}).get("ready"))
    with hub.house.database.read() as store:
        lease = store.leases.of_server(ServerKey(luz.username))
    assert (lease.scope, lease.profile) == (HUB, "small")
    assert (luz.home / "notes.txt").read_text() == "mine"
    second = hub.api("POST", f"/users/{luz.username}/servers/two", json={})
    assert second.status_code == 409
    hub.api("DELETE", f"/users/{luz.username}/server")


def test_who_erases_themselves_is_forgotten_with_server_and_home(hub) -> None:
    sol = Learner(hub, hub.workshop("Borrar"), "Sol")
    hub.api("POST", f"/users/{sol.username}/servers/two", json={})
    wait_until(lambda: len(sol.servers()) == 2)
    export = sol.service("GET", "me/export").json()
    assert export["accounts"][0]["username"] == sol.username
    deleted = actions(hub, "home:delete")
    answer = sol.service("DELETE", "me", json={"username": sol.username})
    assert answer.status_code in (202, 204), answer.text
    wait_until(sol.is_forgotten, seconds=60)
    assert actions(hub, "home:delete") == deleted + 1
    assert not sol.device.is_signed_in()
    assert held(hub) == 0
    device = hub.browser()
    attempt = attempt_in(device.get("/hub/login"))
    again = device.post("/hub/login", {"attempt": attempt, "return_key": sol.key})
    assert again.status_code == 403


def test_the_page_erases_too(hub) -> None:
    mar = Learner(hub, hub.workshop("Pagina"), "Mar")
    page = mar.device.get("/services/communities/me")
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page.text)[1]
    form = {"_xsrf": xsrf, "action": "erase", "username": mar.username}
    done = mar.device.post("/services/communities/me", form)
    assert "cuenta" in text_of(done)
    wait_until(mar.is_forgotten, seconds=60)


def test_an_erasure_by_the_command_is_carried_out_by_the_service(hub) -> None:
    rio = Learner(hub, hub.workshop("Orden"), "Rio")
    hub.house.call(erase_person, OPERATOR, rio.username)
    wait_until(rio.is_forgotten, seconds=60)


def test_an_erasure_and_starts_at_the_same_time_leave_nothing_running(hub) -> None:
    opened = hub.workshop("Carrera")
    people = [Learner(hub, opened, f"Carrera {number}") for number in range(3)]
    for one in people:
        hub.api("DELETE", f"/users/{one.username}/server")
    wait_until(lambda: not any(one.servers() for one in people))

    def start(one) -> None:
        for _ in range(3):
            hub.api("POST", f"/users/{one.username}/server", json={})

    with ThreadPoolExecutor(6) as pool:
        starts = [pool.submit(start, one) for one in people]
        for one in people:
            pool.submit(hub.house.call, erase_me, one.username, one.username)
        for begun in starts:
            begun.result()
    wait_until(lambda: all(one.is_forgotten() for one in people), seconds=60)
    wait_until(lambda: held(hub) == 0, seconds=60)


def test_a_user_of_the_hub_who_never_started_anything_is_erased(hub) -> None:
    hub.api("POST", "/users/uma")
    hub.house.call(issue_bound_invite, "uma")
    device = hub.browser()
    device.join(hub.bound_code("uma"), "")
    hub.house.call(erase_person, OPERATOR, "uma")
    wait_until(lambda: hub.api("GET", "/users/uma").status_code == 404, seconds=60)
    wait_until(lambda: hub.house.call(find_person, "uma").account is None)
