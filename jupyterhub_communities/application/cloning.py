"""A workshop from another one in one step: other dates and a new code, all else as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ..domain.grants import Actor, Verb, require
from ..domain.quotas import Scope
from ..domain.refusals import ProfileUnknown
from ..domain.workshops import Workshop, read_title, shifted
from .communities import find_community
from .ports import Desk
from .workshops import OpenedWorkshop, add_workshop, find_workshop, free_slug, standing

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CloneChoice:
    """What somebody who clones decides. None: as it was."""

    first_day: date  # of its first session, in its zone
    title: str | None = None
    is_reserved: bool | None = None


def view_to_clone(desk: Desk, actor: Actor, community: str, slug: str) -> Workshop:
    """The workshop as it would be cloned, with its own dates."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.OPEN_WORKSHOP, community)
        return standing(store, workshop)


def clone_workshop(
    desk: Desk, actor: Actor, community: str, slug: str, choice: CloneChoice
) -> OpenedWorkshop:
    """A workshop with the sites, seats, profile, limits, reservation and language of another one, and
    nobody in it. Its sessions keep their hours in its zone. Raises what `open_workshop` raises."""
    with desk.database.write() as store:
        find_community(store, actor, community)
        original = standing(store, find_workshop(store, actor, community, slug))
        require(actor, Verb.OPEN_WORKSHOP, community)
        title = original.title if choice.title is None else read_title(choice.title)
        clone = replace(
            original,
            slug=free_slug(store, community, title),
            title=title,
            sessions=shifted(original.sessions, original.zone, choice.first_day),
            profile=_profile_now(desk, original),
            made_by=actor.account_id,
            created_at=desk.now,
            closed_at=None,
            reserved=None,
            reserved_at=None,
            message=None,
        )
        was_reserved = original.reserved is not None
        is_reserved = was_reserved if choice.is_reserved is None else choice.is_reserved
        limits = store.limits.quota(Scope(community, slug))
        return add_workshop(desk, store, actor, clone, limits, is_reserved=is_reserved)


def next_first_day(workshop: Workshop, now: datetime) -> date:
    """The same day of the week as it began on, a week from now or soon after."""
    zone = ZoneInfo(workshop.zone)
    first, earliest = (
        workshop.starts_at.astimezone(zone).date(),
        now.astimezone(zone).date() + _WEEK,
    )
    return earliest + timedelta(days=(first - earliest).days % 7)


def _profile_now(desk: Desk, workshop: Workshop) -> str | None:
    """None where it is not offered any more: everybody chooses."""
    if workshop.profile is None:
        return None
    catalogue = desk.settings.catalogue
    try:
        profile = catalogue.get(workshop.profile)
    except ProfileUnknown:
        return None
    return profile.slug if profile.is_for(workshop.community) else None
