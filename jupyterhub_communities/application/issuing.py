"""Invites as their makers know them: issued, shown again, changed, renewed, revoked, handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..domain.codes import INVITE_CODE, grouped
from ..domain.grants import Actor, Grant, Role, Verb, require, require_grantable
from ..domain.invites import STAY_AFTER_WORKSHOP, Invite, InviteKind, check_times
from ..domain.names import read_name
from ..domain.notices import INVITE_INHERITED, Notice
from ..domain.refusals import (
    BatchTooLarge,
    InviteRevoked,
    InviteTimesInvalid,
    InviteUnreadable,
    NotFound,
    WorkshopClosed,
)
from ..domain.workshops import MOST_SEATS, Workshop, check_seats
from .communities import find_community
from .invites import IssuedInvite, audit_invite
from .ports import Desk, InviteSecrets, Store
from .seats import grants_ended, pass_on


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


@dataclass(frozen=True, slots=True)
class InviteChange:
    """What becomes different; None leaves it as it is."""

    seats: int | None = None
    more_seats: int = 0
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    is_paused: bool | None = None
    is_by_hand: bool | None = None


@dataclass(frozen=True, slots=True)
class RevokedInvite:
    invite: Invite
    usernames: tuple[str, ...]  # of those whose grants ended with it


def issue_invite(
    desk: Desk, actor: Actor, community: str, wanted: NewInvite = NewInvite()
) -> IssuedInvite:
    """A new code for a community, one of its workshops, or a workshop's site."""
    with desk.database.write() as store:
        invite = _new_invite(desk, store, actor, community, wanted)
        seats = 1 if wanted.kind is InviteKind.PERSONAL else check_seats(wanted.seats)
        return add_invite(desk, store, replace(invite, kind=wanted.kind, seats=seats), actor)


def issue_batch(
    desk: Desk, actor: Actor, community: str, names: Sequence[str], wanted: NewInvite = NewInvite()
) -> Sequence[IssuedInvite]:
    """A personal code of one seat for each name, all of one batch. Raises the refusal of the first
    name that cannot be read; then there is no code at all."""
    if not 0 < len(names) <= MOST_SEATS:
        raise BatchTooLarge(most=MOST_SEATS)
    labels = [read_name(name) for name in names]
    batch = desk.chance.identifier()
    with desk.database.write() as store:
        invite = _new_invite(desk, store, actor, community, wanted)
        return [
            add_invite(
                desk,
                store,
                replace(
                    invite,
                    id=desk.chance.identifier(),
                    kind=InviteKind.PERSONAL,
                    seats=1,
                    batch=batch,
                    label=label,
                ),
                actor,
            )
            for label in labels
        ]


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
    secrets, code, link = _draw_secrets(desk)
    store.invites.add(invite, secrets)
    audit_invite(desk, store, actor.account_id or "operator", "invite:issue", invite)
    return IssuedInvite(invite=invite, code=grouped(code), link=link)


def show_invite(desk: Desk, actor: Actor, community: str, invite_id: str) -> IssuedInvite:
    """The code and link of an invite once more, for those who manage it."""
    with desk.database.read() as store:
        invite = _managed(store, actor, community, invite_id, Verb.SHOW_CODE)
        return unsealed(desk, store, invite)


def show_batch(desk: Desk, actor: Actor, community: str, batch: str) -> Sequence[IssuedInvite]:
    """The unclaimed codes of a batch, by the names they are for: to print and hand out."""
    with desk.database.read() as store:
        return [
            unsealed(desk, store, invite)
            for invite in _managed_batch(store, actor, community, batch, Verb.SHOW_CODE)
            if invite.revoked_at is None and invite.taken == 0
        ]


def unsealed(desk: Desk, store: Store, invite: Invite) -> IssuedInvite:
    """Raises `InviteUnreadable` where the package's key was replaced since."""
    secrets = store.invites.secrets(invite.id)
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


