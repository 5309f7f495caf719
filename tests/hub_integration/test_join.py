"""The learner's way in, over HTTP against a real hub and its real proxy."""

from __future__ import annotations

import re
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import requests
from hubs import attempt_in, key_in, text_of, xsrf_in

from jupyterhub_communities.application.house import PATIENCE
from jupyterhub_communities.application.issuing import NewInvite, issue_invite, revoke_invite
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.workshops import close_workshop, view_workshop
from jupyterhub_communities.domain.audit import TrailFilter
from jupyterhub_communities.domain.codes import INVITE_CODE
from tools import wait_until


def taken(hub, opened) -> int:
    actor = hub.house.call(find_person, "ana").actor()
    view = hub.house.call(view_workshop, actor, "andes", opened.workshop.slug)
    return view.learner_invite.invite.taken


def test_the_way_from_code_to_server_and_back_with_the_key(hub) -> None:
    opened = hub.workshop("Camino entero")
    device = hub.browser()
    page = device.open_join(opened.learner_invite.code)
    assert page.url == f"{hub.url}/hub/join", "the code is in no address after the first"
    said = text_of(page)
    assert all(part in said for part in ("Comunidad Andes", "Camino entero", "50 cupos", "Perú"))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"

    key = device.join(opened.learner_invite.code, "Ñusta 李")
    assert key_in(device.get("/hub/welcome")) == key, "a reload shows the same key"
    started = device.keep_key()
    assert "/spawn-pending/" in started.url or "/user/" in started.url
    username = device.username()
    user = wait_until(lambda: (u := hub.user(username))["servers"] and u)
    assert set(user["groups"]) == {"community-andes", "community-andes.camino-entero"}
    assert user["servers"][""]["user_options"] == {
        "community": "andes",
        "workshop": "camino-entero",
        "profile": "small",
    }
    assert "/hub/welcome" not in device.get("/hub/welcome").url, "the key is never shown again"

    other = hub.browser("pt-BR")
    login = other.get("/hub/login")
    typed = key.lower().replace("-", " ")
    other.post("/hub/login", {"attempt": attempt_in(login), "return_key": typed})
    assert other.username() == username
    hub.api("DELETE", f"/users/{username}/server")


def test_get_never_consumes_anything(hub) -> None:
    opened = hub.workshop("Solo mirar")
    for _ in range(3):
        hub.browser().open_join(opened.learner_invite.link)
    assert taken(hub, opened) == 0


def test_a_double_submit_is_one_account_one_seat_and_one_key(hub) -> None:
    opened = hub.workshop("Doble clic")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Doble")
    cookies = device.session.cookies.copy()

    def send(_):
        tab = hub.browser()
        tab.session.cookies.update(cookies)
        return key_in(tab.post("/hub/join", form)), tab.username()

    with ThreadPoolExecutor(4) as pool:
        outcomes = set(pool.map(send, range(4)))
    assert len(outcomes) == 1
    assert taken(hub, opened) == 1


@contextmanager
def cut_before_the_answer(hub):
    """A line to the hub that is cut when the answer comes: the hub has committed by then."""
    listener = socket.create_server(("127.0.0.1", 0))
    was_cut = threading.Event()

    def carry() -> None:
        client, _ = listener.accept()
        with client, socket.create_connection(("127.0.0.1", hub.port)) as line:
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(65536)
            length = int(re.search(rb"(?i)content-length: (\d+)", request)[1])
            while len(request.partition(b"\r\n\r\n")[2]) < length:
                request += client.recv(65536)
            line.sendall(request)
            line.recv(1)
            was_cut.set()

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    yield listener.getsockname()[1], was_cut
    thread.join(10)
    listener.close()


def test_a_connection_cut_between_commit_and_answer_loses_nothing(hub) -> None:
    opened = hub.workshop("Cable cortado")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Cortada")
    with cut_before_the_answer(hub) as (port, was_cut), pytest.raises(ConnectionError):
        try:
            device.session.post(f"http://127.0.0.1:{port}/hub/join", data=form, timeout=10)
        except Exception as error:
            raise ConnectionError from error
    assert was_cut.is_set()
    assert taken(hub, opened) == 1, "the hub had committed"

    page = device.post("/hub/join", form)
    key = key_in(page)
    username = device.username()
    assert taken(hub, opened) == 1
    other = hub.browser()
    login = other.get("/hub/login")
    other.post("/hub/login", {"attempt": attempt_in(login), "return_key": key})
    assert other.username() == username, "a key that they have seen"


