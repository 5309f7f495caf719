"""Short texts that exist in several languages, such as a community's name."""

from __future__ import annotations

from collections.abc import Mapping

LocalText = Mapping[str, str]  # language tag → text


def in_language(text: LocalText, tag: str, *, default: str = "en") -> str:
    """The text in `tag`, or in its base language, or in `default`, or the first there is."""
    for wanted in (tag, tag.split("-")[0], default):
        if wanted in text:
            return text[wanted]
    return next(iter(text.values()), "")
