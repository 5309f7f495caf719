"""Invites: issued, looked up, redeemed, shown again, revoked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..domain.accounts import Account, AccountKind
from ..domain.audit import AuditEntry
from ..domain.codes import INVITE_CODE, grouped
from ..domain.communities import Community
from ..domain.grants import Actor, Grant, Role, Source, Verb, require, require_grantable
from ..domain.invites import STAY_AFTER_WORKSHOP, Invite, InviteKind, check_times
from ..domain.names import derive_username, read_name, same_name
from ..domain.refusals import (
    InviteFull,
    InviteRedeemed,
    InviteUnknown,
    InviteUnreadable,
    NotFound,
    WorkshopClosed,
)
from ..domain.workshops import Workshop, check_seats
from .communities import find_community
from .ports import Desk, InviteSecrets, Redemption, Store
from .return_keys import make_pending_key

LINK = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits in URL-safe base 64


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code opens: enough to greet the person and to ask for a name."""

    invite: Invite
    community: Community | None
    workshop: Workshop | None

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


def secret_digest(desk: Desk, secret: str) -> str:
    """The digest of a typed code or a link secret. Raises `CodeMistyped` without a table."""
    secret = secret.strip()
    if LINK.fullmatch(secret):
        return desk.keys.digest("invite-link", secret)
    return desk.keys.digest("invite-code", INVITE_CODE.parse(secret))


def look_up_invite(desk: Desk, secret: str) -> Offer:
    """What a code opens, if it is open. Consumes nothing; seats are counted when redeeming."""
    digest = secret_digest(desk, secret)
    with desk.database.read() as store:
        return _open_offer(desk, store, digest)


def find_redemption(desk: Desk, secret: str, attempt: str) -> Account | None:
    """The account that this attempt already made with this code, while its key is not kept."""
    digest = secret_digest(desk, secret)
    with desk.database.read() as store:
        invite = store.invites.by_digest(digest)
        if invite is None:
            return None
        return _redeemed_by_attempt(desk, store, invite, attempt)


def is_name_known(desk: Desk, secret: str, typed: str, attempt: str) -> bool:
    """Has somebody else of this name redeemed the same invite? Then ask *were you here before?*

    What this very attempt redeemed does not count: its form was sent twice.
    """
    digest = secret_digest(desk, secret)
    name = same_name(read_name(typed))
    with desk.database.read() as store:
        invite = store.invites.by_digest(digest)
        if invite is None or store.redemptions.by_attempt(
            invite.id, _attempt_digest(desk, attempt)
        ):
            return False
        return name in map(same_name, store.redemptions.names(invite.id))


def redeem_invite(desk: Desk, request: JoinRequest) -> Joined:
    """Account, grant, seat and redemption in one transaction, in the order that design.md gives.

    Sending the same form twice gives the same account and seat. Nothing is consumed on a refusal.
    """
    digest = secret_digest(desk, request.secret)
    with desk.database.write() as store:
        offer = _open_offer(desk, store, digest)
        invite = offer.invite
        before = _redeemed_before(desk, store, invite, request)
        if before is not None:
            return Joined(before, is_new=False)
        if not store.invites.take_seat(invite.id):
            if invite.kind is InviteKind.PERSONAL:
                raise InviteRedeemed(contact=_contact(offer.community))
            raise InviteFull(seats=invite.seats or 0, contact=_contact(offer.community))
        account, is_new = _account_for(desk, store, invite, request)
        grant = _grant_of(desk, invite, account)
        if grant is not None:
            store.grants.add(grant)
        store.redemptions.add(
            Redemption(
                id=desk.chance.identifier(),
                invite_id=invite.id,
                account_id=account.id,
                attempt_digest=_attempt_digest(desk, request.attempt),
                grant_id=None if grant is None else grant.id,
                redeemed_at=desk.now,
            )
        )
        _audit(desk, store, account.id, "invite:redeem", invite)
        return Joined(account, is_new=is_new)


def issue_invite(
    desk: Desk,
    actor: Actor,
    community: str,
    *,
    role: Role = Role.LEARNER,
    workshop: str | None = None,
    seats: int | None = None,
    opens_at: datetime | None = None,
    closes_at: datetime | None = None,
    kind: InviteKind = InviteKind.SHARED,
) -> IssuedInvite:
    """A new code for a community or one of its workshops."""
    with desk.database.write() as store:
        find_community(store, actor, community)
        own = require(actor, Verb.ISSUE_INVITE, community, workshop)
        require_grantable(own, role)
        held = None
        if workshop is not None:
            held = store.workshops.get(community, workshop)
            if held is None:
                raise NotFound(kind="workshop")
            if held.state(desk.now).is_over:
                raise WorkshopClosed
        opens_at, closes_at = check_times(opens_at, closes_at or (held.ends_at if held else None))
        invite = Invite(
            id=desk.chance.identifier(),
            community=community,
            workshop=workshop,
            role=role,
            kind=kind,
            seats=1 if kind is InviteKind.PERSONAL else check_seats(seats),
            taken=0,
            opens_at=opens_at,
            closes_at=closes_at,
            lasts_until=held.ends_at + STAY_AFTER_WORKSHOP if held else None,
            made_by=actor.account_id,
            created_at=desk.now,
        )
        return add_invite(desk, store, invite, actor)


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
    code = INVITE_CODE.draw(desk.chance.choice)
    link = desk.chance.token()
    store.invites.add(
        invite,
        InviteSecrets(
            code_digest=desk.keys.digest("invite-code", code),
            code_sealed=desk.keys.seal(code),
            link_digest=desk.keys.digest("invite-link", link),
            link_sealed=desk.keys.seal(link),
        ),
    )
    _audit(desk, store, actor.account_id or "operator", "invite:issue", invite)
    return IssuedInvite(invite=invite, code=grouped(code), link=link)


