"""Invites as their makers know them: issued, shown again, changed, renewed, revoked, handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar

from ..domain.codes import INVITE_CODE, grouped
from ..domain.grants import Actor, Grant, Role, Verb, require, require_grantable
from ..domain.invites import STAY_AFTER_WORKSHOP, Invite, InviteKind, check_times
from ..domain.paging import Page, Part
from ..domain.refusals import (
    InviteRevoked,
    InviteTimesInvalid,
    InviteUnreadable,
    NotFound,
    WorkshopClosed,
)
from ..domain.versions import Expected, check_version
from ..domain.workshops import Workshop, check_seats
from .audit import record
from .communities import find_community
from .heirs import hand_on_invites
from .invites import IssuedInvite, audit_invite
from .ports import Desk, InviteSecrets, Store
from .reservations import follow_seats
from .seats import grants_ended, pass_on

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NewInvite:
    """What its maker decides about an invite."""

    role: Role = Role.LEARNER
    workshop: str | None = None
    site: str | None = None
    kind: InviteKind = InviteKind.SHARED
    seats: int | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    lasts: timedelta | None = None
    is_by_hand: bool = False


class Keep(Enum):
    """Stays as it is, where None means something else."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True, slots=True)
class InviteChange:
    """What becomes different."""

    seats: int | Keep | None = (
        KEEP  # None: without a number. A personal code has one, whatever is said
    )
    more_seats: int = 0  # beside those that there are
    opens_at: datetime | Keep | None = KEEP  # None: at once
    closes_at: datetime | Keep | None = KEEP  # None: with its workshop, else never
    is_paused: bool | Keep = KEEP
    is_by_hand: bool | Keep = KEEP


@dataclass(frozen=True, slots=True)
class RevokedInvite:
    invite: Invite
    usernames: tuple[str, ...]  # of those whose grants ended with it


def issue_invite(
    desk: Desk, actor: Actor, community: str, wanted: NewInvite = NewInvite()
) -> IssuedInvite:
    """A new code for a community, one of its workshops, or a workshop's site.

    Raises also `ReservationTooLarge`: see `follow_seats`.
    """
    with desk.database.write() as store:
        invite = new_invite(desk, store, actor, community, wanted)
        issued = add_invite(desk, store, invite, actor)
        reserve_seats(desk, store, invite)
        return issued


def issue_bound_invite(desk: Desk, username: str) -> IssuedInvite:
    """A personal code that gives an existing or future Hub user a return key (operator)."""
    invite = Invite(
        id=desk.chance.identifier(),
        community=None,
        workshop=None,
        role=Role.LEARNER,
        kind=InviteKind.PERSONAL,
        seats=1,
        taken=0,
        opens_at=None,
        closes_at=None,
        lasts_until=None,
        made_by=None,
        created_at=desk.now,
        bound_username=username,
    )
    with desk.database.write() as store:
        return add_invite(desk, store, invite, Actor(account_id=None, is_operator=True))


def add_invite(desk: Desk, store: Store, invite: Invite, actor: Actor) -> IssuedInvite:
    secrets, code, link = draw_secrets(desk)
    store.invites.add(invite, secrets)
    audit_invite(desk, store, actor, "invite:issue", invite)
    return IssuedInvite(invite=invite, code=grouped(code), link=link)


def reserve_seats(desk: Desk, store: Store, invite: Invite) -> None:
    """Seats of a workshop that keeps servers for them come with a server, or not at all."""
    if invite.community is not None and invite.workshop is not None:
        follow_seats(desk, store, invite.community, invite.workshop)


def show_invite(desk: Desk, actor: Actor, community: str, invite_id: str) -> IssuedInvite:
    """The code and link of an invite once more, for those who manage it."""
    with desk.database.read() as store:
        invite = managed_invite(store, actor, community, invite_id, Verb.SHOW_CODE)
        return unsealed(desk, store, invite)


def unsealed(desk: Desk, store: Store, invite: Invite) -> IssuedInvite:
    """Raises `InviteUnreadable` where the package's key was replaced since."""
    return unsealed_with(desk, invite, store.invites.secrets(invite.id))


def unsealed_with(desk: Desk, invite: Invite, secrets: InviteSecrets) -> IssuedInvite:
    """The same, where the secrets were looked up with the invite."""
    try:
        code = desk.keys.unseal(secrets.code_sealed)
        link = desk.keys.unseal(secrets.link_sealed)
    except ValueError as error:
        raise InviteUnreadable from error
    return IssuedInvite(invite=invite, code=grouped(code), link=link)


