"""Invites: issued, looked up, redeemed, shown again, revoked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..domain.accounts import Account, AccountKind
from ..domain.audit import AuditEntry
from ..domain.codes import INVITE_CODE
from ..domain.communities import Community
from ..domain.grants import Actor, Grant, Role, Source
from ..domain.invites import Invite, InviteKind
from ..domain.names import derive_username, read_name, same_name
from ..domain.refusals import (
    InviteByHand,
    InviteClosed,
    InviteFull,
    InviteRedeemed,
    InviteUnknown,
)
from ..domain.waiting import TicketState
from ..domain.workshops import Workshop
from .ports import Desk, Redemption, Store
from .return_keys import make_pending_key
from .seats import take_seat

LINK = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits in URL-safe base 64


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code opens: enough to greet the person and to ask for a name."""

    invite: Invite
    community: Community | None
    workshop: Workshop | None

    @property
    def zone(self) -> str:
        """In which times are told."""
        return "UTC" if self.workshop is None else self.workshop.zone_at(self.invite.site)

    @property
    def language(self) -> str | None:
        if self.workshop is not None:
            return self.workshop.language
        return None if self.community is None else self.community.language


@dataclass(frozen=True, slots=True)
class IssuedInvite:
    """An invite with its secrets in the clear: only for those who may show them."""

    invite: Invite
    code: str = field(repr=False)  # grouped
    link: str = field(repr=False)  # the long secret, for `…/hub/join?code=`


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """One submission of the join form."""

    secret: str = field(repr=False)  # typed code or link secret
    attempt: str = field(repr=False)  # the form's attempt id, the same when it is sent twice
    name: str = ""  # as typed; not asked of somebody who is signed in
    username: str | None = None  # of the signed-in person who continues as themselves
    proposed_username: str | None = None  # for a new account; the Hub door knows that it is free
    language: str | None = None  # the choice made on the page


@dataclass(frozen=True, slots=True)
class Joined:
    account: Account
    is_new: bool


def is_link(secret: str) -> bool:
    """Is it the long secret, which nobody guesses and nobody types?"""
    return LINK.fullmatch(secret.strip()) is not None


def secret_digest(desk: Desk, secret: str) -> str:
    """The digest of a typed code or a link secret. Raises `CodeMistyped` without a table."""
    if is_link(secret):
        return desk.keys.digest("invite-link", secret.strip())
    return desk.keys.digest("invite-code", INVITE_CODE.parse(secret))


def look_up_invite(desk: Desk, secret: str) -> Offer:
    """What a code opens, if it is open. Consumes nothing; seats are counted when redeeming."""
    digest = secret_digest(desk, secret)
    with desk.database.read() as store:
        return find_offer(desk, store, digest)


def find_redemption(desk: Desk, secret: str, attempt: str) -> Account | None:
    """The account that this attempt already made with this code, while its key is not kept."""
    digest = secret_digest(desk, secret)
    with desk.database.read() as store:
        invite = store.invites.by_digest(digest)
        redemption = None
        if invite is not None:
            redemption = store.redemptions.by_attempt(invite.id, attempt_digest(desk, attempt))
        if redemption is None:
            return None
        _check_key_not_kept(store, redemption)
        return _account_of(store, redemption)


def has_redeemed(desk: Desk, secret: str, username: str) -> bool:
    """Has this person joined with the code?"""
    digest = secret_digest(desk, secret)
    with desk.database.read() as store:
        invite = store.invites.by_digest(digest)
        account = store.accounts.by_username(username)
        if invite is None or account is None:
            return False
        return store.redemptions.by_account(invite.id, account.id) is not None


def is_name_known(desk: Desk, secret: str, typed: str, attempt: str) -> bool:
    """Has somebody else of this name redeemed the same invite? Then ask *were you here before?*

    What this very attempt redeemed does not count: its form was sent twice.
    """
    digest = secret_digest(desk, secret)
    name = same_name(read_name(typed))
    with desk.database.read() as store:
        invite = store.invites.by_digest(digest)
        if invite is None or store.redemptions.by_attempt(invite.id, attempt_digest(desk, attempt)):
            return False
        return name in map(same_name, store.redemptions.names(invite.id))


def redeem_invite(desk: Desk, request: JoinRequest) -> Joined:
    """Account, grant, seat and redemption in one transaction, in the order that design.md gives.

    Sending the same form twice gives the same account and seat. Nothing is consumed on a refusal.
    """
    digest = secret_digest(desk, request.secret)
    with desk.database.write() as store:
        offer = find_offer(desk, store, digest)
        invite = offer.invite
        earlier = _redemption_before(desk, store, invite, request)
        if earlier is not None and earlier.released_at is None:
            return Joined(_account_of(store, earlier), is_new=False)
        _check_maker(desk, store, offer)
        _sit_down(desk, store, offer, request)
        account, is_new = _account_for(desk, store, invite, request)
        grant = _grant_of(desk, invite, account)
        if grant is not None:
            store.grants.add(grant)
        redemption = Redemption(
            id=desk.chance.identifier() if earlier is None else earlier.id,
            invite_id=invite.id,
            account_id=account.id,
            attempt_digest=attempt_digest(desk, request.attempt),
            grant_id=None if grant is None else grant.id,
            redeemed_at=desk.now,
        )
        if earlier is None:
            store.redemptions.add(redemption)
        else:
            store.redemptions.renew(redemption)  # their seat was given back; this is another one
        audit_invite(desk, store, account.id, "invite:redeem", invite)
        return Joined(account, is_new=is_new)


