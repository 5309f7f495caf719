"""What is left, where a person sees it: on the home page, above a form, and while a server starts."""

from __future__ import annotations

import re

import pytest
from hubs import COMMUNITIES, real_hub, text_of

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.domain.limits import Limit
from jupyterhub_communities.domain.quotas import Scope
from tools import wait_until

# One profile, and servers that never come up: one click leads to the page of the start.
ONE_PROFILE = COMMUNITIES.partition("  - {slug: medium")[0]
HANGING = """
class HangingSpawner(TryingSpawner):
    async def start(self):
        await asyncio.sleep(600)

c.JupyterHub.spawner_class = HangingSpawner
"""
OWN_FORM = """
c.Spawner.options_form = '<label>Size <input name="size" value="1"></label>'
"""
LEFT = re.compile(r'(?s)<(p|div)[^>]*id="left"[^>]*>(.*?)</\1>')
LINE = re.compile(r"<p>(.*?)</p>")


@pytest.fixture(scope="module")
def one_click(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    with real_hub(folder, communities=ONE_PROFILE, more=HANGING) as hub:
        yield hub


@pytest.fixture(scope="module")
def own_form(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    with real_hub(folder, communities=ONE_PROFILE, more=HANGING + OWN_FORM) as hub:
        yield hub


@pytest.fixture
def join():
    """A device of somebody who has joined a workshop. Their servers are stopped at the end."""
    joined = []

    def join(hub, title, **limits):
        opened = open_limited(hub, title, **limits)
        device = hub.browser()
        device.join(opened.learner_invite.code, "Illari")
        device.get("/hub/welcome")
        joined.append((hub, device.username()))
        return device, opened.workshop.slug

    yield join
    for hub, username in joined:
        for name in hub.user(username)["servers"]:
            hub.api("DELETE", f"/users/{username}/{path_of(name)}")
        wait_until(lambda hub=hub, name=username: not hub.user(name)["servers"])


def open_limited(hub, title, **limits):
    opened = hub.workshop(title)
    with hub.house.database.write() as store:
        for resource, limit in limits.items():
            store.limits.set_limit(Scope("andes", opened.workshop.slug), resource, limit)
    return opened


def path_of(server: str) -> str:
    return f"servers/{server}" if server else "server"


def start(hub, device, server="", **options) -> None:
    answer = hub.api("POST", f"/users/{device.username()}/{path_of(server)}", json=options)
    assert answer.status_code in (201, 202), answer.text


def progress_of(device, server=""):
    """The page of a start, once the server is charged."""
    path = f"/hub/spawn-pending/{device.username()}/{server}".removesuffix("/")

    def charged():
        page = device.get(path)
        return [page] if 'id="set-aside"' in page.text else []

    return wait_until(charged)[0]


def left_on(page) -> list[str]:
    page.encoding = "utf-8"
    found = [inner for _, inner in LEFT.findall(page.text)]
    lines = [line for inner in found for line in (LINE.findall(inner) or [inner])]
    return [" ".join(re.sub("<[^>]+>", " ", line).split()) for line in lines]


def speak(device, tag) -> None:
    device.get("/hub/communities/language", params={"to": tag})


def test_the_page_of_a_start_tells_what_is_left_beside_it(hub, join) -> None:
    device, _ = join(hub, "Queda", servers=Limit(4), memory=Limit(2 * 10**9))
    start(hub, device, profile="hanging")
    page = progress_of(device)
    assert "Apartado para él: 1 servidor." in text_of(page)
    assert left_on(page) == ["Disponible ahora para Queda: 3 servidores."]
    assert '<noscript><meta http-equiv="refresh"' in page.text, "and again, without scripts"
    speak(device, "ar")
    page = progress_of(device)
    assert 'dir="rtl"' in page.text
    assert left_on(page) == ["المتبقي الآن لـ \u2068Queda\u2069: 3 خوادم."]


def test_where_nothing_is_limited_the_pages_say_nothing(hub, join) -> None:
    device, _ = join(hub, "Sin límites")
    assert left_on(device.get("/hub/home")) == []
    start(hub, device, profile="hanging")
    assert left_on(progress_of(device)) == []


def test_whoever_has_several_places_sees_each_and_on_the_page_of_a_start_the_one_that_is_charged(
    hub, join
) -> None:
    device, one = join(hub, "Uno de dos", servers=Limit(4))
    other = open_limited(hub, "Otro de dos", servers=Limit(7))
    code = other.learner_invite.code
    hub.house.call(redeem_invite, JoinRequest(code, "otro de dos", username=device.username()))
    assert left_on(device.get("/hub/home")) == [
        "Disponible ahora para Otro de dos: 7 servidores.",
        "Disponible ahora para Uno de dos: 4 servidores.",
    ]
    start(hub, device, profile="hanging", community="andes", workshop=one)
    assert left_on(progress_of(device)) == ["Disponible ahora para Uno de dos: 3 servidores."]
    place = {"community": "andes", "workshop": other.workshop.slug}
    start(hub, device, "second", profile="hanging", **place)
    told = left_on(progress_of(device, "second"))
    assert told == ["Disponible ahora para Otro de dos: 6 servidores."]


def test_where_one_click_starts_it_stands_on_the_home_page_the_next_and_the_refusal(
    one_click, join
) -> None:
    device, _ = join(one_click, "Un clic", servers=Limit(9), memory=Limit(each=10**9))
    home = device.get("/hub/home")
    assert left_on(home) == ["Disponible ahora para Un clic: 9 servidores y 1 GB de memoria."]
    page = device.get("/hub/spawn")
    assert "/spawn-pending/" in page.url, "there is no form"
    told = "Disponible ahora para Un clic: 8 servidores y 488 MB de memoria."
    assert left_on(progress_of(device)) == [told]
    page = device.get(f"/hub/spawn/{device.username()}/second")
    assert page.status_code == 429
    assert "1 GB de memoria a la vez, y usas 512 MB de memoria" in text_of(page)


def test_it_stands_above_a_form_of_the_operators(own_form, join) -> None:
    device, _ = join(own_form, "Con formulario", servers=Limit(4))
    form = device.get("/hub/spawn")
    told, _, rest = form.text.partition('<label>Size <input name="size" value="1"></label>')
    assert "Disponible ahora para Con formulario: 4 servidores." in told
    assert "Disponible ahora" not in rest
    speak(device, "ar")
    assert "المتبقي الآن لـ" in text_of(device.get("/hub/spawn"))
    token = device.session.cookies.get("_xsrf")
    page = device.post(f"/hub/spawn?_xsrf={token}", {"size": "1"})
    assert "/spawn-pending/" in page.url, "it starts as ever"
    assert left_on(progress_of(device))
