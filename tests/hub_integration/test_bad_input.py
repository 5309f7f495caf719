"""Bad input over HTTP: every answer is a page with a sentence, and nobody is signed in by it."""

from __future__ import annotations

import json
import time
from collections import Counter
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import pytest
from hubs import attempt_in, key_in, real_hub, text_of, xsrf_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tornado.web import create_signed_value

from jupyterhub_communities.application.workshops import view_workshop
from jupyterhub_communities.domain.codes import RETURN_KEY

INVITE, ATTEMPT, SIGN_IN = "communities-invite", "communities-attempt", "jupyterhub-hub-login"
MEGABYTE = "x" * 1_000_000
FUZZED_FORMS = 400


def secret_of(hub) -> bytes:
    return bytes.fromhex((hub.folder / "jupyterhub_cookie_secret").read_text().strip())


def signed(hub, name: str, value: str, *, days_ago: float = 0, secret: bytes | None = None) -> str:
    then = time.time() - days_ago * 86_400
    return create_signed_value(secret or secret_of(hub), name, value, clock=lambda: then).decode()


def plant(device, name: str, value: str, path: str) -> None:
    device.session.cookies.set(name, value, domain="127.0.0.1", path=path)


def taken(hub, opened) -> int:
    view = hub.house.call(view_workshop, hub.champion(), "andes", opened.workshop.slug)
    return view.learner_invite.invite.taken


def is_a_page(page) -> bool:
    """One of ours, with a sentence, and no accident."""
    return page.status_code < 500 and "<main" in page.text and len(text_of(page)) > 20


# Forged, expired and replayed