def test_opening_the_link_again_after_a_cut_offers_to_continue(hub) -> None:
    opened = hub.workshop("Otra vez el enlace")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Vuelve")
    with cut_before_the_answer(hub) as (port, _):
        try:
            device.session.post(f"http://127.0.0.1:{port}/hub/join", data=form, timeout=10)
        except Exception:
            pass
    page = device.open_join(opened.learner_invite.code)
    assert "Continuar como Vuelve" in text_of(page)
    page = device.post(
        "/hub/join", {"attempt": attempt_in(page), "action": "continue", "name": "Vuelve"}
    )
    assert key_in(page)
    assert taken(hub, opened) == 1


def test_a_form_sent_from_another_address_and_without_the_hubs_token_works(hub) -> None:
    opened = hub.workshop("Del wifi al móvil")
    device = hub.browser(address="127.0.0.2")
    form = device.join_form(opened.learner_invite.code, "Viajera")
    device.move_to("127.0.0.3")
    device.session.cookies.set("_xsrf", None)
    assert key_in(device.post("/hub/join", form))


@pytest.mark.parametrize("lost", ["cookie", "field", "both belong to others"])
def test_a_form_without_a_valid_attempt_comes_back_with_everything_typed(hub, lost) -> None:
    opened = hub.workshop(f"Formulario viejo {lost}")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Paciencia", shared="1")
    if lost == "cookie":
        device.session.cookies.set("communities-attempt", None)
    elif lost == "field":
        form["attempt"] = "2|1:0|10:1|7:attempt|4:AAAA|forged"
    else:
        form["attempt"] = attempt_in(hub.browser().open_join(opened.learner_invite.code))
    page = device.post("/hub/join", form)
    assert page.status_code == 200
    assert 'value="Paciencia"' in page.text
    assert "checked" in page.text
    assert taken(hub, opened) == 0
    form["attempt"] = attempt_in(page)
    assert key_in(device.post("/hub/join", form)), "sent once more, it works"


def test_refusals_are_sentences_with_the_right_status(hub) -> None:
    actor = hub.house.call(find_person, "ana").actor()
    full = hub.workshop("Lleno", seats=1)
    hub.browser().join(full.learner_invite.code, "Primera")
    closed = hub.workshop("Cerrado")
    hub.house.call(close_workshop, actor, "andes", closed.workshop.slug)
    revoked = hub.workshop("Revocado")
    hub.house.call(revoke_invite, actor, "andes", revoked.learner_invite.invite.id)
    later = hub.house.call(
        issue_invite,
        actor,
        "andes",
        NewInvite(
            workshop=hub.workshop("Mañana").workshop.slug,
            opens_at=datetime.now(UTC) + timedelta(days=1),
            closes_at=datetime.now(UTC) + timedelta(days=2),
        ),
    )
    not_valid = "Este código ya no es válido."
    cases = [
        ("0000-0000-0001", 400, "Este código tiene un error."),
        ("no es un código", 400, "Este código tiene un error."),
        (INVITE_CODE.draw(lambda symbols: "Z"), 403, not_valid),
        (closed.learner_invite.code, 403, f"{not_valid} Puedes preguntar a: hola@andes.example"),
        (revoked.learner_invite.code, 403, f"{not_valid} Puedes preguntar a: hola@andes.example"),
        (later.code, 403, "Este código se abre el"),
        (full.learner_invite.code, 409, "Todos los cupos están ocupados."),
    ]
    for code, status, sentence in cases:
        page = hub.browser().open_join(code)
        assert (page.status_code, sentence in text_of(page)) == (status, True), text_of(page)


def test_a_typed_code_is_refused_where_it_was_typed(hub) -> None:
    device = hub.browser()
    login = device.get("/hub/login")
    page = device.post(
        "/hub/join", {"attempt": attempt_in(login), "action": "look", "code": "ABCD-ABCD-ABCD"}
    )
    assert page.status_code == 400
    assert 'value="ABCD-ABCD-ABCD"' in page.text
    assert "Este código tiene un error." in text_of(page)


