"""What is filled into sentences: told to whoever translates them, beside each that has it."""

from __future__ import annotations

import re
from collections.abc import Iterable

PLACEHOLDER = re.compile(r"%\((\w+)\)s")

MEANINGS = {
    "address": "the address of a page of this hub",
    "after": "what something became, such as 12",
    "all": "a number: of all there were, such as codes or starts of servers",
    "amount": "an amount such as 3 server hours or 2 GiB of memory",
    "amounts": "a list of amounts, such as 3 servers and 2 GiB of memory",
    "approver": "the name of who approved it",
    "before": "what something was, such as 10",
    "choices": "a list of words of the API, such as json, csv",
    "claimed": "a number: of codes that were used",
    "code": "a code such as 7KQ2-M9XA-4TRE",
    "community": "the name of a community",
    "contact": "whom to ask: an e-mail address, or a sentence that the community has written",
    "count": "a number, also one such as 0.5",
    "date": "a date such as 2 March 2026",
    "day": "a date such as 2 March 2026",
    "duration": "a stretch of time such as 2 hours and 30 minutes",
    "example": "something as it may be typed, such as 8 GiB or 2026-03-31",
    "field": "a word of the API, such as format",
    "file": "the name of a file",
    "first": "a number: of the first slip or text on this page",
    "held": "a number: of servers that run; or an amount that is in use, such as 2 processors",
    "kind": "a kind of graphics card, such as a100",
    "language": "the name of a language, in the language of the page",
    "last": "a number: of the last slip or text on this page",
    "left": "a number, a size or an amount: what is still free",
    "lender": "the name of a community that lends something",
    "limit": "a number, or an amount such as 2 processors: the most that there may be",
    "lines": "numbers of lines of a file, such as 17, 212 and 9,004",
    "most": "a number: the most that there may be",
    "name": "the name of a person, a community or a workshop, as they write it",
    "num": "a number; the form for one number only may leave it out",
    "profile": "the name of a profile, such as First steps",
    "resource": "what there is a limit of, such as Memory or Server hours",
    "seats": "a number: of all seats",
    "server": "the name that somebody gave to one of their servers",
    "service": "what a way to sign in is called, such as GitHub",
    "setting": "a line of the operator's file, such as servers: 12",
    "size": "a number, or a size such as 2 GB",
    "slug": "a short name for addresses, such as first-steps",
    "tag": "a language tag such as pt-BR",
    "taken": "a number: of seats that are taken",
    "text": "what somebody has typed",
    "time": "an hour, or a day and an hour, with its time zone",
    "username": "a name to sign in with, such as ana-x2k4",
    "wanted": "a number, a size or an amount: what was asked for",
    "window": "over which time a limit counts, such as in this month",
    "workshop": "the title of a workshop",
    "zone": "a time zone such as America/Lima",
}


def names_in(texts: Iterable[str]) -> list[str]:
    """The placeholders of a message, each once, in their order."""
    return list(dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)))


def comments_on(texts: Iterable[str]) -> list[str]:
    """A comment on each placeholder of a message."""
    return [f"%({name})s: {MEANINGS[name]}" for name in names_in(texts) if name in MEANINGS]