def cookies(hub, name: str, value: str) -> dict[str, str]:
    good = signed(hub, name, value)
    return {
        "unsigned": value,
        "forged": signed(hub, name, value, secret=b"x" * 32),
        "expired": signed(hub, name, value, days_ago=1.01),
        "of another name": signed(hub, "communities-other", value),
        "changed": good.replace(good[20:24], "AAAA"),
        "cut": good[: len(good) // 2],
        "nonsense": "2|1:0|999999999999:x|y",
        "huge": "z" * 6_000,
        "empty": "",
    }


KINDS = [
    "unsigned",
    "forged",
    "expired",
    "of another name",
    "changed",
    "cut",
    "nonsense",
    "huge",
    "empty",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_invite_cookie_opens_nothing(hub, kind) -> None:
    opened = hub.workshop(f"Galleta {kind}")
    for mark in ("=", "?", ""):
        device = hub.browser()
        form = {"attempt": attempt_in(device.get("/hub/login")), "action": "join", "name": "Mala"}
        value = cookies(hub, INVITE, mark + opened.learner_invite.code)[kind]
        plant(device, INVITE, value, "/hub/join")
        for page in (device.get("/hub/join"), device.post("/hub/join", form)):
            assert page.status_code == 200
            assert "12 letras y números" in text_of(page), "the form for a code"
        assert not device.is_signed_in()
    assert taken(hub, opened) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_attempt_cookie_joins_nobody_and_keeps_what_was_typed(hub, kind) -> None:
    opened = hub.workshop(f"Intento {kind}")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Paciente")
    device.session.cookies.clear("127.0.0.1", "/hub/", ATTEMPT)
    plant(device, ATTEMPT, cookies(hub, ATTEMPT, "a" * 22)[kind], "/hub/")
    page = device.post("/hub/join", form)
    assert page.status_code == 200
    assert 'value="Paciente"' in page.text
    assert not device.is_signed_in()
    assert taken(hub, opened) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_attempt_in_the_form_joins_nobody(hub, kind) -> None:
    opened = hub.workshop(f"Campo {kind}")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Paciente")
    form["attempt"] = cookies(hub, "attempt", "a" * 22)[kind]
    page = device.post("/hub/join", form)
    assert page.status_code == 200
    assert 'value="Paciente"' in page.text
    assert taken(hub, opened) == 0


def test_a_replayed_form_opens_nothing_once_the_key_was_kept(hub) -> None:
    opened = hub.workshop("Repetido")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Original")
    before = device.session.cookies.copy()
    device.post("/hub/join", form)
    device.keep_key(allow_redirects=False)
    thief = hub.browser()
    thief.session.cookies.update(before)
    page = thief.post("/hub/join", form)
    assert page.status_code == 403
    assert "Entra con tu clave de regreso" in text_of(page)
    assert not thief.is_signed_in()
    assert taken(hub, opened) == 1


def test_a_form_of_yesterday_is_drawn_again(hub) -> None:
    opened = hub.workshop("Ayer")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Tardía")
    form["attempt"] = signed(hub, "attempt", "a" * 22 + " ", days_ago=1.01)
    device.session.cookies.clear("127.0.0.1", "/hub/", ATTEMPT)
    plant(device, ATTEMPT, signed(hub, ATTEMPT, "a" * 22, days_ago=1.01), "/hub/")
    page = device.post("/hub/join", form)
    assert "Envía el formulario otra vez" in text_of(page)
    assert taken(hub, opened) == 0


# Planted: a page under /user/… sets cookies for any path of the host, and sends forms


@pytest.fixture
def attacker(hub):
    """Somebody with a form, an attempt and an invite of their own."""
    device = hub.browser()
    device.form = device.join_form(hub.workshop("Trampa").learner_invite.link, "Trampa")
    device.planted = {c.name: c.value for c in device.session.cookies}
    return device


@pytest.mark.parametrize("path", ["/", "/hub/", "/hub/join"])
def test_planted_cookies_and_a_sent_form_join_nobody_who_is_signed_in(hub, attacker, path) -> None:
    victim = hub.browser()
    victim.join(hub.workshop("Casa").learner_invite.link, "Víctima")
    victim.keep_key(allow_redirects=False)
    username = victim.username()
    groups = set(hub.user(username)["groups"])
    plant(victim, ATTEMPT, attacker.planted[ATTEMPT], path)
    plant(victim, INVITE, attacker.planted[INVITE], "/hub/join")
    for action in ("continue", "join", "new", "other"):
        victim.post("/hub/join", {**attacker.form, "action": action}, allow_redirects=False)
        assert victim.username() == username
        assert set(hub.user(username)["groups"]) == groups


@pytest.mark.parametrize("path", ["/", "/hub/", "/hub/join", "/hub/login"])
def test_planted_cookies_sign_nobody_in_as_somebody_else(hub, attacker, path) -> None:
    thief = hub.browser()
    key = thief.join(hub.workshop("Ajena").learner_invite.link, "Ajena")
    victim = hub.browser()
    victim.join(hub.workshop("Propia").learner_invite.link, "Propia")
    username = victim.username()
    plant(victim, ATTEMPT, attacker.planted[ATTEMPT], path)
    page = victim.post("/hub/login", {"attempt": attacker.form["attempt"], "return_key": key})
    assert victim.username() == username
    assert is_a_page(page)


@pytest.mark.parametrize("path", ["/", "/hub/join"])
def test_who_planted_an_attempt_beside_ours_does_not_get_the_account(hub, attacker, path) -> None:
    opened = hub.workshop(f"Junto {path}")
    victim = hub.browser()
    form = victim.join_form(opened.learner_invite.link, "Cuidada")
    plant(victim, ATTEMPT, attacker.planted[ATTEMPT], path)
    page = victim.post("/hub/join", {**form, "attempt": attacker.form["attempt"]})
    assert not victim.is_signed_in()
    assert taken(hub, opened) == 0
    assert 'value="Cuidada"' in page.text
    page = victim.post("/hub/join", {**form, "attempt": attempt_in(page)})
    assert key_in(page), "the planted cookie is cleared, and sent once more it works"
    attacker.open_join(opened.learner_invite.link)
    page = attacker.post("/hub/join", {**attacker.form, "action": "continue"})
    assert not attacker.is_signed_in()


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_form_that_a_page_of_another_host_sends_is_not_taken(hub, site) -> None:
    opened = hub.workshop(f"Otro sitio {site}")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Enviada")
    page = device.post("/hub/join", form, headers={"Sec-Fetch-Site": site})
    assert not device.is_signed_in()
    assert taken(hub, opened) == 0
    form["attempt"] = attempt_in(page)
    assert key_in(device.post("/hub/join", form, headers={"Sec-Fetch-Site": "same-origin"}))


@pytest.mark.parametrize("path", ["/", "/hub/"])
def test_a_planted_invite_only_shows_a_page(hub, attacker, path) -> None:
    device = hub.browser()
    plant(device, INVITE, attacker.planted[INVITE], path)
    for address in ("/hub/join", "/hub/login", "/hub/home"):
        device.get(address)
    assert not device.is_signed_in()


# Addresses

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "/\\evil.example",
    "\\\\evil.example",
    "/%5Cevil.example",
    "/%2F/evil.example",
    "%2F%2Fevil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "HTTPS://evil.example",
    "http://127.0.0.1@evil.example",
    "//127.0.0.1:80@evil.example/",
    "https://evil.example\\@127.0.0.1/",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\x00//evil.example",
    "/\x00/evil.example",
    "/hub/home\r\nSet-Cookie: a=b",
    "/hub/home\nLocation: //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/.//evil.example",
    "/..//evil.example",
    "/hub/..//evil.example",
    "//evil。example",
    "http://[::1",
    "//[",
    "evil.example",
    "?next=//evil.example",
    "é//evil.example",
    "/" * 5_000,
]


def leads_here(hub, answer) -> bool:
    """Where a browser would go: WHATWG's reading of backslashes, tabs and newlines."""
    location = answer.headers.get("Location")
    if location is None:
        return True
    assert "Set-Cookie: a=b" not in str(answer.headers)
    read = location.strip(" \x00").replace("\\", "/")
    read = "".join(character for character in read if character not in "\t\r\n")
    return urlsplit(urljoin(hub.url + "/hub/x", read)).netloc == urlsplit(hub.url).netloc


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_next_leads_elsewhere(hub, target) -> None:
    device = hub.browser()
    asked = {"next": target}
    answers = []

    def get(path: str, **more) -> None:
        answers.append(device.get(path, params={**asked, **more}, allow_redirects=False))

    get("/hub/communities/language", to="es")
    login = device.get("/hub/login", params=asked)
    assert login.status_code == 200
    form = {"attempt": attempt_in(login), "return_key": keys_of(hub), **asked}
    answers.append(device.post("/hub/login", form, allow_redirects=False))
    assert device.is_signed_in()
    for path in ("/hub/login", "/hub/welcome", "/hub/join", "/hub/communities/language"):
        get(path, to="es")
    answers.append(device.post("/hub/welcome", {"_xsrf": "", **asked}, allow_redirects=False))
    get("/hub/logout")
    for answer in answers:
        assert answer.status_code < 500, (target, answer.url)
        assert leads_here(hub, answer), (target, answer.url, answer.headers["Location"])


_keys: dict[int, str] = {}


def keys_of(hub) -> str:
    """The return key of somebody, made once."""
    if hub.port not in _keys:
        device = hub.browser()
        _keys[hub.port] = device.join(hub.workshop("Viajes").learner_invite.link, "Viajera")
        device.keep_key(allow_redirects=False)
    return _keys[hub.port]


# However it is typed

SPELLINGS = {
    "lower case": str.lower,
    "spaces": lambda code: " " + code.replace("-", "  ") + "\t",
    "no hyphens": lambda code: code.replace("-", ""),
    "a hyphen between all": lambda code: "-".join(code.replace("-", "")),
    **{
        f"U+{ord(dash):04X}": lambda code, dash=dash: code.replace("-", dash)
        for dash in "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u301c\u2043\u0640\u207b"
    },
    "Arabic-Indic": lambda code: digits(code, 0x0660),
    "extended Arabic-Indic": lambda code: digits(code, 0x06F0),
    "Devanagari": lambda code: digits(code, 0x0966),
    "full width": lambda code: "".join(
        chr(ord(character) + 0xFEE0) if character.isalnum() else character for character in code
    ),
    "mathematical": lambda code: digits(code, 0x1D7CE),
    "lookalikes": lambda code: code.replace("0", "o").replace("1", "l"),
    "marks of direction": lambda code: "\u200f" + code + "\u200e",
    "a byte order mark": lambda code: "\ufeff" + code,
    "no-break spaces": lambda code: code.replace("-", "\u202f"),
}


def digits(code: str, zero: int) -> str:
    return code.translate({ord("0") + n: chr(zero + n) for n in range(10)})


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_however_a_code_or_key_is_typed_it_opens(hub, spelling) -> None:
    code = hub.workshop(f"Escrito {spelling}").learner_invite.code
    device = hub.browser()
    form = {"attempt": attempt_in(device.get("/hub/login"))}
    typed = SPELLINGS[spelling](code)
    page = device.post("/hub/join", {**form, "action": "look", "code": typed})
    assert "Tu nombre" in text_of(page), text_of(page)
    page = device.post(
        "/hub/join", {"attempt": attempt_in(page), "action": "join", "name": "Escritora"}
    )
    assert key_in(page), "the code is still read when the form is sent"
    form = {"attempt": attempt_in(hub_login := (other := hub.browser()).get("/hub/login"))}
    assert hub_login.ok
    other.post("/hub/login", {**form, "return_key": SPELLINGS[spelling](key_in(page))})
    assert other.is_signed_in()


# Too much, and what is no text

FORMS = {
    "/hub/join": ["attempt", "action", "code", "name", "shared"],
    "/hub/login": ["attempt", "_xsrf", "next", "return_key", "username", "password", "shared"],
    "/hub/welcome": ["_xsrf"],
}
FIELDS = [(path, field) for path, fields in FORMS.items() for field in fields]


def good_form(hub, device, path: str) -> dict[str, str]:
    if path == "/hub/join":
        return device.join_form(hub.workshop("Campos").learner_invite.link, "Campos")
    if path == "/hub/login":
        attempt = attempt_in(device.get("/hub/login"))
        return {"attempt": attempt, "return_key": "AAAA-AAAA-AAAA-AAAB", "next": "/hub/home"}
    device.join(hub.workshop("Campos").learner_invite.link, "Campos")
    return {"_xsrf": xsrf_in(device.get("/hub/welcome"))}


@pytest.mark.parametrize("length", [900_000, 1_000_000, 3_000_000])
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_a_megabyte_in_a_field_gets_a_sentence(hub, path, field, length) -> None:
    device = hub.browser()
    form = good_form(hub, device, path)
    page = device.post(path, {**form, field: "x" * length}, allow_redirects=False)
    if length >= 1_000_000:
        assert page.status_code == 413
        assert "Este texto es demasiado largo." in text_of(page)
    else:
        assert page.status_code in (200, 303, 400, 403)
    assert len(page.content) < 50_000
    assert int(page.elapsed.total_seconds()) < 10


ODD = {
    "NUL": b"Ana%00Luz",
    "only NUL": b"%00",
    "invalid UTF-8": b"%ff%fe%80",
    "half a character": b"Ana%c3",
    "surrogates": b"%ed%a0%80",
    "line breaks": b"a%0d%0aSet-Cookie:+x=y",
    "escapes": b"%1b%5b2J",
    "markup": b"%22%3e%3cscript%3ealert(1)%3c/script%3e",
    "placeholders": b"%25(name)s+{0}+{{7*7}}+%25s",
    "bad percent": b"%zz%%%",
    "right to left": b"%e2%80%ae",
    "empty": b"",
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_what_is_no_text_gets_a_page(hub, path, field, odd) -> None:
    device = hub.browser()
    form = good_form(hub, device, path)
    body = urlencode({name: value for name, value in form.items() if name != field}).encode()
    body += b"&" + field.encode() + b"=" + ODD[odd]
    page = device.post(
        path,
        body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        allow_redirects=False,
    )
    assert page.status_code in (200, 303, 400, 403), (page.status_code, text_of(page))
    assert "<script>alert" not in page.text
    if page.status_code != 303:
        assert is_a_page(page)


@pytest.mark.parametrize("name", ["code", "lang", "next", "to", "username"])
@pytest.mark.parametrize("odd", ["NUL", "invalid UTF-8", "line breaks", "markup", "empty"])
def test_what_is_no_text_in_an_address_gets_a_page(hub, name, odd) -> None:
    for path in ("/hub/join", "/hub/login", "/hub/communities/language"):
        page = hub.browser().get(f"{path}?{name}={ODD[odd].decode()}")
        assert page.status_code in (200, 400), (path, page.status_code)
        assert "<script>alert" not in page.text


def test_duplicated_fields_and_arrays_get_a_page_and_join_at_most_once(hub) -> None:
    opened = hub.workshop("Doble campo")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Una")
    pairs = [*form.items(), *form.items(), ("name", "Otra"), ("name[]", "x"), ("name[0]", "y")]
    page = device.post("/hub/join", [("attempt", "x"), *pairs])
    assert key_in(page), "the last of each counts"
    assert device.username().startswith("otra-")
    assert taken(hub, opened) == 1
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Una")
    page = device.post("/hub/join", [*form.items(), ("attempt", "x")])
    assert page.status_code == 200
    assert taken(hub, opened) == 1


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=x", "multipart/form-data", "x/y"]
)
def test_another_kind_of_body_joins_nobody(hub, kind) -> None:
    for path in FORMS:
        device = hub.browser()
        form = good_form(hub, device, path)
        page = device.post(
            path, json.dumps(form), headers={"Content-Type": kind}, allow_redirects=False
        )
        assert page.status_code in (200, 303, 400), page.status_code


# Fuzzing

texts = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")),
    st.sampled_from(["", "0" * 12, "A" * 200, "\x00", "join", "look", "continue", "other", "new"]),
)
names = st.sampled_from([*sorted({field for _, field in FIELDS}), "x", "name[]", ""])