def _check_maker(desk: Desk, store: Store, offer: Offer) -> None:
    """A code for staff is worth no more than its maker's own role is now."""
    invite = offer.invite
    if invite.role is Role.LEARNER or invite.made_by is None or invite.community is None:
        return
    maker = Actor(invite.made_by, tuple(store.grants.of_account(invite.made_by, desk.now)))
    role = maker.role_at(invite.community, invite.workshop, invite.site)
    if role is None or role < invite.role:
        raise InviteClosed(closed_at=desk.now, contact=_contact(offer.community))


def _sit_down(desk: Desk, store: Store, offer: Offer, request: JoinRequest) -> None:
    """Takes the seat that is held for the attempt, or a free one."""
    invite, contact = offer.invite, _contact(offer.community)
    ticket = store.waiting.by_attempt(invite.id, attempt_digest(desk, request.attempt))
    if ticket is not None and ticket.state(desk.now) is TicketState.OFFERED:
        store.waiting.end(ticket.id, desk.now)
        return
    if invite.is_by_hand:
        raise InviteByHand(contact=contact)
    if not take_seat(desk, store, invite.id):
        if invite.kind is InviteKind.PERSONAL:
            raise InviteRedeemed(contact=contact)
        raise InviteFull(seats=invite.seats or 0, contact=contact)


def find_offer(desk: Desk, store: Store, digest: str) -> Offer:
    """The invite of a secret's digest with its place. Raises the refusal for one that cannot be redeemed."""
    invite = store.invites.by_digest(digest)
    # Also asked where there is nothing to ask for: the time that an unknown code takes is that of
    # a closed or revoked one.
    community = store.communities.get((invite and invite.community) or "")
    if invite is None:
        raise InviteUnknown
    invite.check_valid(desk.now, contact=_contact(community))
    if community is not None and community.suspended_at is not None:
        raise InviteClosed(closed_at=community.suspended_at, contact=community.contact)
    workshop = None
    if invite.community is not None and invite.workshop is not None:
        workshop = store.workshops.get(invite.community, invite.workshop)
    zone = "UTC" if workshop is None else workshop.zone_at(invite.site)
    invite.check_open(desk.now, zone=zone, contact=_contact(community))
    return Offer(invite=invite, community=community, workshop=workshop)


def _contact(community: Community | None) -> str | None:
    return None if community is None else community.contact


def attempt_digest(desk: Desk, attempt: str) -> str:
    return desk.keys.digest("attempt", attempt)


def _redemption_before(
    desk: Desk, store: Store, invite: Invite, request: JoinRequest
) -> Redemption | None:
    """By the person where they are known, else by the form's attempt."""
    if request.username is not None and invite.bound_username is None:
        account = store.accounts.by_username(request.username)
        return None if account is None else store.redemptions.by_account(invite.id, account.id)
    redemption = store.redemptions.by_attempt(invite.id, attempt_digest(desk, request.attempt))
    if redemption is not None:
        _check_key_not_kept(store, redemption)
    return redemption


def _check_key_not_kept(store: Store, redemption: Redemption) -> None:
    """Raises `InviteRedeemed` once the key was kept: then the attempt opens nothing any more."""
    account = store.accounts.get(redemption.account_id)
    if redemption.grant_id is not None:
        grant = store.grants.get(redemption.grant_id)
        if grant is None or grant.revoked_at is not None:
            raise InviteRedeemed  # what it gave was taken away, or the account retired
    if account is None or (
        account.key_confirmed_at is not None and account.key_confirmed_at >= redemption.redeemed_at
    ):
        raise InviteRedeemed


def _account_of(store: Store, redemption: Redemption) -> Account:
    account = store.accounts.get(redemption.account_id)
    assert account is not None
    return account


def _account_for(
    desk: Desk, store: Store, invite: Invite, request: JoinRequest
) -> tuple[Account, bool]:
    username = invite.bound_username or request.username
    if username is not None:
        account = store.accounts.by_username(username)
        is_new = account is None
        if account is None:
            bound = invite.bound_username is not None
            account = Account(
                id=desk.chance.identifier(),
                username=username,
                display_name=username,
                kind=AccountKind.BOUND if bound else AccountKind.UPSTREAM,
                language=request.language,
                created_at=desk.now,
            )
            store.accounts.add(account)
        elif invite.bound_username is not None and account.kind is AccountKind.UPSTREAM:
            store.accounts.set_kind(account.id, AccountKind.BOUND)
        if invite.bound_username is not None:
            make_pending_key(desk, store, account.id)  # an earlier key works until this one is kept
        return account, is_new
    name = read_name(request.name)
    username = request.proposed_username or derive_username(name, desk.chance.choice)
    while store.accounts.by_username(username) is not None:
        username = derive_username(name, desk.chance.choice)
    account = Account(
        id=desk.chance.identifier(),
        username=username,
        display_name=name,
        kind=AccountKind.INVITE,
        language=request.language,
        created_at=desk.now,
    )
    store.accounts.add(account)
    return account, True


def _grant_of(desk: Desk, invite: Invite, account: Account) -> Grant | None:
    if invite.community is None:
        return None
    return Grant(
        id=desk.chance.identifier(),
        account_id=account.id,
        role=invite.role,
        community=invite.community,
        workshop=invite.workshop,
        site=invite.site,
        source=Source.INVITE,
        made_by=invite.made_by,
        starts_at=desk.now,
        ends_at=invite.grant_ends_at(desk.now),
    )


def audit_invite(desk: Desk, store: Store, actor: str, action: str, invite: Invite) -> None:
    store.audit.add(
        AuditEntry(
            at=desk.now,
            actor=actor,
            action=action,
            subject=f"invite/{invite.id}",
            community=invite.community,
            after={"role": invite.role.label, "workshop": invite.workshop, "seats": invite.seats},
        )
    )
