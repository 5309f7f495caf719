"""What a community says of itself, changed by its champions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..domain.communities import Community, check_retention, read_contact, read_names
from ..domain.grants import Actor, Verb, require
from ..domain.refusals import Declared
from ..domain.texts import LocalText
from ..domain.versions import Expected, check_version
from .audit import record
from .communities import find_community, is_named
from .issuing import KEEP, Keep, kept
from .ports import Desk, Store


@dataclass(frozen=True, slots=True)
class CommunityChange:
    """What becomes different."""

    names: LocalText | Keep = KEEP
    language: str | Keep = KEEP  # tag, checked at the edge
    contact: str | Keep | None = KEEP
    retention_days: int | Keep | None = KEEP  # None: people are kept
    shows_people: bool | Keep = KEEP


@dataclass(frozen=True, slots=True)
class CommunitySettings:
    """A community, and whether the operator's file says what it is called and the like."""

    community: Community
    is_named: bool


def view_settings(desk: Desk, actor: Actor, slug: str) -> CommunitySettings:
    with desk.database.read() as store:
        community = find_community(store, actor, slug)
        require(actor, Verb.CHANGE_COMMUNITY, slug)
        return CommunitySettings(community, is_named(desk, slug))


def change_community(
    desk: Desk,
    actor: Actor,
    slug: str,
    change: CommunityChange,
    *,
    expected: Expected = None,
) -> Community:
    """All of it or nothing. Repeating it changes nothing.

    Raises `VersionOutdated` where it has changed since the actor looked at it, unless to the same;
    `Declared` for what the operator's file says: all but what members see.
    """
    with desk.database.write() as store:
        before = find_community(store, actor, slug)
        require(actor, Verb.CHANGE_COMMUNITY, slug)
        after = _changed(before, change)
        if after == before:
            return before
        check_version(before.version, expected)
        if replace(after, shows_people=before.shows_people) != before:
            if is_named(desk, slug):
                raise Declared
            store.communities.save(replace(after, declared=False), desk.now)
        store.communities.show_people(slug, after.shows_people)
        _audit(desk, store, actor, before, after)
        return store.communities.get(slug) or after


def _changed(before: Community, change: CommunityChange) -> Community:
    return replace(
        before,
        names=before.names if change.names is KEEP else read_names(change.names),
        language=kept(change.language, before.language),
        contact=before.contact if change.contact is KEEP else read_contact(change.contact),
        retention_days=(
            before.retention_days
            if change.retention_days is KEEP
            else check_retention(change.retention_days)
        ),
        shows_people=kept(change.shows_people, before.shows_people),
    )


def _audit(desk: Desk, store: Store, actor: Actor, before: Community, after: Community) -> None:
    told = _facts(before), _facts(after)
    others = [name for name in told[0] if told[0][name] != told[1][name]]
    # A contact is often somebody's own address: only that it changed.
    hidden = {"contact": "changed"}
    record(
        desk,
        store,
        actor,
        Verb.CHANGE_COMMUNITY,
        f"community/{after.slug}",
        after.slug,
        before={name: told[0][name] for name in others if name not in hidden},
        after={name: hidden.get(name, told[1][name]) for name in others},
    )


def _facts(community: Community) -> dict[str, Any]:
    return {
        "names": dict(community.names),
        "language": community.language,
        "contact": community.contact,
        "retention_days": community.retention_days,
        "shows_people": community.shows_people,
    }