def test_fuzzed_forms_get_a_page_and_sign_nobody_in(hub) -> None:
    device = hub.browser()
    attempt = attempt_in(device.open_join(hub.workshop("Al azar").learner_invite.link))
    seen: Counter[int] = Counter()

    @settings(
        max_examples=FUZZED_FORMS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        path=st.sampled_from(sorted(FORMS)),
        fields=st.lists(st.tuples(names, texts), max_size=6),
        has_attempt=st.booleans(),
    )
    def send(path, fields, has_attempt) -> None:
        # A name would join, which is no accident; everything else is open.
        fields = [(name, value) for name, value in fields if (path, name) != ("/hub/join", "name")]
        if has_attempt and path == "/hub/login":
            fields.append(("attempt", attempt))
        body = urlencode(fields, errors="surrogatepass")
        page = device.post(
            path,
            body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            allow_redirects=False,
        )
        seen[page.status_code] += 1
        assert page.status_code in (200, 302, 303, 400, 403), text_of(page)
        assert SIGN_IN not in device.session.cookies

    send()
    print(f"\nfuzzed forms: {seen.total()} sent, answered {dict(seen)}")
    assert seen.total() >= FUZZED_FORMS
    assert not device.is_signed_in()


# A clock that steps back

STEPPING = """
from datetime import timedelta
from pathlib import Path
from jupyterhub_communities import app
class SteppingClock(app.SystemClock):
    def now(self):
        return super().now() + timedelta(seconds=float(Path("offset").read_text()))
Path("offset").write_text("0")
app.SystemClock = SteppingClock
"""


