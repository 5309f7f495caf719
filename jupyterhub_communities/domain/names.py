"""The names people give, in any script, and the usernames derived from them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from anyascii import anyascii

from .codes import ALPHABET, Choice
from .refusals import BatchTooLarge, NameEmpty, NamesInvalid, NameTooLong, NameUnreadable

LONGEST_NAME = 80  # characters
MOST_NAMES = 10_000  # of a list of personal codes
_LONGEST_STEM = 20
_LONGEST_FOLDED = 255
_TAIL = 5

# Joiners belong to the spelling of Persian, Hindi and others; every other format character
# (direction overrides among them) can make a name look like another one.
_JOINERS = {"\u200c", "\u200d"}
_UNREADABLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def read_name(typed: str) -> str:
    """The name as it is kept and shown: NFC, blanks folded. Raises `NameEmpty` and its like."""
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    if len(name) > LONGEST_NAME:
        raise NameTooLong(limit=LONGEST_NAME)
    if not is_readable(name):
        raise NameUnreadable
    if not any(unicodedata.category(character)[0] in "LN" for character in name):
        raise NameEmpty
    return name


def read_list(typed: Sequence[str], *, most: int = MOST_NAMES) -> list[str]:
    """All names of a list. Raises `NamesInvalid` with all that cannot be used, not just the first,
    and `BatchTooLarge`."""
    names, bad = [], []
    for number, one in enumerate(typed, 1):
        try:
            names.append(read_name(one))
        except (NameEmpty, NameTooLong, NameUnreadable):
            bad.append(number)
    if bad:
        raise NamesInvalid(tuple(bad), most=most if len(typed) > most else None)
    if not 0 < len(names) <= most:
        raise BatchTooLarge(most=most)
    return names


def is_readable(text: str) -> bool:
    """Holds nothing that hides, or makes the text look like another one."""
    return all(
        unicodedata.category(character) not in _UNREADABLE or character in _JOINERS
        for character in text
    )


def same_name(name: str) -> str:
    """What two spellings of one name have in common, to ask *were you here before?*"""
    return unicodedata.normalize("NFKC", name).casefold()[:_LONGEST_FOLDED]


def derive_username(name: str, choice: Choice) -> str:
    """A new username for a display name: its letters in ASCII and a short random tail.

    The tail keeps it apart from people of the same name and from usernames that other sign-in
    methods hand out; the caller still checks that it is free.
    """
    ascii_name = anyascii(name).lower()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:_LONGEST_STEM].strip("-")
    tail = "".join(choice(ALPHABET) for _ in range(_TAIL)).lower()
    return f"{stem or 'person'}-{tail}"
