"""Linked identities: an account that the upstream Authenticator lets in under another name.

A link never merges two lives: username, home and grants of the account stay, and an identity that
already has servers or files of its own is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.accounts import Account, AccountKind
from ..domain.refusals import (
    IdentityHasFiles,
    IdentityLinked,
    LinkNotPossible,
    NotFound,
    UnlinkNeedsKey,
    UsernameReserved,
)
from ..domain.workshops import WorkshopState
from .audit import record
from .people import Person
from .ports import Desk, Store


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """Somebody who is signed in as `username` came back from upstream as `subject`."""

    username: str
    subject: str  # the normalized username that upstream gives
    has_files: bool  # the Hub has seen a server of a user of that name


def account_behind(desk: Desk, subject: str) -> Account | None:
    """Whose account an upstream sign-in opens; None for somebody new to us.

    Raises `UsernameReserved` where the name is that of an invite account: a name alone never opens
    one.
    """
    with desk.database.read() as store:
        account_id = store.identities.account_of(subject)
        if account_id is not None:
            return store.accounts.get(account_id)
        account = store.accounts.by_username(subject)
    if account is not None and account.kind is AccountKind.INVITE:
        raise UsernameReserved
    return account


def check_link(desk: Desk, request: LinkRequest) -> None:
    """Raises the refusal that `link_identity` would."""
    with desk.database.read() as store:
        _linkable(store, request)


def link_identity(desk: Desk, request: LinkRequest) -> None:
    """From now on this identity opens the account. What it was given here itself moves along."""
    with desk.database.write() as store:
        account = _linkable(store, request)
        if store.identities.account_of(request.subject) == account.id:
            return
        own = store.accounts.by_username(request.subject)
        if own is not None and own.id != account.id:
            store.grants.move(own.id, account.id)
        store.identities.add(request.subject, account.id, desk.now)
        _audit(desk, store, "identity:link", account)


def unlink_identities(desk: Desk, username: str) -> None:
    """The account is opened by its return key alone again. Raises `UnlinkNeedsKey` without one."""
    with desk.database.write() as store:
        account = _account(store, username)
        if account.key_confirmed_at is None:
            raise UnlinkNeedsKey
        if store.identities.remove(account.id):
            _audit(desk, store, "identity:unlink", account)


def linked_identities(desk: Desk, username: str) -> Sequence[str]:
    """The upstream usernames that open this person's account."""
    with desk.database.read() as store:
        return store.identities.of_account(_account(store, username).id)


def is_link_of_use(desk: Desk, person: Person) -> bool:
    """Has a workshop of theirs ended, and is a return key their only way back?"""
    account = person.account
    if account is None or account.kind is AccountKind.UPSTREAM:
        return False
    with desk.database.read() as store:
        if store.identities.of_account(account.id):
            return False
        places = {(g.community, g.workshop) for g in person.grants if g.workshop is not None}
        over = (WorkshopState.ENDED, WorkshopState.CLOSED)
        found = (store.workshops.get(community, slug) for community, slug in places if slug)
        return any(workshop and workshop.state(desk.now) in over for workshop in found)


def _linkable(store: Store, request: LinkRequest) -> Account:
    account = _account(store, request.username)
    if account.kind is AccountKind.UPSTREAM or request.subject == account.username:
        raise LinkNotPossible
    holder = store.identities.account_of(request.subject)
    if holder not in (None, account.id):
        raise IdentityLinked
    own = store.accounts.by_username(request.subject)
    if own is not None and own.id != account.id:
        if own.kind is not AccountKind.UPSTREAM:
            raise IdentityLinked
        if store.leases.had_any([own.id]):
            raise IdentityHasFiles
    if request.has_files:
        raise IdentityHasFiles
    return account


def _account(store: Store, username: str) -> Account:
    account = store.accounts.by_username(username)
    if account is None:
        raise NotFound(kind="account")
    return account


def _audit(desk: Desk, store: Store, action: str, account: Account) -> None:
    record(desk, store, account.id, action, f"account/{account.id}")
