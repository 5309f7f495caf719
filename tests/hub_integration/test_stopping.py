"""A server is stopped by a form, without any script, and only by whom the Hub lets stop it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hubs import text_of

from jupyterhub_communities.domain.stops import StopReason
from tools import wait_until

STOP = "/hub/communities/stop"


def joined(hub, name: str):
    device = hub.browser()
    device.join(hub.workshop(f"Parar {name}").learner_invite.code, name)
    device.keep_key(allow_redirects=False)
    return device


@pytest.fixture
def device(hub):
    return joined(hub, "Para")


def start(hub, device, path: str = "server", **options) -> None:
    username = device.username()
    answer = hub.api("POST", f"/users/{username}/{path}", json=options)
    assert answer.status_code in (201, 202), answer.text


def servers(hub, device) -> dict[str, dict]:
    return hub.user(device.username())["servers"]


def forms(page) -> list[dict[str, str]]:
    """What the page's buttons for stopping send."""
    found = re.findall(rf'(?s)<form[^>]+action="{STOP}".*?</form>', page.text)
    return [dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) for form in found]


def test_the_form_on_the_home_page_stops_the_server_and_nothing_more(hub, device) -> None:
    start(hub, device, profile="small")
    start(hub, device, "servers/second", profile="small")
    wait_until(lambda: all(server["ready"] for server in servers(hub, device).values()))
    default, second = forms(device.get("/hub/home"))
    page = device.post(STOP, default)
    assert page.url == f"{hub.url}/hub/home"
    assert forms(page) == [second]
    assert list(servers(hub, device)) == ["second"]
    assert device.post(STOP, default).url == f"{hub.url}/hub/home", "clicked twice"
    assert forms(device.post(STOP, second)) == []
    assert not servers(hub, device)


def test_a_start_is_cut_short_from_its_own_page(hub, device) -> None:
    start(hub, device, profile="hanging")
    page = device.get(f"/hub/spawn-pending/{device.username()}")
    (form,) = forms(page)
    assert device.post(STOP, form).url == f"{hub.url}/hub/home"
    wait_until(lambda: not servers(hub, device))


def test_a_stale_form_stops_nothing(hub, device) -> None:
    start(hub, device, profile="small")
    (form,) = forms(device.get("/hub/home"))
    page = device.post(STOP, {**form, "_xsrf": "stale"})
    assert page.url == f"{hub.url}/hub/home"
    assert forms(page) == [form]
    assert "/hub/login" in hub.browser().post(STOP, form).url, "nobody is signed in there"
    assert servers(hub, device)
    device.post(STOP, form)


def test_nobody_stops_the_server_of_somebody_else(hub, device) -> None:
    start(hub, device, profile="small")
    other = joined(hub, "Otra")
    start(hub, other, profile="small")
    (form,) = forms(other.get("/hub/home"))
    answer = other.post(STOP, {**form, "user": device.username()})
    assert answer.status_code in (403, 404)
    assert other.post(STOP, {**form, "user": "nobody-of-this-name"}).status_code == 404
    assert servers(hub, device)
    assert servers(hub, other)
    page = other.get(f"/hub/spawn-pending/{device.username()}")
    assert page.status_code in (403, 404)
    assert "<h1" in page.text, "a page, not an empty answer"
    for each in (device, other):
        each.post(STOP, forms(each.get("/hub/home"))[0])


def warn(hub, device) -> None:
    """As the service does it; its next look takes back what has no reason."""
    now = hub.house.clock.now()
    with hub.house.database.write() as store:
        (lease,) = store.leases.of_username(device.username())
        planned = replace(
            lease,
            warned_at=now,
            stop_at=now + timedelta(minutes=9),
            stop_reason=StopReason.WORKSHOP_ENDED.value,
        )
        store.leases.plan_stops([planned])


def test_whoever_is_warned_reads_it_on_the_home_page_and_while_the_server_starts(
    hub, device
) -> None:
    assert "Guarda tu trabajo" not in text_of(device.get("/hub/home")), "no server, no warning"
    start(hub, device, profile="hanging")
    wait_until(lambda: servers(hub, device))
    for path in ("/hub/home", f"/hub/spawn-pending/{device.username()}"):

        def is_told(path=path) -> bool:
            warn(hub, device)
            told = text_of(device.get(path))
            return "Tu servidor se detiene el" in told and "el taller habrá terminado" in told

        wait_until(is_told)
    (form,) = forms(device.get("/hub/home"))
    device.post(STOP, form)
