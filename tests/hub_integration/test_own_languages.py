"""A hub that speaks a language of its operator's own, and starts however broken its catalogues are."""

from __future__ import annotations

import os
import re
import signal

import pytest
from hubs import COMMUNITIES, WATCHED, real_hub, text_of
from translations import line_of, write_language, write_sentences

from tools import wait_until

OWN = COMMUNITIES.replace("hub: {language: en}", "hub: {language: en, catalogues: ./locale}")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    write_language(folder / "locale", "qu", "Q! ")
    write_sentences(folder / "locale", "es", 'msgid "Sign out"\nmsgstr "Cerrar la sesión"\n')
    with real_hub(folder, communities=OWN, more=WATCHED) as hub:
        yield hub


def switch_of(page) -> list[str]:
    """The languages that the page's switch offers, by their own names."""
    page.encoding = "utf-8"
    switch = re.search(r'(?s)<nav class="languages.*?</nav>', page.text)
    assert switch, f"no language switch on {page.url}"
    return re.findall(r">([^<>]+)</a>", switch[0])


def test_every_page_offers_every_language_in_its_own_name(hub) -> None:
    opened = hub.workshop("Rimay")
    champion = hub.browser("en")
    champion.join(hub.bound_code("ana"), "ana")
    welcome = champion.get("/hub/welcome")
    champion.keep_key(allow_redirects=False)
    anonymous = hub.browser("en")
    anonymous.open_join(opened.learner_invite.code)
    place = f"/services/communities/communities/andes/workshops/{opened.workshop.slug}"
    pages = [
        *(anonymous.get(path) for path in ("/hub/login", "/hub/join", "/hub/lost-key")),
        welcome,
        anonymous.get("/hub/join?code=AAAA-AAAA-AAAA"),
        *(champion.get(f"/hub/{path}") for path in ("home", "spawn", "token", "link", "nowhere")),
        *(champion.get(f"/services/communities/{path}") for path in ("", "me", "nowhere")),
        champion.get("/services/communities/communities/andes"),
        champion.get("/services/communities/communities/andes/codes"),
        champion.get("/services/communities/communities/andes/keys"),
        champion.get("/services/communities/communities/andes/workshops/new"),
        *(champion.get(place + path) for path in ("", "/codes", "/keys", "/close")),
        champion.get("/hub/logout"),
    ]
    names = [
        *("English", "Español", "Français", "Kiswahili", "Português (Brasil)"),
        *("Runasimi", "العربية"),
    ]
    assert {page.url: switch_of(page) for page in pages} == {page.url: names for page in pages}


def test_a_language_of_the_operators_own_is_chosen_once_for_both_doors(hub) -> None:
    device = hub.browser("en")
    device.get("/hub/communities/language", params={"to": "qu", "next": "/hub/login"})
    device.join(hub.workshop("Iskay").learner_invite.code, "Inti")
    device.keep_key(allow_redirects=False)
    for path in ("/hub/home", "/services/communities/"):
        page = device.get(path)
        assert '<html lang="qu" dir="ltr">' in page.text, path
        assert "Q! Sign out" in page.text, path
    device.get("/hub/logout")
    assert '<html lang="qu" dir="ltr">' in device.get("/hub/login").text, "it survives sign-out"


def test_a_workshop_and_a_browser_in_that_language_are_met_in_it(hub) -> None:
    assert '<html lang="qu"' in hub.browser("qu-PE,es;q=0.9").get("/hub/login").text
    opened = hub.workshop("Kimsa", language="qu")
    assert '<html lang="qu"' in hub.browser("en").open_join(opened.learner_invite.code).text


def test_a_sentence_of_the_operators_own_stands_at_both_doors(hub) -> None:
    device = hub.browser("es")
    device.join(hub.workshop("Tawa", language="es").learner_invite.code, "Killa")
    for path in ("/hub/welcome", "/services/communities/"):
        assert "Cerrar la sesión" in device.get(path).text, path


def test_a_hub_restarted_with_broken_catalogues_starts_with_ours_and_says_once_what_is_wrong(
    hub,
) -> None:
    quechua = hub.folder / "locale/qu/LC_MESSAGES/messages.po"
    at = line_of(quechua, '^msgstr "Q! Sign out"')
    whole = quechua.read_text()
    quechua.write_text(whole.replace('"Q! Sign out"', '"Q! Sign out %(who)s"'))
    spanish = hub.folder / "locale/es/LC_MESSAGES/messages.po"
    spanish.write_bytes(b'msgid "Sign out"\nmsgstr "\xff"\n')
    device = hub.browser("qu, es;q=0.5")
    assert '<html lang="qu"' in device.get("/hub/login").text, (
        "a running hub keeps what it has read"
    )
    before = len(hub.log())
    hub.restart()
    page = device.get("/hub/login")
    assert '<html lang="es"' in page.text
    assert "Runasimi" not in switch_of(page)
    assert "Tengo un código" in text_of(page)
    said = hub.log()[before:]
    assert said.count(f"{quechua}:{at - 1}: placeholders differ, write no placeholder") == 1
    assert said.count("so qu is not offered yet") == 1
    assert said.count(f"{spanish}:2: this is not UTF-8") == 1
    assert said.count("Languages: ") == 3, "by the Hub alone, of both doors"
    quechua.write_text(whole)
    hub.restart()
    assert '<html lang="qu"' in device.get("/hub/login").text


def test_a_service_that_starts_again_says_what_the_hub_could_not_know(hub) -> None:
    (hub.folder / "locale" / "klingon").mkdir()
    before = len(hub.log())
    os.kill(hub.service_pid(), signal.SIGKILL)
    wait_until(
        lambda: "klingon: this folder is not named by a language" in hub.log()[before:], seconds=120
    )
    wait_until(hub.answers, seconds=60)
    assert hub.log()[before:].count("klingon: this folder") == 1
