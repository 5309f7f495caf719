"""Through an upstream that lets in a few people only: joining by it, and linking with it."""

from __future__ import annotations

import pytest
from hubs import attempt_in, real_hub, text_of, xsrf_in

from jupyterhub_communities.application.workshops import close_workshop

MORE = """
c.JupyterHub.authenticator_class = "communities"
c.CommunityAuthenticator.upstream_class = "dummy"
c.DummyAuthenticator.password = "secret"
c.Authenticator.allowed_users = {"carla"}
"""
PASSWORD = "secret"


@pytest.fixture(scope="module")
def strict_hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("strict"), more=MORE) as hub:
        yield hub


def account_form(page, username, **more):
    return {"attempt": attempt_in(page), "username": username, "password": PASSWORD, **more}


def join_through_upstream(device, code, username, **more):
    page = device.open_join(code)
    form = {"attempt": attempt_in(page), "action": "upstream", "name": "", **more}
    login = device.post("/hub/join", form)
    assert login.url.endswith("/hub/login?next=%2Fhub%2Fjoin%3Farrived%3D1#account"), login.url
    form = account_form(login, username, next="/hub/join?arrived=1")
    return device.post("/hub/login", form, allow_redirects=False)


def follow(device, answer):
    return device.get(answer.headers["Location"], allow_redirects=False)


def test_whom_upstream_does_not_let_in_gets_in_with_a_code(strict_hub) -> None:
    opened = strict_hub.workshop("Con proveedor")
    device = strict_hub.browser()
    login = device.get("/hub/login")
    assert device.post("/hub/login", account_form(login, "diego")).status_code == 403
    answer = join_through_upstream(device, opened.learner_invite.code, "diego")
    assert answer.headers["Location"] == "/hub/join?arrived=1"
    assert follow(device, answer).headers["Location"].startswith("/hub/spawn")
    assert device.username() == "diego"
    assert "community-andes.con-proveedor" in strict_hub.user("diego")["groups"]
    # From now on the grant lets them in.
    other = strict_hub.browser()
    other.post("/hub/login", account_form(other.get("/hub/login"), "diego"))
    assert other.username() == "diego"


def test_a_typing_error_in_the_password_does_not_lose_the_code(strict_hub) -> None:
    opened = strict_hub.workshop("Contraseña")
    device = strict_hub.browser()
    page = device.open_join(opened.learner_invite.code)
    login = device.post("/hub/join", {"attempt": attempt_in(page), "action": "upstream"})
    wrong = device.post("/hub/login", account_form(login, "elsa", password="no"))
    assert wrong.status_code == 403
    device.post("/hub/login", account_form(wrong, "elsa"))
    assert device.username() == "elsa"


def test_a_refused_person_spends_no_seat(strict_hub) -> None:
    # The last seat goes while this person is on the way through upstream.
    late = strict_hub.browser()
    second = strict_hub.workshop("Casi", seats=1)
    page = late.open_join(second.learner_invite.code)
    login = late.post("/hub/join", {"attempt": attempt_in(page), "action": "upstream"})
    strict_hub.browser().join(second.learner_invite.code, "Segunda")
    answer = late.post("/hub/login", account_form(login, "frida", next="/hub/join?arrived=1"))
    assert answer.status_code == 409
    assert "Todos los cupos están ocupados" in text_of(answer)
    assert not late.is_signed_in()
    # Somebody whom upstream lets in anyway is in, and is told of the code.
    known = strict_hub.browser()
    third = strict_hub.workshop("Justo", seats=1)
    page = known.open_join(third.learner_invite.code)
    login = known.post("/hub/join", {"attempt": attempt_in(page), "action": "upstream"})
    strict_hub.browser().join(third.learner_invite.code, "Tercera")
    known.post("/hub/login", account_form(login, "carla"))
    assert known.username() == "carla"
    assert "community-andes.justo" not in strict_hub.user("carla")["groups"]


def test_an_intent_is_taken_once_and_by_its_own_browser_only(strict_hub) -> None:
    opened = strict_hub.workshop("Una vez")
    device = strict_hub.browser()
    page = device.open_join(opened.learner_invite.code)
    login = device.post("/hub/join", {"attempt": attempt_in(page), "action": "upstream"})
    planted = device.session.cookies.get("communities-intent")
    # Planted in another browser it opens nothing there, and says so.
    victim = strict_hub.browser()
    form = account_form(victim.get("/hub/login"), "carla")
    victim.session.cookies.set("communities-intent", planted, path="/hub/")
    assert victim.post("/hub/login", form).status_code == 403
    assert "community-andes.una-vez" not in strict_hub.user("carla").get("groups", [])
    # It is used up now, for its owner too: they begin again.
    assert device.post("/hub/login", account_form(login, "gustavo")).status_code == 403
    answer = join_through_upstream(device, opened.learner_invite.code, "gustavo")
    assert answer.status_code == 303
    assert device.username() == "gustavo"


