"""All pages, walked once: each in every language, and in Spanish and Arabic looked at closely."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

import pytest
from babel.messages.catalog import Message
from hubs import real_hub
from tour import rare, stops
from tour.looking import MARKS, WIDTHS, Seen, call, left_over, not_mirrored, violations
from tour.visits import LANGUAGES
from tour.walk import LOOKED_AT, walk
from tour.world import leave_world, make_world

from jupyterhub_communities.i18n.catalogues import extract_catalogue
from jupyterhub_communities.i18n.messages import messages_for
from jupyterhub_communities.pages.templates import share_dir

pytestmark = pytest.mark.browser

STOPS = {stop.name: stop for stop in (*stops.DEMO_STOPS, *rare.RARE_STOPS)}
TEMPLATES = share_dir() / "templates"

# Words that are the same in both languages, and what is called so everywhere.
EVERYWHERE = {
    "jupyterhub",
    "jupyterlab",
    "csv",
    "json",
    "qr",
    "pdf",
    "ok",
    "mb",
    "gb",
    "gib",
    "scopes",
    "utc",
    # In French; which of them is met depends on how long servers ran.
    "minute",
    "minutes",
}
SAME_WORDS = {
    "es": {"error", "no", "terminal", "token", "tokens"},
    "pt-BR": {"as", "compare", "for", "link", "mail", "menu", "no", "terminal", "token", "tokens"},
    "fr": {
        *("file", "pages"),
        *("actions", "administration", "application", "applications", "audit", "code", "codes"),
        *(
            "contact",
            "double",
            "letter",
            "menu",
            "message",
            "page",
            "pause",
            "place",
            "places",
            "possible",
        ),
        *("questions", "quota", "service", "terminal"),
    },
    "ar": {"letter"},
    "sw": {"letter"},
}
# Nothing of their own to be seen: 404.html is the page of errors, fields.html frames what forms say.
# What error.html keeps while the Hub is away is seen in tests/service/test_bad_input.py.
WITHOUT_WORDS = {
    "hub/404.html",
    "service/error.html",
    "service/fields.html",
    "service/numbers_of_hub.html",
    "service/slip_list.html",
    "stops.html",
    "workshop_messages.html",
}


@dataclass
class Walked:
    seen: dict[tuple[str, str], Seen]  # by stop and language
    names: set[str]

    def of(self, stop: str) -> list[Seen]:
        """English first."""
        return [self.seen[stop, tag] for tag in LANGUAGES]

    def looked_at(self, stop: str) -> list[Seen]:
        return [self.seen[stop, tag] for tag in LOOKED_AT]


@pytest.fixture(scope="module")
def walked(demo, tmp_path_factory) -> Walked:
    world = make_world(demo)
    try:
        seen = walk(stops.DEMO_STOPS, world)
    finally:
        leave_world(world)
    folder = tmp_path_factory.mktemp("rare")
    with real_hub(folder, more=rare.CONFIG, communities=rare.COMMUNITIES) as hub:
        rare_world = rare.make_rare_world(hub)
        try:
            seen += walk(rare.RARE_STOPS, rare_world)
        finally:
            rare.let_go(hub)
    names = world.names | world.secrets | rare_world.names | rare_world.secrets
    return Walked({(each.stop, each.tag): each for each in seen}, names)


# Words


@pytest.mark.parametrize("stop", STOPS)
def test_a_page_says_nothing_in_english_to_who_reads_another_language(walked, stop) -> None:
    english, *others = walked.of(stop)
    found = []
    for other in others:
        same = EVERYWHERE | SAME_WORDS[other.tag]
        found += [f"{other.tag}: {each}" for each in left_over(english, other, walked.names, same)]
    assert found == []


@pytest.mark.parametrize("stop", STOPS)
def test_a_page_says_which_language_it_is_in(walked, stop) -> None:
    for seen in walked.of(stop):
        assert (seen.lang, seen.direction) == (seen.tag, messages_for(seen.tag).direction)
        assert seen.status == walked.seen[stop, "en"].status
        assert seen.objects == []


def test_an_english_word_on_another_page_is_noticed(walked) -> None:
    english, spanish = (walked.seen["stranger: login", tag] for tag in ("en", "es"))
    for place in ("button", "input[placeholder]", "title"):
        planted = replace(spanish, texts=[*spanish.texts, (place, "Entrar: Continue")])
        (found,) = left_over(english, planted, walked.names, EVERYWHERE)
        assert found == f"'continue' in {place}: Entrar: Continue"


def test_no_list_of_same_words_is_longer_than_what_is_met(walked) -> None:
    for tag, same in SAME_WORDS.items():
        met = set()
        for stop in STOPS:
            english, other = walked.seen[stop, "en"], walked.seen[stop, tag]
            met |= {
                found.split("'")[1] for found in left_over(english, other, walked.names, EVERYWHERE)
            }
        assert met == same, tag


def test_every_template_is_visited(walked) -> None:
    unseen = set(names_of_templates()) - WITHOUT_WORDS - visited(walked.seen.values())
    assert unseen == set()


def test_a_template_that_no_stop_visits_is_noticed(walked) -> None:
    seen = [each for each in walked.seen.values() if each.stop != "champion: retire"]
    assert set(names_of_templates()) - WITHOUT_WORDS - visited(seen) == {"service/retire.html"}


def names_of_templates() -> list[str]:
    return [str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")]


def visited(seen) -> set[str]:
    """The templates of which a page said something that no other one says; or all that they say."""
    sentences: dict[str, list[tuple[Message, bool]]] = {name: [] for name in names_of_templates()}
    for message in extract_catalogue():
        places = [place.partition("/templates/")[2] for place, _ in message.locations]
        for name in filter(None, places):
            sentences[name].append((message, len(places) == 1))
    pages = [
        (each.tag, " ".join(" ".join(said for _, said in each.texts).split())) for each in seen
    ]
    found = set()
    for name, said in sentences.items():
        own = [message for message, is_own in said if is_own]
        wanted = own or [message for message, _ in said]
        enough = any if own else all
        if wanted and any(enough(says(page, tag, each) for each in wanted) for tag, page in pages):
            found.add(name)
    return found


def says(page: str, tag: str, message: Message) -> bool:
    return any(re.search(each, page) for each in patterns_of(tag, message.id, message.context))


@cache
def patterns_of(tag: str, ids: str | tuple[str, str], context: str | None) -> list[str]:
    """A sentence with a name or a number for its placeholders, once for each plural form."""
    before = () if context is None else (context,)
    kind = "gettext" if context is None else "pgettext"
    if isinstance(ids, tuple):
        asked = [(f"n{kind}", *before, *ids, num) for num in range(101)]
    else:
        asked = [(kind, *before, ids)]
    texts = {messages_for(tag).look_up(*each).replace("%%", "%") for each in asked}
    return [re.sub(r"%\\\(\w+\\\)s", ".{0,80}?", re.escape(text)) for text in texts]


# Right to left


@pytest.mark.parametrize("stop", STOPS)
def test_an_arabic_page_is_the_spanish_one_in_a_mirror(walked, stop) -> None:
    spanish, arabic = walked.looked_at(stop)
    assert spanish.boxes[1280], MARKS
    found = [
        each
        for width in (1280, 360)
        for each in not_mirrored(spanish.boxes[width], arabic.boxes[width], width)
    ]
    assert found == []


def test_a_page_that_is_not_mirrored_is_noticed(walked) -> None:
    spanish, _ = walked.looked_at("stranger: login")
    found = not_mirrored(spanish.boxes[1280], spanish.boxes[1280], 1280)
    assert {each.split(" at ")[0] for each in found} >= {".brand, .navbar-brand", "h1", "label"}


@pytest.mark.parametrize("stop", STOPS)
def test_codes_keys_and_usernames_stay_left_to_right_and_are_copied_whole(walked, stop) -> None:
    spanish, arabic = walked.looked_at(stop)
    assert arabic.mixed == []
    for shown, copied in (*spanish.copied, *arabic.copied):
        assert copied == shown


def test_the_codes_of_a_workshop_are_among_what_is_copied(walked) -> None:
    _, arabic = walked.looked_at("champion: workshop")
    assert [shown for shown, _ in arabic.copied if re.fullmatch(r"(\w{4}-){2}\w{4}", shown)]


# Access


@pytest.mark.parametrize("stop", STOPS)
def test_axe_finds_nothing_against_wcag_2_2_aa(walked, stop) -> None:
    assert [each for seen in walked.looked_at(stop) for each in seen.violations] == []


@pytest.mark.parametrize("stop", STOPS)
def test_nothing_is_cut_off_down_to_320_pixels_and_at_twice_the_size(walked, stop) -> None:
    assert set(WIDTHS) >= {320, 640}
    for seen in walked.looked_at(stop):
        assert {width: found for width, found in seen.cut.items() if found} == {}, seen.tag


@pytest.mark.parametrize("stop", STOPS)
def test_what_has_the_focus_can_be_seen(walked, stop) -> None:
    assert [each for seen in walked.looked_at(stop) for each in seen.obscured] == []


PLANTED = """
<html lang="es"><title>Una página</title><main id="main">
  <h1>Una página</h1>
  <p style="color: #999; background: #fff">Poco contraste</p>
  <input>
  <p><a href="#1" style="display: inline-block; width: 9px; height: 9px; overflow: hidden">a</a
    ><a href="#2" style="display: inline-block; width: 9px; height: 9px; overflow: hidden">b</a></p>
  <p style="margin-inline-start: 400px; width: 600px">Más ancho que un teléfono</p>
  <p style="width: 40px; overflow: hidden; white-space: nowrap">Esto no cabe aquí</p>
  <button>Enviar</button>
  <div style="position: fixed; inset: 0; background: #fff4"></div>
</main></html>
"""


async def test_what_is_wrong_with_a_page_is_noticed(new_device) -> None:
    page = await new_device()
    await page.set_content(PLANTED)
    rules = {found.split(":")[0] for found in await violations(page)}
    assert rules == {"color-contrast", "label", "target-size"}
    cut = {"the page is 1008 wide", "p leaves the screen", "p is cut off", "a is cut off"}
    assert set(await call(page, "cut")) == cut
    assert "button" in await call(page, "obscured")
    assert await call(page, "mixed", ["Poco"]) == ["p: Poco"]
