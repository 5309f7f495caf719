"""Templates: workshops that were held, shared with the cohort, and opened by others in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ..domain.communities import Community
from ..domain.grants import Actor, Verb, may, require
from ..domain.limits import Quota
from ..domain.profiles import Catalogue, Profile
from ..domain.refusals import (
    NotFound,
    ProfileNotOffered,
    ProfileUnknown,
    TemplateProfile,
    TemplateShared,
    WorkshopNotOver,
)
from ..domain.templates import MOST_TEMPLATES, Template, sessions_on, template_of
from ..domain.workshops import Workshop, check_zone, read_title
from .audit import record
from .cohorts import find_own_cohort
from .ports import Desk, Store
from .workshops import OpenedWorkshop, add_workshop, find_workshop, free_slug

UNSHARE = "template:unshare"


@dataclass(frozen=True, slots=True)
class TemplatesView:
    templates: tuple[Template, ...]  # of the cohort, by title
    communities: Mapping[str, Community]  # of the cohort
    held: tuple[Workshop, ...]  # that the community can share, newest first
    may_share: bool


@dataclass(frozen=True, slots=True)
class TemplateChoice:
    """What somebody who uses a template decides. None: as in the template; the empty profile: each
    person chooses."""

    first_day: date
    zone: str | None = None
    title: str | None = None
    language: str | None = None
    profile: str | None = None


def view_templates(desk: Desk, actor: Actor, community: str) -> TemplatesView:
    with desk.database.read() as store:
        cohort = find_own_cohort(store, actor, community, Verb.VIEW_TEMPLATES)
        members = {one.slug: one for one in store.communities.all() if one.cohort == cohort}
        templates = tuple(store.templates.of_communities(list(members)))
        shared = {one.workshop for one in templates if one.community == community}
        may_share = may(actor, Verb.SHARE_TEMPLATE, community)
        held = tuple(
            one
            for one in store.workshops.of_community(community)
            if one.state(desk.now).is_over and one.slug not in shared
        )
        return TemplatesView(templates, members, held if may_share else (), may_share)


def share_template(desk: Desk, actor: Actor, community: str, workshop: str) -> Template:
    with desk.database.write() as store:
        find_own_cohort(store, actor, community, Verb.SHARE_TEMPLATE)
        held = find_workshop(store, actor, community, workshop)
        if not held.state(desk.now).is_over:
            raise WorkshopNotOver
        template = template_of(held, desk.chance.identifier(), desk.now)
        known = store.templates.of_communities([community])
        if len(known) >= MOST_TEMPLATES or any(one.workshop == workshop for one in known):
            raise TemplateShared(most=MOST_TEMPLATES)
        store.templates.add(template)
        _audit(desk, store, actor, Verb.SHARE_TEMPLATE, template, community)
        return template


def unshare_template(desk: Desk, actor: Actor, community: str, template_id: str) -> None:
    """What was opened from it stays."""
    with desk.database.write() as store:
        find_own_cohort(store, actor, community, Verb.SHARE_TEMPLATE)
        template = store.templates.get(template_id)
        if template is None or template.community != community:
            raise NotFound(kind="template")
        store.templates.remove(template_id)
        _audit(desk, store, actor, UNSHARE, template, community)


def view_template(desk: Desk, actor: Actor, community: str, template_id: str) -> Template:
    with desk.database.read() as store:
        return _find(store, actor, community, template_id)


def profile_of(catalogue: Catalogue, template: Template) -> Profile | None:
    """None where everybody chooses, or the hub does not have it any more."""
    try:
        return None if template.profile is None else catalogue.get(template.profile)
    except ProfileUnknown:
        return None


def use_template(
    desk: Desk, actor: Actor, community: str, template_id: str, choice: TemplateChoice
) -> OpenedWorkshop:
    """A workshop of one's own community, at the same hours by its own clocks. Raises
    `TemplateProfile` where its profile is not offered there and no other one is chosen."""
    with desk.database.write() as store:
        template = _find(store, actor, community, template_id)
        require(actor, Verb.OPEN_WORKSHOP, community)
        title = read_title(template.title if choice.title is None else choice.title)
        zone = check_zone(template.zone if choice.zone is None else choice.zone)
        workshop = Workshop(
            community=community,
            slug=free_slug(store, community, title),
            title=title,
            language=template.language if choice.language is None else choice.language,
            zone=zone,
            sessions=sessions_on(template.sessions, choice.first_day, zone),
            seats=template.seats,
            profile=_profile(desk, community, template, choice.profile),
            made_by=actor.account_id,
            created_at=desk.now,
        )
        return add_workshop(desk, store, actor, workshop, Quota(), is_reserved=False)


def _profile(desk: Desk, community: str, template: Template, chosen: str | None) -> str | None:
    catalogue = desk.settings.catalogue
    if chosen == "":
        return None
    if chosen is not None:
        if not catalogue.get(chosen).is_for(community):
            raise ProfileNotOffered
        return chosen
    profile = profile_of(catalogue, template)
    if profile is None:
        return None
    if not profile.is_for(community):
        raise TemplateProfile(profile=profile.names)
    return profile.slug


def _find(store: Store, actor: Actor, community: str, template_id: str) -> Template:
    cohort = find_own_cohort(store, actor, community, Verb.VIEW_TEMPLATES)
    template = store.templates.get(template_id)
    owner = None if template is None else store.communities.get(template.community)
    if template is None or owner is None or owner.cohort != cohort:
        raise NotFound(kind="template")
    return template


def _audit(
    desk: Desk, store: Store, actor: Actor, action: str, template: Template, community: str
) -> None:
    after = {"title": template.title, "workshop": template.workshop}
    record(desk, store, actor, action, f"template/{template.id}", community, after=after)
