"""What the pages show of codes: all of a place, and one with its secrets."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.communities import Community
from ..domain.grants import Actor, Role, Verb, require
from ..domain.invites import Batch, Invite
from ..domain.refusals import InviteUnreadable
from ..domain.workshops import Workshop
from .communities import find_community
from .invites import IssuedInvite
from .issuing import managed_invite, unsealed
from .ports import Desk
from .workshops import find_workshop


@dataclass(frozen=True, slots=True)
class CodesView:
    """The codes of a workshop, or those of a community that belong to no workshop."""

    community: Community
    workshop: Workshop | None
    invites: tuple[Invite, ...]  # newest first, without those of batches
    batches: tuple[Batch, ...]
    roles: tuple[Role, ...]  # that the actor may give


@dataclass(frozen=True, slots=True)
class CodeView:
    community: Community
    invite: Invite
    issued: IssuedInvite | None  # None: sealed with a package key that was replaced
    zone: str  # of its workshop or site


def view_codes(desk: Desk, actor: Actor, community: str, slug: str | None) -> CodesView:
    with desk.database.read() as store:
        shown = find_community(store, actor, community)
        workshop = None if slug is None else find_workshop(store, actor, community, slug)
        own = require(actor, Verb.ISSUE_INVITE, community, slug)
        return CodesView(
            community=shown,
            workshop=workshop,
            invites=tuple(store.invites.singles(community, slug)),
            batches=tuple(store.invites.batches(community, slug)),
            roles=tuple(role for role in Role if role <= own),
        )


def view_code(desk: Desk, actor: Actor, community: str, invite_id: str) -> CodeView:
    with desk.database.read() as store:
        shown = find_community(store, actor, community)
        invite = managed_invite(store, actor, community, invite_id, Verb.SHOW_CODE)
        workshop = None
        if invite.workshop is not None:
            workshop = store.workshops.get(community, invite.workshop)
        try:
            issued = unsealed(desk, store, invite)
        except InviteUnreadable:
            issued = None
        zone = "UTC" if workshop is None else workshop.zone_at(invite.site)
        return CodeView(shown, invite, issued, zone)


def key_opens_codes(desk: Desk) -> bool:
    """Was what is kept of codes sealed with the package's key of now? True where there are none yet."""
    with desk.database.read() as store:
        sealed = store.invites.sealed()
    try:
        for one in sealed:
            desk.keys.unseal(one)
    except ValueError:
        return False
    return True