def show_invite(desk: Desk, actor: Actor, community: str, invite_id: str) -> IssuedInvite:
    """The code and link of an invite once more, for those who manage it."""
    with desk.database.read() as store:
        invite = _managed(store, actor, community, invite_id, Verb.SHOW_CODE)
        return unsealed(desk, store, invite)


def unsealed(desk: Desk, store: Store, invite: Invite) -> IssuedInvite:
    """Raises `InviteUnreadable` where the package's key was replaced since."""
    secrets = store.invites.secrets(invite.id)
    try:
        code = desk.keys.unseal(secrets.code_sealed)
        link = desk.keys.unseal(secrets.link_sealed)
    except ValueError as error:
        raise InviteUnreadable from error
    return IssuedInvite(invite=invite, code=grouped(code), link=link)


def list_invites(desk: Desk, actor: Actor, community: str) -> Sequence[Invite]:
    with desk.database.read() as store:
        find_community(store, actor, community)
        require(actor, Verb.SHOW_CODE, community)
        return store.invites.of_community(community)


def revoke_invite(desk: Desk, actor: Actor, community: str, invite_id: str) -> Invite:
    """The code opens nothing from now on; those who came in with it stay."""
    with desk.database.write() as store:
        invite = _managed(store, actor, community, invite_id, Verb.REVOKE_INVITE)
        if invite.revoked_at is None:
            revoke(desk, store, actor, invite)
        revoked = store.invites.get(invite_id)
        assert revoked is not None
        return revoked


def revoke(desk: Desk, store: Store, actor: Actor, invite: Invite) -> None:
    store.invites.revoke(invite.id, desk.now)
    _audit(desk, store, actor.account_id or "operator", "invite:revoke", invite)


def count_usable_invites(desk: Desk) -> int:
    """How many codes could be redeemed: a hub without another way in needs one."""
    with desk.database.read() as store:
        return store.invites.count_usable(desk.now)


def _managed(store: Store, actor: Actor, community: str, invite_id: str, verb: Verb) -> Invite:
    find_community(store, actor, community)
    invite = store.invites.get(invite_id)
    if invite is None or invite.community != community:
        raise NotFound(kind="invite")
    own = require(actor, verb, community, invite.workshop)
    require_grantable(own, invite.role)
    return invite


def _open_offer(desk: Desk, store: Store, digest: str) -> Offer:
    invite = store.invites.by_digest(digest)
    if invite is None:
        raise InviteUnknown
    community = None if invite.community is None else store.communities.get(invite.community)
    workshop = None
    if community is not None and invite.workshop is not None:
        workshop = store.workshops.get(community.slug, invite.workshop)
    zone = "UTC" if workshop is None else workshop.zone
    invite.check_open(desk.now, zone=zone, contact=_contact(community))
    return Offer(invite=invite, community=community, workshop=workshop)


def _contact(community: Community | None) -> str | None:
    return None if community is None else community.contact


def _attempt_digest(desk: Desk, attempt: str) -> str:
    return desk.keys.digest("attempt", attempt)


def _redeemed_by_attempt(desk: Desk, store: Store, invite: Invite, attempt: str) -> Account | None:
    """Raises `InviteRedeemed` once the key was kept: then the attempt opens nothing any more."""
    redemption = store.redemptions.by_attempt(invite.id, _attempt_digest(desk, attempt))
    if redemption is None:
        return None
    account = store.accounts.get(redemption.account_id)
    if account is None or (
        account.key_confirmed_at is not None and account.key_confirmed_at >= redemption.redeemed_at
    ):
        raise InviteRedeemed
    return account


def _redeemed_before(
    desk: Desk, store: Store, invite: Invite, request: JoinRequest
) -> Account | None:
    if request.username is not None and invite.bound_username is None:
        account = store.accounts.by_username(request.username)
        if account is not None and store.redemptions.by_account(invite.id, account.id):
            return account
        return None
    return _redeemed_by_attempt(desk, store, invite, request.attempt)


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
        source=Source.INVITE,
        made_by=invite.made_by,
        starts_at=desk.now,
        ends_at=invite.lasts_until,
    )


def _audit(desk: Desk, store: Store, actor: str, action: str, invite: Invite) -> None:
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