def test_bytes_that_are_no_text_are_refused_like_any_mistake(hub) -> None:
    """Where the log's test looks too: tornado would tell the bytes there."""
    code = hub.workshop("Bytes").learner_invite.code
    spoilt = hub.browser().session.get(f"{hub.url}/hub/join?code={code}%FF&lang=%FF", timeout=60)
    assert (spoilt.status_code, "Este código tiene un error." in text_of(spoilt)) == (400, True)
    device = hub.browser()
    form = device.join_form(code, "")
    named = device.post("/hub/join", {**form, "name": b"\xff", "action": b"\xff"})
    assert "Escribe tu nombre" in text_of(named)
    again = device.post("/hub/join", {**form, "name": "Ana", "attempt": b"\xff"})
    assert "Envía el formulario otra vez" in text_of(again)
    assert 'value="Ana"' in again.text
    signed = device.post("/hub/login", {"attempt": form["attempt"], "return_key": b"\xff"})
    assert "Esta clave de regreso tiene un error." in text_of(signed)
    assert code not in hub.log()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Escribe tu nombre"),
        ("   ", "Escribe tu nombre"),
        ("x" * 81, "Escribe un nombre más corto: como máximo 80 caracteres."),
        ("Ana\u202egnp", "Este nombre tiene caracteres que no se pueden mostrar."),
        ("Ana\x07", "Este nombre tiene caracteres que no se pueden mostrar."),
        ("x" * 900_000, "Escribe un nombre más corto"),
    ],
)
def test_a_bad_name_gets_a_sentence_at_the_field(hub, name, sentence) -> None:
    device = hub.browser()
    form = device.join_form(hub.workshop("Nombres").learner_invite.code, name)
    page = device.post("/hub/join", form)
    assert page.status_code == 400
    assert sentence in text_of(page)
    assert "is-invalid" in page.text


@pytest.mark.parametrize("name", ["operator", "ana", "Operator "])
def test_a_name_like_an_existing_user_or_administrator_takes_nobody_over(hub, name) -> None:
    device = hub.browser()
    device.join(hub.workshop("Homónimos").learner_invite.code, name)
    username = device.username()
    assert re.fullmatch(rf"{name.strip().lower()}-[0-9a-z]{{5}}", username)
    assert not hub.user(username)["admin"]


def test_somebody_of_the_same_name_is_asked_whether_they_were_here_before(hub) -> None:
    opened = hub.workshop("Tocayos")
    hub.browser().join(opened.learner_invite.code, "José")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "JOSÉ")
    page = device.post("/hub/join", form)
    assert "¿Ya estuviste aquí?" in text_of(page)
    assert 'value="JOSÉ"' in page.text
    assert taken(hub, opened) == 1
    page = device.post("/hub/join", {**form, "attempt": attempt_in(page), "action": "new"})
    assert key_in(page)
    assert taken(hub, opened) == 2


def test_who_is_signed_in_continues_as_themselves_or_hands_over(hub) -> None:
    one, two = hub.workshop("Uno"), hub.workshop("Dos")
    device = hub.browser()
    device.join(one.learner_invite.code, "Sol")
    device.keep_key(allow_redirects=False)
    username = device.username()
    page = device.open_join(two.learner_invite.code)
    assert "Continuar como Sol" in text_of(page)
    form = {"attempt": attempt_in(page), "action": "continue", "name": "Sol"}
    device.post("/hub/join", form)
    assert "community-andes.dos" in hub.user(username)["groups"]

    page = device.open_join(two.learner_invite.code)
    page = device.post("/hub/join", {"attempt": attempt_in(page), "action": "other"})
    device.post("/hub/join", {"attempt": attempt_in(page), "action": "join", "name": "Luna"})
    assert device.username().startswith("luna-")


