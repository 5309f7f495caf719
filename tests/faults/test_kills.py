"""`kill -9` of the hub, and what is healed when it is back."""

from __future__ import annotations

import os
import signal

import pytest
from hubs import real_hub

from jupyterhub_communities.application.ending import block_person
from jupyterhub_communities.application.erasure import erase_me
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.domain.access import Access
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import SERVERS
from tools import wait_until

pytestmark = pytest.mark.hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("faults")) as hub:
        yield hub


def held(hub, opened) -> int:
    with hub.house.database.read() as store:
        return store.balances.get(Scope("andes", opened.workshop.slug), SERVERS).held


def unsettled(hub):
    with hub.house.database.read() as store:
        return {lease.server.username: lease for lease in store.leases.unsettled()}


def learner(hub, opened, name) -> str:
    device = hub.browser()
    device.join(opened.learner_invite.code, name)
    return device.username()


def kill_and_restart(hub) -> None:
    os.kill(hub.process.pid, signal.SIGKILL)
    hub.process.wait()
    # The service leaves with the hub, so its port is free; the proxy keeps running by design.
    hub.start()


def test_a_hub_killed_in_mid_start_gives_the_quota_back_within_a_minute(hub) -> None:
    opened = hub.workshop("A medias")
    name = learner(hub, opened, "A medias")
    hub.api("POST", f"/users/{name}/server", json={"profile": "hanging"})
    wait_until(lambda: held(hub, opened) == 1)
    kill_and_restart(hub)
    wait_until(lambda: held(hub, opened) == 0, seconds=60)
    assert name not in unsettled(hub)


def test_a_hub_killed_while_a_server_runs_keeps_its_lease_and_its_server(hub) -> None:
    opened = hub.workshop("En marcha")
    name = learner(hub, opened, "Sigue")
    hub.api("POST", f"/users/{name}/server", json={})
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    lease = unsettled(hub)[name]
    kill_and_restart(hub)
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    assert unsettled(hub)[name].id == lease.id
    assert held(hub, opened) == 1
    hub.api("DELETE", f"/users/{name}/server")
    wait_until(lambda: held(hub, opened) == 0)


def test_a_server_that_died_while_the_hub_was_away_is_settled(hub) -> None:
    opened = hub.workshop("Se fue")
    name = learner(hub, opened, "Se va")
    hub.api("POST", f"/users/{name}/server", json={})
    pid = wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready") and hub.user(name))
    os.kill(hub.process.pid, signal.SIGKILL)
    hub.process.wait()
    os.kill(pid["servers"][""]["state"]["pid"], signal.SIGKILL)
    hub.start()
    wait_until(lambda: held(hub, opened) == 0, seconds=60)


def test_a_server_that_runs_without_a_lease_is_adopted(hub) -> None:
    opened = hub.workshop("Adoptado")
    name = learner(hub, opened, "Adopta")
    hub.api("POST", f"/users/{name}/server", json={})
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    with hub.house.database.write() as store:  # as if it had been admitted without the database
        lease = next(one for one in store.leases.unsettled() if one.server.username == name)
        store.leases.settle(lease.id, hub.house.clock.now())
        store.balances.release(lease.charged, lease.amounts)
    kill_and_restart(hub)
    adopted = wait_until(lambda: unsettled(hub).get(name), seconds=60)
    assert adopted.adopted
    assert held(hub, opened) == 1
    hub.api("DELETE", f"/users/{name}/server")
    wait_until(lambda: held(hub, opened) == 0)


def test_an_erasure_that_begins_while_the_hub_is_away_is_finished_when_it_is_back(hub) -> None:
    opened = hub.workshop("Borrada")
    name = learner(hub, opened, "Borrada")
    hub.api("POST", f"/users/{name}/server", json={})
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    os.kill(hub.process.pid, signal.SIGKILL)
    hub.process.wait()
    hub.house.call(erase_me, name, name)
    assert hub.house.call(find_person, name).access is Access.NONE
    hub.start()
    wait_until(lambda: hub.api("GET", f"/users/{name}").status_code == 404, seconds=60)
    wait_until(lambda: hub.house.call(find_person, name).account is None)
    wait_until(lambda: held(hub, opened) == 0)


def test_a_block_while_the_hub_is_away_is_carried_out_when_it_is_back(hub) -> None:
    opened = hub.workshop("Bloqueada")
    name = learner(hub, opened, "Bloqueada")
    hub.api("POST", f"/users/{name}/server", json={})
    wait_until(lambda: hub.user(name)["servers"].get("", {}).get("ready"))
    os.kill(hub.process.pid, signal.SIGKILL)
    hub.process.wait()
    hub.house.call(block_person, Actor(None, is_operator=True), name)
    hub.start()
    wait_until(lambda: not hub.user(name)["servers"], seconds=60)
    wait_until(lambda: hub.user(name)["groups"] == [])
