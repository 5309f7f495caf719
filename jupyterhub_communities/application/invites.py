"""Invites: issued, looked up, redeemed, shown again, revoked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..domain.accounts import Account, AccountKind
from ..domain.codes import INVITE_CODE
from ..domain.communities import Community
from ..domain.grants import Actor, Grant, Role, Source
from ..domain.invites import Invite
from ..domain.names import derive_username, read_name
from ..domain.refusals import (
    HubFull,
    InviteByHand,
    InviteClosed,
    InviteNotOpen,
    InviteRedeemed,
    InviteUnknown,
    NameEmpty,
    NameTooLong,
    NameUnreadable,
    Refusal,
)
from ..domain.waiting import TicketState
from ..domain.workshops import WorkshopBrief
from .audit import record, record_each
from .people import Person, load_account
from .ports import Desk, Redemption, Store
from .return_keys import make_pending_key
from .seats import pass_on, take_seat

LINK = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits in URL-safe base 64


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code opens: enough to greet the person and to ask for a name."""

    invite: Invite
    community: Community | None
    workshop: WorkshopBrief | None
    has_line: bool  # somebody waits for a seat

    @property
    def zone(self) -> str:
        """In which times are told."""
        return "UTC" if self.workshop is None else self.workshop.zone

    @property
    def language(self) -> str | None:
        if self.workshop is not None:
            return self.workshop.language
        return None if self.community is None else self.community.language

    @property
    def no_seat(self) -> Refusal | None:
        """What somebody new is told who asks for a seat now; None while there is one."""
        if self.invite.seats_left != 0:
            return None
        return self.invite.no_seat(_contact(self.community))


@dataclass(frozen=True, slots=True)
class IssuedInvite:
    """An invite with its secrets in the clear: only for those who may show them."""

    invite: Invite
    code: str = field(repr=False)  # grouped
    link: str = field(repr=False)  # the long secret, for `…/hub/join?code=`


@dataclass(frozen=True, slots=True)
class JoinView:
    """What a code opens, and what is known of who asks."""

    offer: Offer
    before: Account | None  # whom this attempt has made already, while their key is not kept
    is_spent: bool  # it has made somebody whose key is kept: it opens nothing more
    is_waiting: bool  # one of the attempts stands in line
    is_name_known: bool  # somebody else of this name has joined: *were you here before?*
    me: Account | None  # of who is signed in


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """One submission of the join form."""

    secret: str = field(repr=False)  # typed code or link secret
    attempt: str = field(repr=False)  # the form's attempt id, the same when it is sent twice
    name: str = ""  # as typed; not asked of somebody who is signed in
    username: str | None = None  # of the signed-in person who continues as themselves
    proposed_username: str | None = None  # for a new account; the Hub door knows that it is free
    language: str | None = None  # the choice made on the page
    seen: JoinView | None = field(default=None, repr=False)  # what the page has looked up already


@dataclass(frozen=True, slots=True)
class Joined:
    person: Person
    is_new: bool

    @property
    def account(self) -> Account:
        assert self.person.account is not None
        return self.person.account


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


def open_join(
    desk: Desk,
    secret: str,
    attempts: Sequence[str],
    *,
    username: str | None = None,
    name: str = "",
    shows_sessions: bool = False,
) -> JoinView:
    """All that the join page needs to know, in one look. `attempts`: the form's own comes first."""
    digest = secret_digest(desk, secret)
    with desk.database.read() as store:
        offer = find_offer(desk, store, digest)
        if shows_sessions:
            offer = _with_sessions(store, offer)
        invite_id = offer.invite.id
        digests = [attempt_digest(desk, attempt) for attempt in attempts]
        redemption = store.redemptions.by_attempt(invite_id, digests[0])
        before, is_spent = None, False
        if redemption is not None:
            is_spent = _is_spent(store, redemption)
            before = None if is_spent else store.accounts.get(redemption.account_id)
        return JoinView(
            offer=offer,
            before=before,
            is_spent=is_spent,
            is_waiting=offer.has_line
            and any(store.waiting.by_attempt(invite_id, digest) for digest in digests),
            is_name_known=redemption is None and _is_name_known(store, invite_id, name),
            me=None if username is None else store.accounts.by_username(username),
        )


def has_redeemed(desk: Desk, secret: str, username: str) -> bool:
    """Has this person joined with the code?"""
    digest = secret_digest(desk, secret)
    with desk.database.read() as store:
        found = store.invites.by_digest(digest)
        account = store.accounts.by_username(username)
        if found is None or account is None:
            return False
        return store.redemptions.by_account(found.invite.id, account.id) is not None


def _is_name_known(store: Store, invite_id: str, typed: str) -> bool:
    """Has anybody of this name redeemed the invite?"""
    try:
        name = read_name(typed)
    except (NameEmpty, NameTooLong, NameUnreadable):
        return False
    return store.redemptions.has_name(invite_id, name)


def redeem_invite(desk: Desk, request: JoinRequest) -> Joined:
    """Account, grant, seat and redemption in one transaction, in the order that design.md gives.

    Sending the same form twice gives the same account and seat. Nothing is consumed on a refusal.
    """
    digest = secret_digest(desk, request.secret)
    with desk.database.write() as store:
        offer = find_offer(desk, store, digest)
        invite, contact = offer.invite, _contact(offer.community)
        earlier = _redemption_before(desk, store, invite, request)
        if earlier is not None and earlier.released_at is None and _is_lapsed(desk, store, earlier):
            pass_on(desk, store, invite.id)  # their seat is free: they take one as anybody does
        elif earlier is not None and earlier.released_at is None:
            return Joined(load_account(desk, store, _account_of(store, earlier)), is_new=False)
        _check_maker(desk, store, invite, contact)
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
        if not is_new:
            return Joined(load_account(desk, store, account), is_new=False)
        granted = () if grant is None else (grant,)
        return Joined(Person(account=account, grants=granted, unlapsed=granted), is_new=True)