@pytest.fixture(scope="module")
def stepping_hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("stepping"), more=STEPPING) as hub:
        hub.step = lambda seconds: (hub.folder / "offset").write_text(str(seconds))
        yield hub


@pytest.mark.parametrize("back", [-1, -240])
def test_a_clock_that_steps_back_a_little_changes_nothing(stepping_hub, back) -> None:
    hub = stepping_hub
    hub.step(0)
    opened = hub.workshop(f"Reloj {back}")
    device = hub.browser()
    form = device.join_form(opened.learner_invite.link, "Puntual")
    before = device.session.cookies.copy()
    device.post("/hub/join", form)
    hub.step(back)
    time.sleep(1.5)  # the Hub asks again whether the person may stay
    username = device.username()
    assert f"community-andes.reloj-{-back}" in hub.user(username)["groups"]
    assert "/hub/welcome" not in device.keep_key().url
    again = hub.browser()
    again.session.cookies.update(before)
    assert again.post("/hub/join", form).status_code == 403, "the attempt is spent"
    assert not again.is_signed_in()
    hub.api("DELETE", f"/users/{username}/server")


def test_a_clock_that_steps_back_a_year_gets_sentences(stepping_hub) -> None:
    hub = stepping_hub
    hub.step(0)
    opened = hub.workshop("Un año atrás")
    device = hub.browser()
    key = device.join(opened.learner_invite.link, "Paciente")
    device.keep_key(allow_redirects=False)
    hub.step(-365 * 86_400)
    pages = [device.get(path) for path in ("/hub/home", "/hub/login", "/hub/join", "/hub/welcome")]
    other = hub.browser()
    login = other.get("/hub/login")
    pages.append(other.post("/hub/login", {"attempt": attempt_in(login), "return_key": key}))
    pages.append(hub.browser().open_join(opened.learner_invite.code))
    assert all(page.status_code < 500 for page in pages)
    hub.step(0)
    login = other.get("/hub/login")
    other.post("/hub/login", {"attempt": attempt_in(login), "return_key": key})
    assert other.is_signed_in(), "nothing was lost"
    assert "Traceback" not in hub.log()


def test_no_key_was_typed_into_the_log(hub) -> None:
    key = keys_of(hub)
    wrong = RETURN_KEY.draw(lambda symbols: "Q")
    for path, form in (
        ("/hub/login", {"return_key": wrong, "next": f"/hub/join?code={wrong}"}),
        ("/hub/join", {"action": "look", "code": wrong}),
        ("/hub/join?code=" + wrong, {"action": wrong}),
    ):
        device = hub.browser()
        attempt = attempt_in(device.get("/hub/login"))
        device.post(path, {"attempt": attempt, **form})
    log = unquote(hub.log())
    for secret in (key, wrong):
        assert secret not in log
        assert secret.replace("-", "") not in log
