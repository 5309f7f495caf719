"""Which language a reader gets. Pure; whatever a browser sends, nothing here raises.

The order is an explicit choice (cookie, then stored preference), `?lang=`, the workshop's language,
`Accept-Language`, the community's, the hub's. A wish that no offered language fits is passed over.

What fits is said by CLDR's language matching (UTS #35, by the library langcodes): the nearest variety
of the same language (`es-MX` gets `es-419` rather than `es`, `pt-PT` gets `pt-BR` where that is the
only Portuguese); and, where none of what a browser accepts is offered, the language that most of its
speakers also read: Spanish for Quechua, French for Wolof.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from langcodes import Language, closest_match
from langcodes.tag_parser import LanguageTagError

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_QUALITY = re.compile(r"[01](?:\.\d{0,3})?")
_LONGEST_TAG = 50
_MOST_RANGES = 50  # of one header; browsers send ten at the most

# CLDR's distances: below 20 lie varieties of one language, up to 45 the languages that its speakers
# are used to; another script of the same language is farther.
_SAME_LANGUAGE = 19
_ALSO_READ = 45

# Tags of no language: undetermined, several, none, without a code.
_NO_LANGUAGE = ("und", "mul", "zxx", "mis")

# The languages that JupyterLab has a pack for.
# fmt: off
LAB_PACKS = (
    "ar-SA", "ca-ES", "cs-CZ", "da-DK", "de-DE", "el-GR", "es-ES", "et-EE", "fi-FI", "fr-FR",
    "he-IL", "hu-HU", "hy-AM", "id-ID", "it-IT", "ja-JP", "ko-KR", "lt-LT", "nl-NL", "no-NO",
    "pl-PL", "pt-BR", "ro-RO", "ru-RU", "tr-TR", "uk-UA", "vi-VN", "zh-CN", "zh-TW",
)
# fmt: on


def is_language_tag(text: str) -> bool:
    """A tag such as `es`, `pt-BR` or `sw`, of a language that has a code (IANA's registry)."""
    if "_" in text or not _TAG.fullmatch(text):
        return False
    try:
        language = Language.get(text)
    except LanguageTagError:  # has the form of a tag, and is none
        return False
    return language.is_valid() and language.language not in (None, *_NO_LANGUAGE)


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that is known of what a reader may want: language tags, None where nothing is known."""

    cookie: str | None = None
    stored: str | None = None
    query: str | None = None
    workshop: str | None = None
    accept: str | None = None  # the header Accept-Language as it came
    community: str | None = None
    hub: str | None = None


def negotiate(wishes: Wishes, offered: Sequence[str], *, default: str = "en") -> str:
    """The offered tag that fits best, `default` where none does."""
    for wish, distance in _in_order(wishes):
        found = closest(wish, offered, distance)
        if found is not None:
            return found
    return default


def _in_order(wishes: Wishes) -> Iterator[tuple[str | None, int]]:
    """Every wish, and how far from it an offered language may lie."""
    for wish in (wishes.cookie, wishes.stored, wishes.query, wishes.workshop):
        yield wish, _SAME_LANGUAGE
    accepted = accepted_tags(wishes.accept)
    for distance in (_SAME_LANGUAGE, _ALSO_READ):
        for tag in accepted:
            yield tag, distance
    for wish in (wishes.community, wishes.hub):
        yield wish, _ALSO_READ


def accepted_tags(header: str | None) -> list[str]:
    """The language ranges of an `Accept-Language` header, most wanted first.

    What cannot be read is left out, as are ranges with quality 0 and the wildcard: "anything"
    leaves the choice to the community and the hub.
    """
    ranges: list[tuple[float, str]] = []
    for item in (header or "").split(",", _MOST_RANGES)[:_MOST_RANGES]:
        tag, _, parameters = item.partition(";")
        name, _, quality = parameters.partition("=")
        quality = quality.strip() if name.strip().lower() == "q" else "1"
        if _TAG.fullmatch(tag.strip()) and _QUALITY.fullmatch(quality) and float(quality) > 0:
            ranges.append((min(float(quality), 1.0), tag.strip()))
    ranges.sort(key=lambda pair: -pair[0])  # stable: equals stay in the header's order
    return [tag for _, tag in ranges]


def closest(tag: str | None, offered: Sequence[str], distance: int = _SAME_LANGUAGE) -> str | None:
    """The offered tag nearest to `tag`, or None where none lies within CLDR's `distance`."""
    if not tag or len(tag) > _LONGEST_TAG or not _TAG.fullmatch(tag):
        return None
    try:
        found, _ = closest_match(tag, offered, max_distance=distance)
    except LanguageTagError:  # has the form of a tag, and is none
        return None
    return found if found in offered else None


def also_read(tag: str, offered: Sequence[str]) -> str | None:
    """The offered tag of the same language, else of the one that most of its speakers also read."""
    return closest(tag, offered) or closest(tag, offered, _ALSO_READ)


@lru_cache(maxsize=256)
def lab_locale(tag: str) -> str:
    """What JupyterLab calls the language: `es_ES`, `pt_BR`, `fr_FR`; `en` for English."""
    likely = Language.get(tag).maximize()
    if likely.language == "en":
        return "en"
    pack = closest(tag, LAB_PACKS)
    return pack.replace("-", "_") if pack else f"{likely.language}_{likely.territory}"