def test_everything_on_the_page_is_in_the_workshops_language(hub) -> None:
    device = hub.browser("en-GB")
    form = device.join_form(hub.workshop("Todo en español").learner_invite.code, "")
    said = text_of(device.post("/hub/join", form))
    assert "Escribe tu nombre" in said
    form["attempt"] = "stale"
    said = text_of(device.post("/hub/join", form))
    assert "Envía el formulario otra vez" in said
    device.join(hub.workshop("Y después").learner_invite.code, "Después")
    assert "Mis comunidades" in device.get("/hub/home").text
    assert "Mis comunidades" in device.get("/services/communities/").text
    device.get("/hub/logout")
    assert "I have a code" in text_of(device.get("/hub/login"))


def test_who_hands_over_is_signed_out_of_their_server_too(hub) -> None:
    opened = hub.workshop("Relevo")
    device = hub.browser()
    device.join(opened.learner_invite.code, "Antes")
    page = device.open_join(opened.learner_invite.code)
    device.post("/hub/join", {"attempt": attempt_in(page), "action": "other"})
    assert not device.is_signed_in()


def test_sign_out_forgets_everything_and_back_signs_nobody_in(hub) -> None:
    opened = hub.workshop("Salir")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Se va", shared="1")
    device.post("/hub/join", form)
    assert device.is_signed_in()
    before = device.session.cookies.get("communities-attempt")
    device.get("/hub/logout")
    assert not device.is_signed_in()
    left = {cookie.name for cookie in device.session.cookies if cookie.value}
    assert not left & {"communities-invite", "jupyterhub-hub-login"}
    assert device.session.cookies.get("communities-attempt") != before
    device.post("/hub/join", form)
    assert not device.is_signed_in()
    assert taken(hub, opened) == 1


def test_a_shared_device_gets_cookies_that_end_with_the_browser(hub) -> None:
    opened = hub.workshop("Compartido")
    for shared in ("1", ""):
        device = hub.browser()
        device.join(opened.learner_invite.code, f"Compartida {shared}", shared=shared)
        expires = [c.expires for c in device.session.cookies if "hub-login" in c.name]
        assert expires
        assert (expires == [None]) == bool(shared)


@pytest.mark.parametrize(
    ("key", "status", "sentence"),
    [
        ("", 400, "Esta clave de regreso tiene un error."),
        ("AAAA-AAAA-AAAA-AAAB", 400, "Esta clave de regreso tiene un error."),
        ("0000-0000-0000-0000", 403, "Esta clave de regreso no es válida."),
    ],
)
def test_a_wrong_key_gets_a_sentence_and_keeps_what_was_typed(hub, key, status, sentence) -> None:
    device = hub.browser()
    login = device.get("/hub/login")
    page = device.post("/hub/login", {"attempt": attempt_in(login), "return_key": key})
    assert page.status_code == status
    assert sentence in text_of(page)
    assert f'value="{key}"' in page.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere(hub, target) -> None:
    device = hub.browser()
    code = hub.bound_code("traveller")
    key = device.join(code, "traveller")
    other = hub.browser()
    login = other.get("/hub/login", params={"next": target})
    form = {"attempt": attempt_in(login), "return_key": key, "next": target}
    page = other.post("/hub/login", form, allow_redirects=False)
    assert urlsplit(page.headers["Location"]).netloc == ""
    assert page.headers["Location"][:2] not in ("//", "/\\")
    page = other.get(
        "/hub/communities/language", params={"to": "es", "next": target}, allow_redirects=False
    )
    assert page.headers["Location"] == "/hub/"


def test_the_operator_gets_in_with_a_bound_code_and_is_still_an_administrator(hub) -> None:
    device = hub.browser("en")
    page = device.open_join(hub.bound_code("operator"))
    assert "This code gives operator a key" in text_of(page)
    device.post("/hub/join", {"attempt": attempt_in(page), "action": "join", "name": "operator"})
    assert device.username() == "operator"
    assert hub.user("operator")["admin"]


def test_a_locked_database_gets_a_sentence_and_loses_nothing(hub) -> None:
    opened = hub.workshop("Bloqueado")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Paciente")
    path = hub.folder / "communities.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        page = device.post("/hub/join", form)
        other.execute("ROLLBACK")
    assert page.status_code == 503
    assert "No se perdió nada" in text_of(page)
    assert 'value="Paciente"' in page.text
    form["attempt"] = attempt_in(page)
    assert key_in(device.post("/hub/join", form))


