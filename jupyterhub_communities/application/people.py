"""Who somebody is here: account, unlapsed grants, and the actor that they make."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.accounts import Account, AccountKind
from ..domain.grants import Actor, Grant, groups_of
from .ports import Desk, Store


@dataclass(frozen=True, slots=True)
class Person:
    """An account with its unlapsed grants; `account` is None for a Hub user unknown to us."""

    account: Account | None
    grants: tuple[Grant, ...] = ()

    def actor(self, *, is_operator: bool = False) -> Actor:
        return Actor(
            account_id=None if self.account is None else self.account.id,
            grants=self.grants,
            is_operator=is_operator,
        )


def load_person(desk: Desk, store: Store, username: str) -> Person:
    account = store.accounts.by_username(username)
    if account is None:
        return Person(account=None)
    return Person(account=account, grants=tuple(store.grants.of_account(account.id, desk.now)))


def find_person(desk: Desk, username: str) -> Person:
    """The person whom the Hub calls so."""
    with desk.database.read() as store:
        return load_person(desk, store, username)


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


def groups_of_person(desk: Desk, username: str) -> frozenset[str] | None:
    """The Hub groups that a person's grants amount to; None for somebody without an account."""
    person = find_person(desk, username)
    if person.account is None:
        return None
    return groups_of(person.grants, desk.settings.group_prefix)


def choose_language(desk: Desk, username: str, tag: str) -> None:
    """Stores the language that a signed-in person chose."""
    with desk.database.write() as store:
        account = ensure_account(desk, store, username)
        store.accounts.set_language(account.id, tag)