def change_invite(
    desk: Desk, actor: Actor, community: str, invite_id: str, change: InviteChange
) -> Invite:
    """Seats, times, pause, and whether newcomers are admitted by hand. At once."""
    with desk.database.write() as store:
        invite = _managed(store, actor, community, invite_id, Verb.CHANGE_INVITE)
        if invite.revoked_at is not None:
            raise InviteRevoked
        seats = invite.seats if change.seats is None else change.seats
        if seats is not None:
            seats = check_seats(seats + change.more_seats)
        changed = replace(
            invite,
            seats=seats,
            opens_at=change.opens_at or invite.opens_at,
            closes_at=change.closes_at or invite.closes_at,
            paused_at=_since(desk, invite.paused_at, change.is_paused),
            is_by_hand=invite.is_by_hand if change.is_by_hand is None else change.is_by_hand,
        )
        changed = _timely(changed)
        store.invites.change(changed)
        if invite.is_by_hand and not changed.is_by_hand:
            for ticket in store.waiting.of_invite(invite.id):
                store.waiting.admit(ticket.id, desk.now)
        pass_on(desk, store, invite.id)
        audit_invite(desk, store, actor.account_id or "operator", "invite:change", changed)
        return store.invites.get(invite_id) or changed


def renew_invite(desk: Desk, actor: Actor, community: str, invite_id: str) -> IssuedInvite:
    """Another code and link in place of leaked ones. Who is in stays in, who waits keeps waiting."""
    with desk.database.write() as store:
        invite = _managed(store, actor, community, invite_id, Verb.REVOKE_INVITE)
        if invite.revoked_at is not None:
            raise InviteRevoked
        return renew(desk, store, actor, invite)


def renew(desk: Desk, store: Store, actor: Actor, invite: Invite) -> IssuedInvite:
    secrets, code, link = _draw_secrets(desk)
    store.invites.set_secrets(invite.id, secrets)
    audit_invite(desk, store, actor.account_id or "operator", "invite:renew", invite)
    return IssuedInvite(invite=invite, code=grouped(code), link=link)


def revoke_invite(
    desk: Desk, actor: Actor, community: str, invite_id: str, *, with_grants: bool = False
) -> RevokedInvite:
    """The code opens nothing from now on. Those who came in with it stay, or go with it."""
    with desk.database.write() as store:
        invite = _managed(store, actor, community, invite_id, Verb.REVOKE_INVITE)
        usernames: tuple[str, ...] = ()
        if invite.revoked_at is None:
            revoke(desk, store, actor, invite)
        if with_grants:
            usernames = _end_grants(desk, store, invite)
        pass_on(desk, store, invite.id)
        return RevokedInvite(store.invites.get(invite_id) or invite, usernames)


def release_batch(desk: Desk, actor: Actor, community: str, batch: str) -> int:
    """Gives the unclaimed seats of a batch to whoever comes: its codes close, and the workshop's
    own code has as many seats more. How many they were."""
    with desk.database.write() as store:
        unclaimed = [
            invite
            for invite in _managed_batch(store, actor, community, batch, Verb.REVOKE_INVITE)
            if invite.revoked_at is None and invite.taken == 0
        ]
        for invite in unclaimed:
            revoke(desk, store, actor, invite)
        if unclaimed:
            _give_seats_to_workshop(desk, store, unclaimed[0], len(unclaimed))
        return len(unclaimed)


def revoke(desk: Desk, store: Store, actor: Actor, invite: Invite) -> None:
    store.invites.revoke(invite.id, desk.now)
    audit_invite(desk, store, actor.account_id or "operator", "invite:revoke", invite)


def hand_on_invites(desk: Desk, store: Store, account_id: str) -> None:
    """What becomes of somebody's invites whose own role may have ended, in the same transaction.

    Learner invites pass to another champion, who is told; those for staff close.
    """
    maker = Actor(account_id, tuple(store.grants.of_account(account_id, desk.now)))
    for invite in store.invites.made_by(account_id, desk.now):
        if invite.community is None or _may_still_issue(maker, invite):
            continue
        heir = _another_champion(desk, store, invite.community, account_id)
        if invite.role > Role.LEARNER or heir is None:
            store.invites.close(invite.id, desk.now)
            audit_invite(desk, store, "timer", "invite:close", invite)
            continue
        store.invites.change(replace(invite, made_by=heir))
        audit_invite(desk, store, "timer", "invite:inherit", invite)
        store.notices.add(
            Notice(
                id=desk.chance.identifier(),
                account_id=heir,
                kind=INVITE_INHERITED,
                data={"community": invite.community, "workshop": invite.workshop or ""},
                created_at=desk.now,
            )
        )


def hand_on_lapsed(desk: Desk, account_id: str) -> None:
    """The same for somebody whose role has ended by itself. Writes only where there is something."""
    with desk.database.read() as store:
        maker = Actor(account_id, tuple(store.grants.of_account(account_id, desk.now)))
        own = store.invites.made_by(account_id, desk.now)
        if all(invite.community is None or _may_still_issue(maker, invite) for invite in own):
            return
    with desk.database.write() as store:
        hand_on_invites(desk, store, account_id)