def _check_maker(desk: Desk, store: Store, invite: Invite, contact: str | None) -> None:
    """A code for staff is worth no more than its maker's own role is now."""
    if invite.role is Role.LEARNER or invite.made_by is None or invite.community is None:
        return
    role = maker_of(desk, store, invite.made_by).role_at(
        invite.community, invite.workshop, invite.site
    )
    if role is None or role < invite.role:
        raise InviteClosed(closed_at=desk.now, contact=contact)


def maker_of(desk: Desk, store: Store, account_id: str) -> Actor:
    """Whoever made an invite, with what they may do now: nothing if blocked. A suspension of their
    community takes nothing from them."""
    account = store.accounts.get(account_id)
    person = None if account is None else load_account(desk, store, account)
    return Actor(account_id, () if person is None or person.is_barred else person.unlapsed)


def _sit_down(desk: Desk, store: Store, offer: Offer, request: JoinRequest) -> None:
    """Takes the seat that is held for the attempt, or a free one."""
    invite, ticket = offer.invite, None
    if offer.has_line:
        ticket = store.waiting.by_attempt(invite.id, attempt_digest(desk, request.attempt))
    if ticket is not None and ticket.state(desk.now) is TicketState.OFFERED:
        store.waiting.end(ticket.id, desk.now)
        return
    if invite.is_by_hand:
        raise InviteByHand(contact=_contact(offer.community))
    if not take_seat(desk, store, invite.id):
        raise invite.no_seat(_contact(offer.community))


def find_offer(desk: Desk, store: Store, digest: str) -> Offer:
    """The invite of a secret's digest with its place. Raises the refusal for one that cannot be
    redeemed."""
    # One statement, also for a code that is closed or revoked: a stranger cannot tell by the time.
    found = store.invites.by_digest(digest)
    if found is None:
        raise InviteUnknown
    offer = Offer(found.invite, found.community, found.workshop, found.has_line)
    contact = _contact(offer.community)
    if offer.community is not None and offer.community.suspended_at is not None:
        raise InviteClosed(closed_at=offer.community.suspended_at, contact=contact)
    try:
        offer.invite.check_open(desk.now, contact=contact)
    except InviteNotOpen as refusal:
        refusal.zone = offer.zone
        raise
    return offer


def _with_sessions(store: Store, offer: Offer) -> Offer:
    invite = offer.invite
    if offer.workshop is None or invite.community is None or invite.workshop is None:
        return offer
    sessions = tuple(store.workshops.sessions(invite.community, invite.workshop))
    return replace(offer, workshop=replace(offer.workshop, sessions=sessions))


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
    if redemption is not None and _is_spent(store, redemption):
        raise InviteRedeemed
    return redemption


def _is_spent(store: Store, redemption: Redemption) -> bool:
    """Does its attempt open nothing any more? The key was kept, or what it gave was taken away."""
    if redemption.grant_id is not None:
        grant = store.grants.get(redemption.grant_id)
        if grant is None or grant.revoked_at is not None:
            return True
    account = store.accounts.get(redemption.account_id)
    return account is None or (
        account.key_confirmed_at is not None and account.key_confirmed_at >= redemption.redeemed_at
    )


def _is_lapsed(desk: Desk, store: Store, redemption: Redemption) -> bool:
    grant = None if redemption.grant_id is None else store.grants.get(redemption.grant_id)
    return grant is not None and not grant.holds(desk.now)


def _account_of(store: Store, redemption: Redemption) -> Account:
    account = store.accounts.get(redemption.account_id)
    assert account is not None
    return account


def _check_ceilings(desk: Desk, store: Store, invite: Invite) -> None:
    """Raises `HubFull` where the operator admits nobody new just now, whatever seats there are."""
    settings = desk.settings
    hour = settings.most_new_per_hour
    people = settings.most_people
    if (hour is not None and store.accounts.count_new(desk.now - timedelta(hours=1)) >= hour) or (
        people is not None and store.grants.count_people(desk.now) >= people
    ):
        community = store.communities.get(invite.community or "")
        raise HubFull(contact=_contact(community))


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
            account = replace(account, has_key=True, has_pending_key=True)
        return account, is_new
    name = read_name(request.name)
    _check_ceilings(desk, store, invite)
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
    make_pending_key(desk, store, account.id)  # the welcome page shows it
    return replace(account, has_key=True, has_pending_key=True), True


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


def audit_invite(desk: Desk, store: Store, actor: Actor | str, action: str, invite: Invite) -> None:
    after = _written(invite)
    record(desk, store, actor, action, f"invite/{invite.id}", invite.community, after=after)


def audit_batch(
    desk: Desk,
    store: Store,
    actor: Actor | str,
    action: str,
    invite: Invite,
    invite_ids: Iterable[str],
) -> None:
    """An entry for each of a batch that `invite` is one of."""
    subjects = (f"invite/{one}" for one in invite_ids)
    record_each(desk, store, actor, action, subjects, invite.community, after=_written(invite))


def _written(invite: Invite) -> dict[str, object]:
    return {"role": invite.role.label, "workshop": invite.workshop, "seats": invite.seats}
