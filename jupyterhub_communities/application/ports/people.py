"""Accounts, and all that belongs to one person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ...domain.accounts import Account, AccountKind
from ...domain.grants import Grant
from ...domain.key_requests import KeyRequest
from ...domain.notices import Notice
from ...domain.paging import Page, Part


@dataclass(frozen=True, slots=True)
class PendingKey:
    """A return key that was made but not yet confirmed as kept."""

    digest: str
    sealed: str = field(repr=False)
    browser_digest: str | None  # the only browser that may see it; None: any of the person's


class Accounts(Protocol):
    def get(self, account_id: str) -> Account | None: ...
    def by_username(self, username: str) -> Account | None: ...
    def add(self, account: Account) -> None: ...
    def count_new(self, since: datetime) -> int:
        """Invite accounts made since then."""
        ...

    def set_kind(self, account_id: str, kind: AccountKind) -> None: ...
    def set_language(self, account_id: str, tag: str) -> None: ...
    def pending_key(self, account_id: str) -> PendingKey | None: ...
    def set_pending_key(
        self, account_id: str, *, digest: str, sealed: str, browser_digest: str | None = None
    ) -> None: ...
    def drop_keys(self, account_id: str) -> None:
        """No key opens this account any more."""
        ...

    def has_kept_key(self, account_id: str) -> bool: ...
    def confirm_key(self, account_id: str, now: datetime) -> bool:
        """The pending key becomes the only one and is unsealed no more. False: none was pending."""
        ...

    def block(self, account_id: str, at: datetime | None) -> None:
        """`at` None: no longer blocked."""
        ...

    def blocked(self) -> Sequence[Account]: ...
    def set_erasure(self, account_id: str, at: datetime | None) -> None:
        """When the account is erased; None: not any more."""
        ...

    def to_erase(self, now: datetime, *, after: str, limit: int) -> Sequence[Account]:
        """Those whose erasure is due, in the order of their ids, behind the id `after`."""
        ...

    def ended_long_ago(self, before: datetime, *, after: str, limit: int) -> Sequence[Account]:
        """Those whose last grant ended before, all in communities with a retention period; neither
        blocked nor to be erased already. In the order of their ids, behind the id `after`."""
        ...

    def touched(
        self, since: datetime, until: datetime, *, after: str, limit: int
    ) -> Sequence[Account]:
        """Those whose access may have changed in (since, until]: grants that ended, blocks, erasures
        and suspended communities. In the order of their ids, behind the id `after`."""
        ...

    def names(self, account_ids: Iterable[str]) -> Mapping[str, Account]: ...


@dataclass(frozen=True, slots=True)
class GrantHistory:
    """All grants that one person was ever given, and what else is known of the places."""

    grants: Sequence[Grant]
    suspended: frozenset[str]  # slugs of the communities among them that are suspended
    languages: Mapping[str, str | None]  # grant id → its workshop's language
    with_message: frozenset[str] = frozenset()  # ids of grants whose workshop has a message
    ends: Mapping[str, datetime] = field(default_factory=dict)  # grant id → of its workshop


class People(Protocol):
    """Accounts with all that they were granted."""

    def by_username(self, username: str) -> tuple[Account, GrantHistory] | None: ...
    def by_key_digest(self, digest: str) -> tuple[Account, GrantHistory] | None:
        """Whose kept or pending return key this is."""
        ...

    def with_servers(self) -> Mapping[str, tuple[Account, GrantHistory]]:
        """Everybody who has an unsettled lease, by the account's id."""
        ...


class Grants(Protocol):
    def get(self, grant_id: str) -> Grant | None: ...
    def of_account(self, account_id: str, now: datetime) -> Sequence[Grant]:
        """The unlapsed grants of one person."""
        ...

    def history(self, account_id: str) -> GrantHistory: ...

    def of_community(
        self, community: str, now: datetime, workshop: str | None = None
    ) -> Sequence[Grant]:
        """The unlapsed grants in a community, or for one of its workshops."""
        ...

    def people(self, community: str, now: datetime, page: Page, matching: str = "") -> Part[str]:
        """The account ids of a community's people: those of the highest role at the community
        itself first, then by name; `matching` is a part of name or username. In one statement."""
        ...

    def champions(self, now: datetime) -> Sequence[Grant]:
        """Of all communities, at the community itself."""
        ...

    def of_people(
        self, community: str, account_ids: Collection[str], now: datetime
    ) -> Sequence[Grant]:
        """The unlapsed grants of these people in a community."""
        ...

    def ever_of_workshop(self, community: str, workshop: str) -> Sequence[Grant]:
        """Also those that have ended, the first first."""
        ...

    def add(self, grant: Grant) -> None: ...
    def count_people(self, now: datetime) -> int:
        """Those with a grant that holds."""
        ...

    def revoke(self, grant_ids: Iterable[str], now: datetime) -> None: ...
    def follow_workshop(
        self, community: str, workshop: str, *, until: datetime, latest: datetime, now: datetime
    ) -> None:
        """Those that hold and came with a code of the workshop end at `until` where that is later
        than before, else not after `latest`; how long a code said that they last counts too."""
        ...

    def move(self, from_account: str, to_account: str) -> None:
        """With what is known of who gave them."""
        ...


class KeyRequests(Protocol):
    def by_browser(self, browser_digest: str) -> KeyRequest | None: ...
    def by_number(self, number: str, now: datetime) -> KeyRequest | None:
        """The request that is alive under this number."""
        ...

    def add(self, request: KeyRequest) -> None: ...
    def approve(
        self, request_id: str, *, account_id: str, approved_by: str | None, now: datetime
    ) -> bool:
        """False where somebody has approved it before."""
        ...

    def use(self, request_id: str, now: datetime) -> bool: ...
    def forget(self, before: datetime) -> None:
        """Deletes those that were made before."""
        ...


class Identities(Protocol):
    """Usernames that upstream gives, linked to an account of another name."""

    def account_of(self, subject: str) -> str | None: ...
    def of_account(self, account_id: str) -> Sequence[str]: ...
    def add(self, subject: str, account_id: str, now: datetime) -> None: ...
    def remove(self, account_id: str) -> int: ...


class Notices(Protocol):
    def of_account(self, account_id: str) -> Sequence[Notice]:
        """Oldest first."""
        ...

    def add(self, notice: Notice) -> None: ...
    def remove(self, account_id: str, notice_id: str) -> None: ...


class Personal(Protocol):
    """All that is held about one person, over all tables."""

    def export(self, account_id: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """By table, without secrets."""
        ...

    def erase(self, account_id: str) -> None:
        """The account with all that is linked to it. What was used stays, without whom."""
        ...
