"""Servers on quota, over HTTP against a real hub with real processes."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from crowds import seconds_of
from hubs import COMMUNITIES, attempt_in, real_hub, text_of

from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.limits import Limit
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import SERVERS
from tools import wait_until

RESCUE = re.compile(r'id="rescue" href="([^"]+)"')
FULL = "Aquí puedes tener un servidor a la vez, y ya está en marcha."


def held(hub, opened) -> int:
    with hub.house.database.read() as store:
        return store.balances.get(Scope("andes", opened.workshop.slug), SERVERS).held


def lease_of(hub, username):
    with hub.house.database.read() as store:
        return store.leases.of_server(ServerKey(username))


def member(hub, opened, name):
    device = hub.browser()
    device.join(opened.learner_invite.code, name)
    device.get("/hub/welcome")
    return device


def start(hub, username, **options):
    return hub.api("POST", f"/users/{username}/server", json=options)


def stop(hub, username):
    hub.api("DELETE", f"/users/{username}/server")
    wait_until(lambda: "" not in hub.user(username)["servers"])


@pytest.fixture
def full(hub, request):
    """Somebody who may run one server, and runs one: to wait in line would be no use."""
    opened = hub.workshop(f"Lleno {request.node.name[-20:]}")
    with hub.house.database.write() as store:
        store.limits.set_limit(Scope("andes", opened.workshop.slug), SERVERS, Limit(each=1))
    device = member(hub, opened, "Primera")
    other = f"/users/{device.username()}/servers/other"
    assert hub.api("POST", other).status_code in (201, 202)
    yield device, FULL, opened
    hub.api("DELETE", other)
    wait_until(lambda: held(hub, opened) == 0)


def test_the_refusal_is_a_sentence_on_the_fast_path(full) -> None:
    device, sentence, opened = full
    query = {"opt-profile": "small", "opt-community": "andes", "opt-workshop": opened.workshop.slug}
    page = device.get("/hub/spawn", params=query)
    assert page.status_code == 429
    assert sentence in text_of(page)


def test_the_refusal_is_a_sentence_on_the_form(full) -> None:
    device, sentence, opened = full
    form = device.get("/hub/spawn")
    assert "Pequeño" in text_of(form)
    assert "512 MB de memoria" in text_of(form)
    token = device.session.cookies.get("_xsrf")
    page = device.post(
        f"/hub/spawn?_xsrf={token}", {"start_on": f"andes/{opened.workshop.slug}/small"}
    )
    assert page.status_code == 429
    assert sentence in text_of(page)


def test_the_refusal_is_a_sentence_on_a_slow_start(full) -> None:
    device, sentence, opened = full
    query = {"opt-profile": "slow", "opt-community": "andes", "opt-workshop": opened.workshop.slug}
    page = device.get("/hub/spawn", params=query)
    assert "/spawn-pending/" in page.url
    assert "Tu servidor se está iniciando." in text_of(page)
    address = page.url.removeprefix(device.hub.url)
    (page,) = wait_until(lambda: [p for p in [device.get(address)] if p.status_code == 429])
    assert sentence in text_of(page)
    assert RESCUE.search(page.text)


def test_a_start_that_is_slow_to_be_refused_leads_into_the_line(hub) -> None:
    opened = hub.workshop("Lento y lleno", servers=1)
    first, second = member(hub, opened, "Primera"), member(hub, opened, "Segunda")
    start(hub, first.username())
    wait_until(lambda: held(hub, opened) == 1)
    page = second.get("/hub/spawn", params={"opt-profile": "slow"})
    address = page.url.removeprefix(hub.url)
    assert address.startswith("/hub/spawn-pending/")
    page = wait_until(lambda: [p for p in [second.get(address)] if "/line/" in p.url])[0]
    assert "Tu lugar en la fila 1" in text_of(page)
    assert seconds_of(page)
    second.get("/hub/logout")
    stop(hub, first.username())


def test_the_refusal_is_a_sentence_over_rest(hub, full) -> None:
    device, sentence, _ = full
    device.get("/hub/communities/language", params={"to": "es"})
    answer = start(hub, device.username(), profile="small")
    assert answer.status_code == 429
    assert sentence in answer.json()["message"]


def test_somebody_over_quota_starts_one_small_server_by_the_link_on_the_refusal(hub, full) -> None:
    device, sentence, opened = full
    username = device.username()
    assert "Disponible ahora para" in text_of(device.get("/hub/home"))
    query = {"opt-profile": "medium", "opt-community": "andes"}
    query["opt-workshop"] = opened.workshop.slug
    page = device.get("/hub/spawn", params=query)
    assert sentence in text_of(page)
    (link,) = RESCUE.findall(page.text)
    token = device.session.cookies.get("_xsrf")
    form = {"start_on": f"andes/{opened.workshop.slug}/medium"}
    assert RESCUE.findall(device.post(f"/hub/spawn?_xsrf={token}", form).text) == [link]
    page = device.get(link)
    assert page.ok
    wait_until(lambda: hub.user(username)["servers"].get("", {}).get("ready"))
    lease = lease_of(hub, username)
    assert (lease.is_rescue, lease.profile) == (True, "small")
    assert held(hub, opened) == 2
    path = f"/users/{username}/servers/otra"
    wanted = {"rescue": "yes", "profile": "medium", "image": "any"}
    refused = hub.api("POST", path, json=wanted)
    assert refused.status_code == 409
    assert "Tu servidor pequeño" in refused.json()["message"]
    stop(hub, username)
    assert held(hub, opened) == 1


def test_ten_simultaneous_starts_against_a_limit_of_three_give_exactly_three(hub) -> None:
    opened = hub.workshop("Diez a la vez", servers=3)
    names = [member(hub, opened, f"Persona {n}").username() for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda name: start(hub, name).status_code, names))
    assert sorted(statuses)[3:] == [429] * 7
    assert all(status in (201, 202) for status in sorted(statuses)[:3])
    assert held(hub, opened) == 3
    for name, status in zip(names, statuses, strict=True):
        if status != 429:
            stop(hub, name)
    assert held(hub, opened) == 0


def test_a_start_that_is_cancelled_gives_its_quota_back(hub) -> None:
    opened = hub.workshop("Cancelado")
    name = member(hub, opened, "Cancela").username()
    start(hub, name, profile="hanging")
    wait_until(lambda: held(hub, opened) == 1)
    hub.api("DELETE", f"/users/{name}/server")
    wait_until(lambda: not hub.user(name)["servers"])
    assert held(hub, opened) == 0


def test_a_start_that_fails_gives_its_quota_back(hub) -> None:
    opened = hub.workshop("Fallido")
    name = member(hub, opened, "Falla").username()
    assert start(hub, name, profile="broken").status_code >= 500
    wait_until(lambda: held(hub, opened) == 0)
    assert "broken on purpose" in hub.log(), "it was admitted, and failed afterwards"


def test_a_server_that_is_killed_gives_its_quota_back(hub) -> None:
    opened = hub.workshop("Muerto")
    name = member(hub, opened, "Muere").username()
    start(hub, name)
    server = wait_until(lambda: hub.user(name)["servers"])[""]
    wait_until(lambda: lease_of(hub, name).active_at is not None)
    os.kill(server["state"]["pid"], signal.SIGKILL)
    wait_until(lambda: held(hub, opened) == 0, seconds=60)
    assert lease_of(hub, name) is None


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        ({"profile": "huge"}, 400, "Este perfil no existe."),
        ({"community": "nobody"}, 403, "No perteneces a la comunidad"),
        ({"community": "andes"}, 403, "No perteneces a la comunidad"),
    ],
)
def test_what_was_asked_wrongly_is_refused_without_a_traceback(hub, options, status, sentence):
    device = member(hub, hub.workshop("Mal pedido"), "Pide mal")
    device.get("/hub/communities/language", params={"to": "es"})
    answer = start(hub, device.username(), **options)
    assert answer.status_code == status
    assert sentence in answer.json()["message"]


@pytest.mark.parametrize(
    "junk", [{"profile": {"a": 1}}, {"profile": ["x" * 999]}, {"a": "b" * 9999}]
)
def test_options_that_are_no_slugs_are_dropped(hub, junk) -> None:
    name = member(hub, hub.workshop("Basura"), "Basura").username()
    assert start(hub, name, **junk).status_code in (201, 202)
    wait_until(lambda: hub.user(name)["servers"])
    stop(hub, name)


def test_a_locked_database_refuses_a_start_in_a_sentence(hub) -> None:
    device = member(hub, hub.workshop("Sin base"), "Espera")
    device.get("/hub/communities/language", params={"to": "es"})
    name = device.username()
    path = hub.folder / "communities.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = start(hub, name)
        other.execute("ROLLBACK")
    assert answer.status_code == 503
    assert "La plataforma está ocupada." in answer.json()["message"]


def test_the_language_and_the_profile_reach_the_server(hub) -> None:
    opened = hub.workshop("Entorno", profile="small")
    device = member(hub, opened, "Entorno")
    device.keep_key()
    name = device.username()
    server = wait_until(lambda: hub.user(name)["servers"].get("", {}))
    pid = server["state"]["pid"]
    environment = dict(
        line.split("=", 1)
        for line in Path(f"/proc/{pid}/environ").read_text().split("\0")
        if "=" in line
    )
    assert environment["LANGUAGE"] == "es_ES"
    folders = environment["JUPYTER_CONFIG_PATH"].split(":")
    assert [Path(folder).name for folder in folders] == ["es_ES", "all"]
    assert environment["MEM_LIMIT"] == "512000000"
    # The server's own cookies end with the browser, as a shared device's must.
    assert environment["JUPYTERHUB_COOKIE_OPTIONS"] == '{"expires_days": null}'
    stop(hub, name)


def test_groups_are_composed_at_sign_in_and_refresh_and_others_are_left_alone(hub) -> None:
    one, two = hub.workshop("Grupos uno"), hub.workshop("Grupos dos")
    device = member(hub, one, "Agrupada")
    name = device.username()
    hub.api("POST", "/groups/choir")
    hub.api("POST", "/groups/choir/users", json={"users": [name]})
    device.join(two.learner_invite.code, "Agrupada", action="continue")
    groups = {
        "choir",
        "community-andes",
        "community-andes.grupos-uno",
        "community-andes.grupos-dos",
    }
    assert set(hub.user(name)["groups"]) == groups
    actor = hub.house.call(find_person, "ana").actor()
    hub.house.call(remove_member, actor, "andes", name)
    time.sleep(1.1)
    # They may still come for their files, and belong to nothing any more.
    assert "Tu acceso ha terminado" in text_of(device.get("/hub/home"))
    assert set(hub.user(name)["groups"]) == {"choir"}


def test_the_service_shows_the_server_and_pushes_groups_at_once(hub) -> None:
    opened = hub.workshop("Servicio")
    device = member(hub, opened, "Mirada")
    name = device.username()
    start(hub, name)
    wait_until(lambda: hub.user(name)["servers"])
    champion = hub.browser()
    champion.join(hub.bound_code("ana"), "ana")
    address = f"/services/communities/communities/andes/workshops/{opened.workshop.slug}"
    page = champion.get(address)
    assert opened.learner_invite.code in page.text
    assert "Mirada" in text_of(page)
    assert "En marcha" in text_of(page)
    token = hub.api("POST", "/users/ana/tokens", json={}).json()["token"]
    api = f"/services/communities/api/v1/communities/andes/members/{name}"
    answer = champion.session.delete(
        hub.url + api, headers={"Authorization": f"token {token}"}, timeout=30
    )
    assert answer.status_code == 204
    assert hub.user(name)["groups"] == []
    stop(hub, name)


def test_a_servers_own_token_opens_nothing_of_the_service(hub) -> None:
    device = member(hub, hub.workshop("Hostil"), "Hostil")
    name = device.username()
    start(hub, name)
    server = wait_until(lambda: hub.user(name)["servers"].get("", {}))
    environment = Path(f"/proc/{server['state']['pid']}/environ").read_text().split("\0")
    token = next(e for e in environment if e.startswith("JUPYTERHUB_API_TOKEN=")).split("=", 1)[1]
    answer = device.session.get(
        f"{hub.url}/services/communities/api/v1/me",
        headers={"Authorization": f"token {token}", "Cookie": ""},
        timeout=30,
    )
    assert answer.status_code == 403
    stop(hub, name)


def test_the_hubs_own_pages_speak_the_readers_language(hub) -> None:
    device = member(hub, hub.workshop("Páginas"), "Páginas")
    for path, said in [
        ("/hub/home", "Iniciar mi servidor"),
        ("/hub/home", "Más servidores"),
        ("/hub/spawn", "Iniciar mi servidor"),
        ("/hub/nowhere", "Esta página no existe"),
        (f"/user/{device.username()}/", "Tu servidor no está en marcha"),
    ]:
        page = device.get(path)
        assert 'lang="es"' in page.text
        assert said in text_of(page), path
        assert "Salir" in page.text


SELVA = """
  - slug: selva
    name: {es: Comunidad Selva}
    champions: [ana]
profiles:
  - {slug: small, name: {en: Small}, communities: [andes]}
  - {slug: only, name: {en: Only}, communities: [selva]}
"""


def test_the_options_of_a_place_that_was_left_do_not_stand_in_the_way(tmp_path) -> None:
    communities = COMMUNITIES.partition("profiles:")[0] + SELVA.lstrip("\n")
    with real_hub(tmp_path, communities=communities) as hub:
        left = hub.workshop("La que dejó", "selva", profile="only")
        device = member(hub, left, "Cambia")
        name = device.username()
        stay = hub.workshop("La que sigue")
        page = device.open_join(stay.learner_invite.code)
        form = {"attempt": attempt_in(page), "action": "continue"}
        device.post("/hub/join", form, allow_redirects=False)
        options = {"community": "selva", "workshop": left.workshop.slug, "profile": "only"}
        assert start(hub, name, **options).status_code in (201, 202)
        wait_until(lambda: hub.user(name)["servers"])
        stop(hub, name)
        hub.house.call(remove_member, hub.champion(), "selva", name)
        page = device.get("/hub/spawn")
        assert page.status_code == 200, text_of(page)
        wait_until(lambda: hub.user(name)["servers"])
        assert lease_of(hub, name).scope.community == "andes"
