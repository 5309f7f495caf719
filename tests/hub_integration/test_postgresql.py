"""A real hub whose communities are in PostgreSQL, which is killed under it and comes back."""

from __future__ import annotations

import time

import pytest
import requests
from hubs import COMMUNITIES, attempt_in, key_in, real_hub, text_of
from postgres import Postgresql

from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import SERVERS
from tools import wait_until

LONGEST = 4.0  # seconds: a verdict after 2, and what a hub takes for a page


@pytest.fixture(scope="module")
def server():
    """A server of its own: it is killed."""
    server = Postgresql()
    yield server
    server.close()


@pytest.fixture(scope="module")
def hub(server, tmp_path_factory):
    # The password comes from the environment, to the Hub and to its service.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", server.password)
        url = server.url("template_communities").replace(f":{server.password}", "")
        communities = COMMUNITIES.replace("{language: en}", f"{{language: en, database: '{url}'}}")
        with real_hub(tmp_path_factory.mktemp("postgresql"), communities=communities) as hub:
            yield hub


def held(hub, opened) -> int:
    with hub.house.database.read() as store:
        return store.balances.get(Scope("andes", opened.workshop.slug), SERVERS).held


def health(hub) -> tuple[int, str]:
    answer = requests.get(f"{hub.url}/services/communities/health", timeout=30)
    return answer.status_code, answer.json()["status"]


def test_a_learner_joins_works_leaves_and_comes_back(hub) -> None:
    opened = hub.workshop("En PostgreSQL")
    device = hub.browser()
    key = device.join(opened.learner_invite.code, "Luz 李 نور")
    device.keep_key()
    name = device.username()
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    assert held(hub, opened) == 1
    hub.api("DELETE", f"/users/{name}/server")
    wait_until(lambda: held(hub, opened) == 0)
    device.get("/hub/logout")
    assert not device.is_signed_in()
    other = hub.browser()
    form = {"attempt": attempt_in(other.get("/hub/login")), "return_key": key}
    other.post("/hub/login", form)
    assert other.username() == name


def test_a_killed_database_gets_sentences_and_heals_without_the_hub(hub, server) -> None:
    opened = hub.workshop("Se cae la base")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Paciente")
    member = hub.browser()
    member.join(opened.learner_invite.code, "Ya está")
    member.keep_key()
    name = member.username()
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    process = hub.process.pid
    server.stop("immediate")
    begun = time.monotonic()
    page = device.post("/hub/join", form)
    assert (page.status_code, time.monotonic() - begun < LONGEST) == (503, True)
    assert "No se perdió nada" in text_of(page)
    assert 'value="Paciente"' in page.text
    assert health(hub) == (503, "database")
    assert hub.api("DELETE", f"/users/{name}/server").status_code in (202, 204)
    wait_until(lambda: not hub.user(name)["servers"])
    refused = hub.api("POST", f"/users/{name}/server", json={})
    assert refused.status_code == 503
    server.start()
    form["attempt"] = attempt_in(page)
    assert key_in(device.post("/hub/join", form))
    assert health(hub) == (200, "ok")
    wait_until(lambda: held(hub, opened) <= 1, seconds=70)  # what stopped meanwhile is settled
    assert hub.api("POST", f"/users/{name}/server", json={}).status_code in (201, 202)
    assert hub.process.pid == process
    assert hub.process.poll() is None


def test_a_database_that_hangs_keeps_a_click_waiting_once(hub, server) -> None:
    """It takes what it is asked, and says nothing: the page asks several times."""
    device = hub.browser()
    device.join(hub.workshop("Se cuelga").learner_invite.code, "Clic")
    device.keep_key()
    name = device.username()
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    hub.api("DELETE", f"/users/{name}/server")
    wait_until(lambda: not hub.user(name)["servers"])
    with server.hung():
        began = time.monotonic()
        page = device.get("/hub/spawn")
        assert (page.status_code, time.monotonic() - began < LONGEST) == (503, True)
        began = time.monotonic()
        assert hub.api("POST", f"/users/{name}/server", json={}).status_code == 503
        assert time.monotonic() - began < LONGEST
    assert hub.api("POST", f"/users/{name}/server", json={}).status_code in (201, 202)


def test_the_password_is_in_no_log(hub, server) -> None:
    assert server.password not in hub.log()
