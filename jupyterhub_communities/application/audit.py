"""The audit trail: written by every verb that changes something, chained, and looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from ..domain.audit import (
    NO_LINK,
    AuditEntry,
    AuditLink,
    Flaw,
    check_link,
    next_link,
)
from ..domain.grants import Actor
from .ports import Desk, Store

OPERATOR = "operator"  # by the command line, or without an account of their own
CHAINED_AT_ONCE = 500  # entries, in one transaction
CHAINED_WITHIN = timedelta(hours=1)  # what is older and in no link: the timer has not been at work
_LINKS_AT_ONCE = 4  # that are checked in one transaction
_FLAWS_TOLD = 50


def record(
    desk: Desk,
    store: Store,
    actor: Actor | str,
    action: str,
    subject: str,
    community: str | None = None,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Writes one entry, in the transaction of the change. People are account ids in all of it, and
    codes, keys and names are in none of it: it is never erased."""
    entry = _entry(desk, actor, action, subject, community, before, after)
    store.audit.add(entry)


def record_each(
    desk: Desk,
    store: Store,
    actor: Actor | str,
    action: str,
    subjects: Iterable[str],
    community: str | None = None,
    *,
    after: Mapping[str, object] | None = None,
) -> None:
    """The same of very many."""
    store.audit.add_each(_entry(desk, actor, action, "", community, None, after), subjects)


def _entry(
    desk: Desk,
    actor: Actor | str,
    action: str,
    subject: str,
    community: str | None,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> AuditEntry:
    return AuditEntry(
        at=desk.now,
        actor=actor if isinstance(actor, str) else actor.account_id or OPERATOR,
        action=str(action),
        subject=subject,
        community=community,
        before=before or {},
        after=after or {},
        request_id=desk.request_id,
    )


# The chain


def chain_step(desk: Desk, *, at_once: int = CHAINED_AT_ONCE) -> AuditLink | None:
    """The timer's part: one more link, of the oldest entries that are in none; None where there are
    none left.

    No entry can come to stand before those that it takes: ids are given within a writing
    transaction, and of those there is one at a time, this one now.
    """
    with desk.database.write() as store:
        last = store.audit.last_link()
        entries = store.audit.stretch(last.last_id + 1, None, at_once)
        if not entries:
            return None
        link = next_link(last, list(entries))
        store.audit.add_link(link)
        return link


@dataclass(frozen=True, slots=True)
class Checked:
    """How far the trail has been checked, and what was found."""

    link: AuditLink = NO_LINK  # the last one
    entries: int = 0
    unchained: int = 0  # entries that are in no link yet
    is_done: bool = False
    flaws: tuple[Flaw, ...] = ()  # the first ones
    flawed: int = 0  # all of them


NOT_YET = Checked()


def check_step(desk: Desk, so_far: Checked = NOT_YET) -> Checked:
    """Goes on checking, for some links at a time: as many entries as are held in memory at once."""
    with desk.database.read() as store:
        links = store.audit.links_after(so_far.link.number, _LINKS_AT_ONCE)
        found: list[Flaw] = []
        last, entries = so_far.link, so_far.entries
        for link in links:
            most = min(link.count, CHAINED_AT_ONCE)  # whatever somebody wrote there
            stretch = store.audit.stretch(link.first_id, link.last_id, most + 1)
            between = 0
            if link.first_id > last.last_id + 1 and link.number == last.number + 1:
                between = store.audit.count_between(last.last_id + 1, link.first_id - 1)
            found += check_link(last, link, list(stretch), between)
            last, entries = link, entries + len(stretch)
        is_done = len(links) < _LINKS_AT_ONCE
        unchained = 0
        if is_done:
            unchained = store.audit.count_between(last.last_id + 1, None)
            oldest = store.audit.stretch(last.last_id + 1, None, 1)
            if oldest and oldest[0].at < desk.now - CHAINED_WITHIN:
                first = oldest[0].id or 0
                found.append(Flaw("unchained", first, first, last.number + 1, count=unchained))
        return Checked(
            link=last,
            entries=entries,
            unchained=unchained,
            is_done=is_done,
            flaws=(*so_far.flaws, *found)[:_FLAWS_TOLD],
            flawed=so_far.flawed + len(found),
        )


def find_link(desk: Desk, number: int) -> AuditLink | None:
    """One link, to hold against what was noted elsewhere."""
    with desk.database.read() as store:
        found = store.audit.links_after(number - 1, 1)
        return next((link for link in found if link.number == number), None)