@contextmanager
def unreadable(hub):
    """Somebody holds the locks that SQLite's readers take, in the file of the shared memory."""
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b');"
        "fcntl.lockf(file, fcntl.LOCK_EX, 8, 120); print(flush=True); sys.stdin.read()"
    )
    path = hub.folder / "communities.sqlite-shm"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    holder.stdout.readline()
    try:
        yield
    finally:
        holder.communicate(timeout=10)
        wait_until(lambda: hub.browser().get("/hub/login").status_code == 200)


@contextmanager
def others_meanwhile(hub):
    """How long each of somebody else's requests takes, which asks nothing of our database."""
    taken, is_over = [], threading.Event()

    def ask() -> None:
        while not is_over.wait(0.1):
            taken.append(requests.get(f"{hub.url}/hub/health", timeout=60).elapsed.total_seconds())

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield taken
    finally:
        is_over.set()
        asking.join()


def test_a_database_that_cannot_be_read_gets_a_sentence_and_loses_nothing(hub) -> None:
    code = hub.workshop("Ilegible").learner_invite.code
    key = hub.browser().join(code, "Otra persona")
    device = hub.browser()
    form = device.join_form(code, "Paciente", shared="1")
    login = {"attempt": form["attempt"], "return_key": key}
    usual = max(device.get("/hub/join").elapsed.total_seconds() for _ in range(5))
    with unreadable(hub), others_meanwhile(hub) as others:
        pages = [
            device.get("/hub/join"),
            device.post("/hub/join", {"attempt": form["attempt"], "action": "look", "code": code}),
            device.post("/hub/join", form),
            device.post("/hub/login", login),
        ]
    for page in pages:
        assert page.status_code == 503
        assert "ocupada" in text_of(page)
        assert page.elapsed.total_seconds() < PATIENCE + 1 + 5 * usual, "waited for once"
    assert max(others) < 1 + 5 * usual, "the Hub's loop stands still for nobody"
    assert f'value="{code}"' in pages[1].text
    assert 'value="Paciente"' in pages[2].text
    assert "checked" in pages[2].text
    assert f'value="{key}"' in pages[3].text
    assert device.post("/hub/join", form).url == f"{hub.url}/hub/welcome"


def test_the_language_is_chosen_once_for_every_page(hub) -> None:
    device = hub.browser("en")
    device.get("/hub/communities/language", params={"to": "pt-BR", "next": "/hub/login"})
    assert "Tenho um código" in text_of(device.get("/hub/login"))
    device.join(hub.workshop("Idiomas").learner_invite.code, "Língua")
    assert 'lang="pt-BR"' in device.get("/hub/home").text
    assert "Minhas comunidades" in device.get("/services/communities/").text
    device.get("/hub/logout")
    assert "Tenho um código" in text_of(device.get("/hub/login")), "it survives sign-out"


@pytest.mark.parametrize("header", ["*", "xx", "es-419;q=0.1, en;q=0", ";;;", "z" * 10_000])
def test_no_language_header_breaks_a_page(hub, header) -> None:
    assert hub.browser(header).get("/hub/login").status_code == 200


def test_the_welcome_form_survives_a_stale_token(hub) -> None:
    device = hub.browser()
    key = device.join(hub.workshop("Ficha vieja").learner_invite.code, "Vieja")
    page = device.post("/hub/welcome", {"_xsrf": "stale"})
    assert key_in(page) == key
    assert xsrf_in(page)


def test_the_audit_has_the_requests_id_and_so_has_the_answer(hub) -> None:
    opened = hub.workshop("Con número de petición")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.code, "Rastro")
    page = device.post("/hub/join", form, headers={"X-Request-ID": "proxy-0123456789abcdef"})
    with hub.house.database.read() as store:
        entries = store.audit.of_community("andes", TrailFilter(action="invite:redeem"), limit=1)
    assert entries[0].request_id == "proxy-0123456789abcdef"
    assert page.headers["X-Request-ID"] == "proxy-0123456789abcdef"
    assert len(device.get("/hub/welcome").headers["X-Request-ID"]) == 32, "one is made"
