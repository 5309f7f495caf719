"""Which language a reader gets. Pure, and never an error: what makes no sense is passed over.

Source: RFC 9110 12.5.4 (`Accept-Language`), RFC 4647 3.4 (lookup).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from babel import Locale
from babel.core import get_global

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
_RANGE = re.compile(rf"\s*({_TAG.pattern}|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{{0,3}})?)\s*)?")
_LONGEST_HEADER = 1000  # characters that are read
_LAB_COUNTRIES = {
    "ar": "SA",
    "es": "ES",
    "pt": "BR",
}  # JupyterLab's packs, where CLDR's likely one differs


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that speaks for a language, the strongest first."""

    cookie: str | None = None  # the explicit choice on this device
    stored: str | None = None  # the explicit choice kept with the account
    query: str | None = None  # ?lang=
    workshop: str | None = None
    accept: str | None = None  # the header Accept-Language
    community: str | None = None
    hub: str | None = None


def negotiate(wishes: Wishes, offered: Sequence[str], *, default: str = "en") -> str:
    """The offered tag that fits best."""
    for wish in (wishes.cookie, wishes.stored, wishes.query, wishes.workshop):
        if found := closest(wish, offered):
            return found
    for accepted in accepted_tags(wishes.accept):
        if found := closest(accepted, offered):
            return found
    for wish in (wishes.community, wishes.hub):
        if found := closest(wish, offered):
            return found
    return default


def closest(tag: str | None, offered: Sequence[str]) -> str | None:
    """The offered tag for a wanted one: itself, a shorter form of it, or the same language as
    spoken elsewhere (`es-419` → `es`, `pt-PT` → `pt-BR`). None where the language is not offered."""
    if tag is None or len(tag) > 40 or not _TAG.fullmatch(tag.replace("_", "-")):
        return None
    by_lower = {candidate.lower(): candidate for candidate in offered}
    parts = tag.replace("_", "-").lower().split("-")
    for length in range(len(parts), 0, -1):
        if found := by_lower.get("-".join(parts[:length])):
            return found
    for lower, candidate in by_lower.items():
        if lower.split("-")[0] == parts[0]:
            return candidate
    return None


def accepted_tags(header: str | None) -> Iterator[str]:
    """The tags of an `Accept-Language` header, the most wanted first; `*` and q=0 say nothing."""
    ranges: list[tuple[float, str]] = []
    for part in (header or "")[:_LONGEST_HEADER].split(","):
        match = _RANGE.fullmatch(part)
        if match is not None and match[1] != "*":
            ranges.append((float(match[3] or 1), match[1]))
    for quality, tag in sorted(ranges, key=lambda entry: -entry[0]):
        if quality > 0:
            yield tag


def lab_locale(tag: str) -> str:
    """JupyterLab's name for a language, by its packs: `es` → `es_ES`; `en` has none and stays."""
    locale = Locale.parse(tag, sep="-")
    if locale.language == "en":
        return "en"
    country = locale.territory or _LAB_COUNTRIES.get(locale.language)
    if country is None:
        likely = get_global("likely_subtags").get(locale.language, locale.language.upper())
        country = likely.rsplit("_", 1)[-1]
    return f"{locale.language}_{country}"
