"""Which language a reader gets. Pure; whatever a browser sends, nothing here raises.

The order is an explicit choice (cookie, then stored preference), `?lang=`, the workshop's language,
`Accept-Language`, the community's, the hub's. A wish that no offered language fits is passed over.
Matching is RFC 4647 lookup along CLDR's parents (`es-MX` → `es-419` → `es`), and then the nearest
region: `pt` and `pt-PT` get `pt-BR` where that is the only Portuguese there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_QUALITY = re.compile(r"[01](?:\.\d{0,3})?")
_MOST_RANGES = 50  # of one header; browsers send ten at the most

# What JupyterLab's language packs are called, where CLDR's likely territory is another.
_LAB_LOCALES = {"en": "en", "ar": "ar_SA"}


def is_language_tag(text: str) -> bool:
    """A tag such as `es`, `pt-BR` or `sw`, of a language that CLDR knows."""
    try:
        return _TAG.fullmatch(text) is not None and bool(Locale.parse(text, sep="-"))
    except (ValueError, UnknownLocaleError):
        return False


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
    for wish in _in_order(wishes):
        found = closest(wish, offered)
        if found is not None:
            return found
    return default


def _in_order(wishes: Wishes) -> Iterator[str]:
    for wish in (wishes.cookie, wishes.stored, wishes.query, wishes.workshop):
        yield wish or ""
    yield from accepted_tags(wishes.accept)
    for wish in (wishes.community, wishes.hub):
        yield wish or ""


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


def closest(tag: str | None, offered: Sequence[str]) -> str | None:
    """The offered tag nearest to `tag`, or None where none is of its language."""
    if not tag or len(tag) > 50 or not _TAG.fullmatch(tag):
        return None
    known = {_normal(candidate): candidate for candidate in offered}
    language = _normal(tag).partition("-")[0]
    for candidate in _parents(_normal(tag)):
        if candidate in known:
            return known[candidate]
    same = sorted(name for name in known if name.partition("-")[0] == language)
    likely = _likely(language)
    return known[likely if likely in same else same[0]] if same else None


def _normal(tag: str) -> str:
    """A tag as this module compares them: lower case, hyphens, deprecated names replaced."""
    language, _, rest = tag.replace("_", "-").lower().partition("-")
    language = str(get_global("language_aliases").get(language, language)).lower()
    return f"{language}-{rest}" if rest else language


def _parents(tag: str) -> Iterator[str]:
    """The tag, then ever more general ones, by CLDR's parents and by dropping subtags."""
    while tag:
        yield tag
        parent = _cldr_parents().get(tag)
        if parent:
            tag = parent
            continue
        tag = tag.rpartition("-")[0]
        if tag[-2:-1] == "-":  # RFC 4647, 3.4: a single letter left at the end goes too
            tag = tag[:-2]


@cache
def _cldr_parents() -> dict[str, str]:
    """CLDR's parents that are not had by dropping a subtag: `es-mx` → `es-419`."""
    pairs = get_global("parent_exceptions").items()
    named = {child: parent for child, parent in pairs if parent != "root"}
    return {_normal(child): _normal(parent) for child, parent in named.items()}


def _likely(language: str) -> str:
    """The tag with the territory that CLDR holds most likely: `pt` → `pt-br`."""
    full = str(get_global("likely_subtags").get(language, language))
    return f"{language}-{full.rpartition('_')[2].lower()}"


def lab_locale(tag: str) -> str:
    """What JupyterLab calls the language: `es_ES`, `pt_BR`, `fr_FR`; `en` for English."""
    if tag in _LAB_LOCALES:
        return _LAB_LOCALES[tag]
    locale = Locale.parse(tag, sep="-")
    territory = locale.territory or _likely(locale.language).rpartition("-")[2].upper()
    return f"{locale.language}_{territory}"