def list_invites(
    desk: Desk, actor: Actor, community: str, workshop: str | None = None
) -> Sequence[Invite]:
    """The invites that the actor manages, newest first."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        require(actor, Verb.SHOW_CODE, community, workshop)
        return store.invites.of_community(community, workshop)


def page_of_invites(desk: Desk, actor: Actor, community: str, page: Page) -> Part[Invite]:
    """All of the community, newest first."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        require(actor, Verb.SHOW_CODE, community)
        return store.invites.page(community, page)


def change_invite(
    desk: Desk,
    actor: Actor,
    community: str,
    invite_id: str,
    change: InviteChange,
    *,
    expected: Expected = None,
) -> Invite:
    """Seats, times, pause, and whether newcomers are admitted by hand. At once.

    Raises also `ReservationTooLarge`: see `follow_seats`.
    """
    with desk.database.write() as store:
        invite = managed_invite(store, actor, community, invite_id, Verb.CHANGE_INVITE)
        check_version(invite.version, expected)
        if invite.revoked_at is not None:
            raise InviteRevoked
        changed = replace(
            invite,
            seats=_changed_seats(invite, change),
            opens_at=kept(change.opens_at, invite.opens_at),
            closes_at=kept(change.closes_at, invite.closes_at) or _end_of(store, invite),
            paused_at=_since(desk, invite.paused_at, change.is_paused),
            is_by_hand=kept(change.is_by_hand, invite.is_by_hand),
        )
        changed = _timely(changed)
        store.invites.change(changed)
        if changed.seats != invite.seats:
            reserve_seats(desk, store, changed)
        if invite.is_by_hand and not changed.is_by_hand:
            for ticket in store.waiting.of_invite(invite.id):
                store.waiting.admit(ticket.id, desk.now)
        pass_on(desk, store, invite.id)
        before, after = _written(invite), _written(changed)
        record(
            desk,
            store,
            actor,
            Verb.CHANGE_INVITE,
            f"invite/{invite.id}",
            community,
            before={name: value for name, value in before.items() if value != after[name]},
            after={name: value for name, value in after.items() if value != before[name]},
        )
        return store.invites.get(invite_id) or changed


def _written(invite: Invite) -> dict[str, object]:
    """What can be changed, as the audit has it."""
    return {
        "seats": invite.seats,
        "opens_at": None if invite.opens_at is None else invite.opens_at.isoformat(),
        "closes_at": None if invite.closes_at is None else invite.closes_at.isoformat(),
        "paused": invite.paused_at is not None,
        "by_hand": invite.is_by_hand,
    }


def renew_invite(desk: Desk, actor: Actor, community: str, invite_id: str) -> IssuedInvite:
    """Another code and link in place of leaked ones. Who is in stays in, who waits keeps waiting."""
    with desk.database.write() as store:
        invite = managed_invite(store, actor, community, invite_id, Verb.REVOKE_INVITE)
        if invite.revoked_at is not None:
            raise InviteRevoked
        return renew(desk, store, actor, invite)


def renew(desk: Desk, store: Store, actor: Actor, invite: Invite) -> IssuedInvite:
    secrets, code, link = draw_secrets(desk)
    store.invites.set_secrets(invite.id, secrets)
    audit_invite(desk, store, actor, "invite:renew", invite)
    return IssuedInvite(invite=invite, code=grouped(code), link=link)


def revoke_invite(
    desk: Desk, actor: Actor, community: str, invite_id: str, *, with_grants: bool = False
) -> RevokedInvite:
    """The code opens nothing from now on. Those who came in with it stay, or go with it."""
    with desk.database.write() as store:
        invite = managed_invite(store, actor, community, invite_id, Verb.REVOKE_INVITE)
        usernames: tuple[str, ...] = ()
        if invite.revoked_at is None:
            revoke(desk, store, actor, invite)
        if with_grants:
            usernames = end_grants(desk, store, actor, invite)
        pass_on(desk, store, invite.id)
        return RevokedInvite(store.invites.get(invite_id) or invite, usernames)


def revoke(desk: Desk, store: Store, actor: Actor, invite: Invite) -> None:
    store.invites.revoke([invite.id], desk.now)
    audit_invite(desk, store, actor, "invite:revoke", invite)


def is_any_invite_usable(desk: Desk) -> bool:
    """Could any code be redeemed? A hub without another way in needs one."""
    with desk.database.read() as store:
        return store.invites.is_any_usable(desk.now)


def shared_learner_invites(store: Store, workshop: Workshop) -> list[Invite]:
    """All shared learner codes that a workshop itself has had, newest first."""
    return [
        invite
        for invite in store.invites.singles(workshop.community, workshop.slug)
        if (invite.role, invite.kind, invite.site) == (Role.LEARNER, InviteKind.SHARED, None)
    ]


