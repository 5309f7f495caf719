"""Short texts that exist in several languages, such as a community's name."""

from __future__ import annotations

from collections.abc import Mapping

LocalText = Mapping[str, str]  # language tag → text


def in_language(text: LocalText, tag: str, *, default: str = "en") -> str:
    """The text in `tag`, or in its language, or in another variety of it, or in `default`, or the
    first there is."""
    base = tag.partition("-")[0]
    varieties = (name for name in text if name.partition("-")[0] == base)
    for wanted in (tag, base, *varieties, default):
        if wanted in text:
            return text[wanted]
    return next(iter(text.values()), "")
