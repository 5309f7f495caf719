"""Who somebody is here: account, access, grants that hold, and the actor that they make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..domain.access import Access, access_of, grace_until, held, is_barred, is_being_erased
from ..domain.accounts import Account, AccountKind, own_version
from ..domain.grants import Actor, Grant, unlapsed
from ..domain.refusals import (
    AccessBlocked,
    AccessEnded,
    AccessErased,
    CommunitySuspended,
    OutsideCommunities,
    Refusal,
)
from ..domain.versions import Expected, check_version
from .audit import record
from .ports import Desk, GrantHistory, Store


@dataclass(frozen=True, slots=True)
class Person:
    """An account with the grants that hold; `account` is None for a Hub user unknown to us.

    Who is blocked or being erased has none that holds.
    """

    account: Account | None
    grants: tuple[Grant, ...] = ()
    access: Access = Access.FULL
    grace_until: datetime | None = None  # with `Access.GRACE`
    is_barred: bool = False  # blocked, or being erased
    unlapsed: tuple[Grant, ...] = ()  # also of suspended communities
    languages: frozenset[str | None] = frozenset()  # of the grants' workshops; None: no workshop's
    with_messages: frozenset[tuple[str, str]] = frozenset()  # community and slug of workshops
    over: frozenset[tuple[str, str]] = frozenset()  # those workshops that are over

    def is_refused(self, *, is_operator: bool = False) -> bool:
        """An operator needs no community, but may be blocked like everybody."""
        return self.access is Access.NONE and (self.is_barred or not is_operator)

    @property
    def version(self) -> str:
        """Of what the person decides about their account."""
        return own_version(None) if self.account is None else self.account.own_version

    def actor(self, *, is_operator: bool = False) -> Actor:
        return Actor(
            account_id=None if self.account is None else self.account.id,
            grants=self.grants,
            is_operator=is_operator,
        )


def load_person(desk: Desk, store: Store, username: str) -> Person:
    found = store.people.by_username(username)
    if found is None:
        access = Access.FULL if desk.settings.admits_outside else Access.NONE
        return Person(account=None, access=access)
    return person_of(desk, *found)


def load_account(desk: Desk, store: Store, account: Account) -> Person:
    """The person of an account."""
    return person_of(desk, account, store.grants.history(account.id))


def person_of(desk: Desk, account: Account, history: GrantHistory) -> Person:
    """Who somebody is now, by all that they were ever granted."""
    grants, suspended = history.grants, history.suspended
    settings = desk.settings
    access = access_of(
        account,
        grants,
        suspended,
        desk.now,
        settings.grace,
        admits_outside=settings.admits_outside,
    )
    is_in_grace = access is Access.GRACE
    has_barrier = is_barred(account, desk.now)
    holding = () if has_barrier else held(grants, suspended, desk.now)
    return Person(
        account=account,
        grants=holding,
        access=access,
        grace_until=grace_until(account, grants, desk.now, settings.grace) if is_in_grace else None,
        is_barred=has_barrier,
        unlapsed=unlapsed(grants, desk.now),
        languages=frozenset(history.languages[grant.id] for grant in holding),
        with_messages=frozenset(
            (grant.community, grant.workshop)
            for grant in holding
            if grant.workshop is not None and grant.id in history.with_message
        ),
        over=frozenset(
            (grant.community, grant.workshop)
            for grant in holding
            if grant.workshop is not None
            and grant.id in history.ends
            and history.ends[grant.id] <= desk.now
        ),
    )


def find_person(desk: Desk, username: str) -> Person:
    """The person whom the Hub calls so."""
    with desk.database.read() as store:
        return load_person(desk, store, username)


def find_refusal(desk: Desk, username: str) -> Refusal:
    """What somebody without access is told, with whom they can ask."""
    with desk.database.read() as store:
        return refusal_of(desk, store, load_person(desk, store, username))


def refusal_of(desk: Desk, store: Store, person: Person) -> Refusal:
    account = person.account
    if account is None:
        return OutsideCommunities()
    if account.blocked_at is None and is_being_erased(account, desk.now):
        return AccessErased()
    history = store.grants.history(account.id)
    latest = max(history.grants, key=lambda grant: grant.starts_at, default=None)
    community = None if latest is None else store.communities.get(latest.community)
    contact = None if community is None else community.contact
    if account.blocked_at is not None:
        return AccessBlocked(contact=contact)
    if history.suspended & {grant.community for grant in person.unlapsed}:
        return CommunitySuspended(contact=contact)
    if latest is None and account.kind is not AccountKind.INVITE:
        return OutsideCommunities()
    return AccessEnded(contact=contact)


def ensure_account(desk: Desk, store: Store, username: str) -> Account:
    """The account of an existing Hub user, made when first needed."""
    account = store.accounts.by_username(username)
    if account is None:
        account = Account(
            id=desk.chance.identifier(),
            username=username,
            display_name=username,
            kind=AccountKind.UPSTREAM,
            language=None,
            created_at=desk.now,
        )
        store.accounts.add(account)
    return account


def choose_language(desk: Desk, username: str, tag: str, *, expected: Expected = None) -> None:
    """Stores the language that a signed-in person chose."""
    with desk.database.write() as store:
        account = ensure_account(desk, store, username)
        check_version(account.own_version, expected)
        store.accounts.set_language(account.id, tag)
        if account.language != tag:
            record(
                desk,
                store,
                account.id,
                "account:language",
                f"account/{account.id}",
                before={"language": account.language},
                after={"language": tag},
            )