def new_invite(desk: Desk, store: Store, actor: Actor, community: str, wanted: NewInvite) -> Invite:
    find_community(store, actor, community)
    own = require(actor, Verb.ISSUE_INVITE, community, wanted.workshop, wanted.site)
    require_grantable(own, wanted.role)
    held = _workshop_for(desk, store, community, wanted)
    invite = Invite(
        id=desk.chance.identifier(),
        community=community,
        workshop=wanted.workshop,
        site=wanted.site,
        role=wanted.role,
        kind=wanted.kind,
        seats=1 if wanted.kind is InviteKind.PERSONAL else check_seats(wanted.seats),
        taken=0,
        opens_at=wanted.opens_at,
        closes_at=wanted.closes_at or (held.ends_at if held else None),
        lasts_until=held.ends_at + STAY_AFTER_WORKSHOP if held else None,
        lasts=wanted.lasts,
        is_by_hand=wanted.is_by_hand,
        made_by=actor.answers_for(
            max(wanted.role, Role.INSTRUCTOR), community, wanted.workshop, wanted.site
        ),
        created_at=desk.now,
    )
    return _timely(invite)


def _workshop_for(desk: Desk, store: Store, community: str, wanted: NewInvite) -> Workshop | None:
    if wanted.workshop is None:
        if wanted.site is not None:
            raise NotFound(kind="site")
        return None
    held = store.workshops.get(community, wanted.workshop)
    if held is None:
        raise NotFound(kind="workshop")
    if wanted.site is not None and held.site(wanted.site) is None:
        raise NotFound(kind="site")
    if held.state(desk.now).is_over:
        raise WorkshopClosed
    return held


def _timely(invite: Invite) -> Invite:
    """With its times in UTC. Raises `InviteTimesInvalid`."""
    opens_at, closes_at = check_times(invite.opens_at, invite.closes_at)
    if invite.lasts is not None and invite.lasts <= timedelta():
        raise InviteTimesInvalid
    return replace(invite, opens_at=opens_at, closes_at=closes_at)


def kept(wanted: T | Keep, before: T) -> T:
    """What becomes of something that a change says nothing of, or something."""
    return before if wanted is KEEP else wanted


def _changed_seats(invite: Invite, change: InviteChange) -> int | None:
    if invite.kind is not InviteKind.SHARED:
        return invite.seats
    seats = kept(change.seats, invite.seats)
    if seats is None:
        return None
    if seats == invite.seats and not change.more_seats:
        return seats  # there may be more of them, given by a batch, than anybody can type
    return check_seats(seats + change.more_seats)


def _end_of(store: Store, invite: Invite) -> datetime | None:
    """When its workshop ends."""
    if invite.community is None or invite.workshop is None:
        return None
    workshop = store.workshops.get(invite.community, invite.workshop)
    return None if workshop is None else workshop.ends_at


def _since(desk: Desk, before: datetime | None, wanted: bool | Keep) -> datetime | None:
    if wanted is KEEP:
        return before
    return (before or desk.now) if wanted else None


def draw_secrets(desk: Desk) -> tuple[InviteSecrets, str, str]:
    """A code and a link, and both as they are kept."""
    code = INVITE_CODE.draw(desk.chance.choice)
    link = desk.chance.token()
    secrets = InviteSecrets(
        code_digest=desk.keys.digest("invite-code", code),
        code_sealed=desk.keys.seal(code),
        link_digest=desk.keys.digest("invite-link", link),
        link_sealed=desk.keys.seal(link),
    )
    return secrets, code, link


def managed_invite(
    store: Store, actor: Actor, community: str, invite_id: str, verb: Verb
) -> Invite:
    find_community(store, actor, community)
    invite = store.invites.get(invite_id)
    if invite is None or invite.community != community:
        raise NotFound(kind="invite")
    own = require(actor, verb, community, invite.workshop, invite.site)
    require_grantable(own, invite.role)
    return invite


def end_grants(desk: Desk, store: Store, actor: Actor, invite: Invite) -> tuple[str, ...]:
    """The grants that an invite gave, revoked; whose they were."""
    found = (store.grants.get(grant_id) for grant_id in store.redemptions.grant_ids(invite.id))
    ended: list[Grant] = [grant for grant in found if grant is not None and grant.holds(desk.now)]
    store.grants.revoke([grant.id for grant in ended], desk.now)
    for grant in ended:
        record(
            desk,
            store,
            actor,
            "grant:end",
            f"account/{grant.account_id}",
            grant.community,
            before={"role": grant.role.label, "workshop": grant.workshop},
        )
    grants_ended(desk, store, [grant.id for grant in ended])
    accounts = store.accounts.names(grant.account_id for grant in ended)
    for account_id in accounts:
        hand_on_invites(desk, store, account_id)
    return tuple(sorted(account.username for account in accounts.values()))