def test_a_shared_device_is_one_on_the_way_through_upstream_too(strict_hub) -> None:
    opened = strict_hub.workshop("Compartido")
    device = strict_hub.browser()
    join_through_upstream(device, opened.learner_invite.code, "hugo", shared="1")
    expires = [c.expires for c in device.session.cookies if c.name == "jupyterhub-hub-login"]
    assert expires == [None]


# Links


def learner(hub, name):
    device = hub.browser()
    device.join(hub.workshop(f"Taller de {name}").learner_invite.code, name)
    device.keep_key(allow_redirects=False)
    return device


def begin_link(device):
    page = device.get("/hub/link")
    return device.post("/hub/link", {"_xsrf": xsrf_in(page), "action": "link"})


def link(device, username):
    asked = begin_link(device)
    return device.post("/hub/login", account_form(asked, username, next="/hub/link"))


def test_a_learner_links_an_account_and_comes_back_with_it(strict_hub) -> None:
    device = learner(strict_hub, "Inés")
    username = device.username()
    page = link(device, "ines.elsewhere")
    assert page.url.endswith("/hub/link")
    assert "ines.elsewhere" in text_of(page)
    assert device.username() == username
    other = strict_hub.browser()
    other.post("/hub/login", account_form(other.get("/hub/login"), "ines.elsewhere"))
    assert other.username() == username
    assert strict_hub.api("GET", "/users/ines.elsewhere").status_code == 404
    # And takes the link away again: the return key is kept.
    page = other.get("/hub/link")
    page = other.post("/hub/link", {"_xsrf": xsrf_in(page), "action": "unlink"})
    assert "Vincular" in text_of(page)
    stranger = strict_hub.browser()
    stranger.post("/hub/login", account_form(stranger.get("/hub/login"), "ines.elsewhere"))
    assert not stranger.is_signed_in()


def test_a_link_is_offered_when_the_workshop_has_ended(strict_hub) -> None:
    opened = strict_hub.workshop("Se acaba")
    device = strict_hub.browser()
    device.join(opened.learner_invite.code, "Pilar")
    device.keep_key(allow_redirects=False)
    assert 'href="/hub/link"' not in device.get("/hub/home").text
    champion = strict_hub.champion()
    strict_hub.house.call(close_workshop, champion, "andes", opened.workshop.slug)
    home = device.get("/hub/home")
    assert 'href="/hub/link"' in home.text
    assert "Tu taller terminó" in text_of(home)


def test_an_identity_is_linked_once(strict_hub) -> None:
    link(learner(strict_hub, "Juana"), "one.identity")
    second = learner(strict_hub, "Karla")
    username = second.username()
    page = link(second, "one.identity")
    assert page.status_code == 409
    assert "ya abre otra cuenta" in text_of(page)
    assert second.username() == username


def test_an_identity_with_a_server_of_its_own_is_not_linked(strict_hub) -> None:
    owner = strict_hub.browser()
    owner.post("/hub/login", account_form(owner.get("/hub/login"), "carla"))
    strict_hub.api("POST", "/users/carla/server")
    page = link(learner(strict_hub, "Lidia"), "carla")
    strict_hub.api("DELETE", "/users/carla/server")
    assert page.status_code == 409
    assert "sus propios archivos" in text_of(page)


def test_a_link_needs_the_session_that_began_it(strict_hub) -> None:
    device = learner(strict_hub, "Marta")
    asked = begin_link(device)
    intent = device.session.cookies.get("communities-intent")
    thief = learner(strict_hub, "Nora")
    form = account_form(begin_link(thief), "marta.elsewhere")
    thief.session.cookies.pop("communities-intent")
    thief.session.cookies.set("communities-intent", intent, path="/hub/")
    assert thief.post("/hub/login", form).status_code == 403
    assert asked.ok
    assert "marta.elsewhere" not in text_of(thief.get("/hub/link"))


def test_a_forged_link_form_begins_nothing(strict_hub) -> None:
    device = learner(strict_hub, "Olga")
    answer = device.post("/hub/link", {"action": "link", "_xsrf": "x"}, allow_redirects=False)
    assert answer.status_code == 303
    assert "communities-intent" not in device.session.cookies


@pytest.mark.parametrize("who", ["stranger", "carla"])
def test_who_has_nothing_to_link_is_sent_on(strict_hub, who) -> None:
    device = strict_hub.browser()
    if who == "carla":
        device.post("/hub/login", account_form(device.get("/hub/login"), "carla"))
    page = device.get("/hub/link")
    assert "/hub/home" in page.url or "/hub/login" in page.url