def count_usable_invites(desk: Desk) -> int:
    """How many codes could be redeemed: a hub without another way in needs one."""
    with desk.database.read() as store:
        return store.invites.count_usable(desk.now)


def shared_learner_invites(store: Store, workshop: Workshop) -> list[Invite]:
    """All shared learner codes that a workshop itself has had, newest first."""
    return [
        invite
        for invite in store.invites.of_community(workshop.community, workshop.slug)
        if (invite.role, invite.kind, invite.site) == (Role.LEARNER, InviteKind.SHARED, None)
    ]


def _new_invite(
    desk: Desk, store: Store, actor: Actor, community: str, wanted: NewInvite
) -> Invite:
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
        kind=InviteKind.SHARED,
        seats=None,
        taken=0,
        opens_at=wanted.opens_at,
        closes_at=wanted.closes_at or (held.ends_at if held else None),
        lasts_until=held.ends_at + STAY_AFTER_WORKSHOP if held else None,
        lasts=wanted.lasts,
        is_by_hand=wanted.is_by_hand,
        made_by=actor.account_id,
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


def _since(desk: Desk, before: datetime | None, wanted: bool | None) -> datetime | None:
    if wanted is None:
        return before
    return (before or desk.now) if wanted else None


def _draw_secrets(desk: Desk) -> tuple[InviteSecrets, str, str]:
    code = INVITE_CODE.draw(desk.chance.choice)
    link = desk.chance.token()
    secrets = InviteSecrets(
        code_digest=desk.keys.digest("invite-code", code),
        code_sealed=desk.keys.seal(code),
        link_digest=desk.keys.digest("invite-link", link),
        link_sealed=desk.keys.seal(link),
    )
    return secrets, code, link


def _managed(store: Store, actor: Actor, community: str, invite_id: str, verb: Verb) -> Invite:
    find_community(store, actor, community)
    invite = store.invites.get(invite_id)
    if invite is None or invite.community != community:
        raise NotFound(kind="invite")
    own = require(actor, verb, community, invite.workshop, invite.site)
    require_grantable(own, invite.role)
    return invite


def _managed_batch(
    store: Store, actor: Actor, community: str, batch: str, verb: Verb
) -> Sequence[Invite]:
    invites = store.invites.of_batch(community, batch)
    if not invites:
        raise NotFound(kind="invite")
    _managed(store, actor, community, invites[0].id, verb)
    return invites


def _end_grants(desk: Desk, store: Store, invite: Invite) -> tuple[str, ...]:
    """The grants that an invite gave, revoked; whose they were."""
    found = (store.grants.get(grant_id) for grant_id in store.redemptions.grant_ids(invite.id))
    ended: list[Grant] = [grant for grant in found if grant is not None and grant.holds(desk.now)]
    store.grants.revoke([grant.id for grant in ended], desk.now)
    grants_ended(desk, store, [grant.id for grant in ended])
    accounts = store.accounts.names(grant.account_id for grant in ended)
    for account_id in accounts:
        hand_on_invites(desk, store, account_id)
    return tuple(sorted(account.username for account in accounts.values()))


def _give_seats_to_workshop(desk: Desk, store: Store, unclaimed: Invite, seats: int) -> None:
    if unclaimed.community is None or unclaimed.workshop is None:
        return
    workshop = store.workshops.get(unclaimed.community, unclaimed.workshop)
    assert workshop is not None
    for shared in shared_learner_invites(store, workshop):
        if shared.revoked_at is None:
            if shared.seats is not None:
                store.invites.change(replace(shared, seats=shared.seats + seats))
            pass_on(desk, store, shared.id)
            return


def _may_still_issue(maker: Actor, invite: Invite) -> bool:
    assert invite.community is not None
    role = maker.role_at(invite.community, invite.workshop, invite.site)
    return role is not None and role >= max(invite.role, Role.INSTRUCTOR)


def _another_champion(desk: Desk, store: Store, community: str, leaving: str) -> str | None:
    champions = [
        grant.account_id
        for grant in store.grants.of_community(community, desk.now)
        if grant.role is Role.CHAMPION and grant.workshop is None
    ]
    return next((account_id for account_id in champions if account_id != leaving), None)
