"""Audit entries: who did what to what, without secrets and without names; and how they are chained.

A link holds a stretch of the trail: its hash is made of the link before and of every entry, in order.
Whoever changes, removes, adds or reorders entries or links afterwards breaks it, and everything after
it, unless they make all later links anew; and then the last one is not the one that was noted
elsewhere (the service logs every link).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. People are opaque ids; secrets never appear in `before` or `after`."""

    at: datetime
    actor: str  # account id, or `operator`, `timer`, `house`, `idp`, `hub`
    action: str  # `invite:revoke`
    subject: str  # `invite/<id>`
    community: str | None = None
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    request_id: str | None = None
    id: int | None = None  # None until it is written


@dataclass(frozen=True, slots=True)
class AuditLink:
    """One stretch of the trail, chained to the one before."""

    number: int  # from 1
    first_id: int
    last_id: int
    count: int
    hash: str  # SHA-256, in hexadecimal


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Which entries are looked at; None: all."""

    start: datetime | None = None
    end: datetime | None = None  # the first moment that is not
    action: str | None = None
    person: str | None = None  # who did it, or to whom it was done: an account id, or `operator`
    subject: str | None = None  # the beginning of it: `workshop/andes/`


WHOLE_TRAIL = TrailFilter()
# Before the first one, and before every id that there can be.
NO_LINK = AuditLink(number=0, first_id=-(2**31), last_id=-(2**31), count=0, hash="0" * 64)


def canonical(entry: AuditEntry) -> bytes:
    """The same bytes for the same entry, whichever database it comes from."""
    fields = {
        "id": entry.id,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "community": entry.community,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "request_id": entry.request_id,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")


def link_hash(previous: str, entries: Iterable[AuditEntry]) -> str:
    digest = sha256(previous.encode("ascii"))
    for entry in entries:
        digest.update(b"\n" + canonical(entry))
    return digest.hexdigest()


def next_link(previous: AuditLink, entries: list[AuditEntry]) -> AuditLink:
    """The link of these entries, which follow those of the one before. There is at least one."""
    first, last = entries[0].id, entries[-1].id
    assert first is not None
    assert last is not None
    return AuditLink(
        number=previous.number + 1,
        first_id=first,
        last_id=last,
        count=len(entries),
        hash=link_hash(previous.hash, entries),
    )


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with the trail, and with which entries."""

    kind: str  # `changed`, `missing`, `added`, `link_missing`, `link_order` or `unchained`
    first_id: int
    last_id: int
    link: int  # its number
    count: int = 0  # of entries that are missing, or too many


def check_link(
    previous: AuditLink, link: AuditLink, entries: list[AuditEntry], between: int
) -> list[Flaw]:
    """What is wrong with one link: `entries` are those of its stretch (one more than it counts are
    enough to know), `between` how many stand between it and the link before."""
    flaws = []
    if link.number != previous.number + 1:
        flaws.append(
            Flaw(
                "link_missing",
                max(1, previous.last_id + 1),
                link.first_id - 1,
                previous.number + 1,
            )
        )
    elif link.first_id <= previous.last_id or link.last_id < link.first_id:
        flaws.append(Flaw("link_order", link.first_id, link.last_id, link.number))
    elif between:
        flaws.append(
            Flaw("added", previous.last_id + 1, link.first_id - 1, link.number, count=between)
        )
    if len(entries) < link.count:
        missing = link.count - len(entries)
        flaws.append(Flaw("missing", link.first_id, link.last_id, link.number, count=missing))
    elif len(entries) > link.count:
        added = len(entries) - link.count
        flaws.append(Flaw("added", link.first_id, link.last_id, link.number, count=added))
    elif link.number == previous.number + 1 and link_hash(previous.hash, entries) != link.hash:
        # After a link that is not there, nobody can tell.
        flaws.append(Flaw("changed", link.first_id, link.last_id, link.number))
    return flaws


FEWEST = 5  # of one kind in a month that members are told: fewer could tell who


def months_before(now: datetime, months: int) -> datetime:
    """The beginning (in UTC) of the month that was so many months ago."""
    here = now.astimezone(UTC)
    year, month = divmod(here.year * 12 + here.month - 1 - months, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def published(counts: Mapping[str, int]) -> dict[str, int | None]:
    """By action; small numbers are hidden."""
    return {
        action: number if number >= FEWEST else None for action, number in sorted(counts.items())
    }
