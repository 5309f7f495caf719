"""The audit trail as people look at it: a page of it, what was done most, and all of it to take along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..domain.accounts import Account
from ..domain.audit import WHOLE_TRAIL, AuditEntry, TrailFilter, months_before, published
from ..domain.communities import Community
from ..domain.grants import Actor, Verb, require
from .communities import find_community
from .ending import require_operator
from .ports import Desk, Store

PAGE = 50  # entries
MONTHS = 6  # that a summary goes back, with this one


@dataclass(frozen=True, slots=True)
class Trail:
    """Some entries, newest first, with what is still known of whom and what they name."""

    community: Community | None  # None: the whole hub
    entries: Sequence[AuditEntry]
    people: Mapping[str, Account] = field(
        default_factory=dict
    )  # by account id; the erased are not here
    titles: Mapping[str, str] = field(default_factory=dict)  # of workshops, by `community/slug`
    newer: int | None = None  # an id: there are newer ones after it
    older: int | None = None  # and older ones before this


def view_trail(
    desk: Desk,
    actor: Actor,
    slug: str | None,
    wanted: TrailFilter = WHOLE_TRAIL,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> Trail:
    """A page of a community's trail, or of the hub's for the operator. `wanted.person` may also be a
    username; one that nobody here has is answered like one who did nothing."""
    with desk.database.read() as store:
        community = None
        if slug is None:
            require_operator(actor)
        else:
            community = find_community(store, actor, slug)
            require(actor, Verb.VIEW_AUDIT, slug)
        if wanted.person is not None:
            account = store.accounts.by_username(wanted.person)
            if account is not None:
                wanted = replace(wanted, person=account.id)
        found = list(
            store.audit.of_community(slug, wanted, before=before, after=after, limit=limit + 1)
        )
        has_more = len(found) > limit
        if has_more:
            found = found[1:] if after is not None else found[:limit]
        newer = older = None
        if found:
            is_newer_left = has_more if after is not None else before is not None
            is_older_left = True if after is not None else has_more
            newer = found[0].id if is_newer_left else None
            older = found[-1].id if is_older_left else None
        return Trail(
            community=community,
            entries=found,
            people=store.accounts.names(_people_in(found)),
            titles=_titles(store, found),
            newer=newer,
            older=older,
        )


def view_summary(
    desk: Desk, actor: Actor, slug: str
) -> Mapping[datetime, Mapping[str, int | None]]:
    """What every member may know of the trail: how often each thing was done in each of the last
    months (by the beginning of the month, in UTC), newest first. None: so seldom that it would tell
    who."""
    with desk.database.read() as store:
        find_community(store, actor, slug)
        require(actor, Verb.VIEW_COMMUNITY, slug)
        return summary_of(desk, store, slug)


def summary_of(desk: Desk, store: Store, slug: str) -> Mapping[datetime, Mapping[str, int | None]]:
    """The same for whoever may know it."""
    found = {}
    for ago in range(MONTHS):
        start, end = months_before(desk.now, ago), months_before(desk.now, ago - 1)
        if counts := store.audit.counts(slug, start, end):
            found[start] = published(counts)
    return found


def account_in(text: object) -> str | None:
    """Whom a subject names: `account/<id>`."""
    kind, _, account_id = str(text).partition("/")
    return account_id if kind == "account" and account_id else None


def _people_in(entries: Iterable[AuditEntry]) -> set[str]:
    people = set()
    for entry in entries:
        people |= {entry.actor, account_in(entry.subject) or entry.actor}
        for values in (entry.before, entry.after):
            champions = values.get("champions")
            people.update(champions if isinstance(champions, list) else ())
    return people


def _titles(store: Store, entries: Iterable[AuditEntry]) -> Mapping[str, str]:
    """Of the workshops that are named: few are, however many entries there are."""
    named = set()
    for entry in entries:
        parts = entry.subject.split("/")
        if parts[0] in ("workshop", "quota") and len(parts) > 2:
            named.add((parts[-2], parts[-1]))
        for values in (entry.before, entry.after):
            if entry.community is not None and isinstance(values.get("workshop"), str):
                named.add((entry.community, str(values["workshop"])))
    by_community: dict[str, set[str]] = {}
    for community, slug in named:
        by_community.setdefault(community, set()).add(slug)
    return {
        f"{community}/{workshop.slug}": workshop.title
        for community, slugs in by_community.items()
        for workshop in store.workshops.of_community(community)
        if workshop.slug in slugs
    }
