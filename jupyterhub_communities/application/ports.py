"""What the verbs need from outside, as nouns. Adapters in `storage`, `hub` and the wiring say how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ..domain.accounts import Account, AccountKind
from ..domain.audit import AuditEntry
from ..domain.communities import Community
from ..domain.grants import Grant
from ..domain.invites import Invite
from ..domain.leases import Lease, RunningServer, ServerKey
from ..domain.profiles import Catalogue
from ..domain.quotas import Balance, Scope
from ..domain.workshops import Workshop


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class Chance(Protocol):
    """Randomness fit for secrets."""

    def choice(self, symbols: Sequence[str], /) -> str: ...

    def token(self) -> str:
        """128 bits, URL-safe: link secrets and attempts."""
        ...

    def identifier(self) -> str:
        """An opaque id for a record."""
        ...


class Keyring(Protocol):
    """The package's key, put to its uses."""

    def digest(self, purpose: str, secret: str) -> str:
        """HMAC-SHA256 of a secret, for looking it up; `purpose` keeps the kinds apart."""
        ...

    def seal(self, text: str) -> str:
        """Encrypted, to be shown again to those who may."""
        ...

    def unseal(self, sealed: str) -> str:
        """Raises `ValueError` where another key sealed it."""
        ...


@dataclass(frozen=True, slots=True)
class InviteSecrets:
    """The two secrets of an invite, as digests and sealed."""

    code_digest: str
    code_sealed: str
    link_digest: str
    link_sealed: str


@dataclass(frozen=True, slots=True)
class Redemption:
    """The fact that a person redeemed an invite."""

    id: str
    invite_id: str
    account_id: str
    attempt_digest: str
    grant_id: str | None
    redeemed_at: datetime


class Accounts(Protocol):
    def get(self, account_id: str) -> Account | None: ...
    def by_username(self, username: str) -> Account | None: ...
    def by_key_digest(self, digest: str) -> Account | None:
        """The account whose kept or pending return key this is."""
        ...

    def add(self, account: Account) -> None: ...
    def set_kind(self, account_id: str, kind: AccountKind) -> None: ...
    def set_language(self, account_id: str, tag: str) -> None: ...
    def pending_key(self, account_id: str) -> str | None:
        """The sealed key that was made but not yet confirmed as kept."""
        ...

    def set_pending_key(self, account_id: str, *, digest: str, sealed: str) -> None: ...
    def confirm_key(self, account_id: str, now: datetime) -> bool:
        """The pending key becomes the only one and is unsealed no more. False: none was pending."""
        ...

    def names(self, account_ids: Iterable[str]) -> Mapping[str, Account]: ...


class Communities(Protocol):
    def get(self, slug: str) -> Community | None: ...
    def all(self) -> Sequence[Community]: ...
    def save(self, community: Community, now: datetime) -> None: ...


class Grants(Protocol):
    def get(self, grant_id: str) -> Grant | None: ...
    def of_account(self, account_id: str, now: datetime) -> Sequence[Grant]:
        """The unlapsed grants of one person."""
        ...

    def of_community(
        self, community: str, now: datetime, workshop: str | None = None
    ) -> Sequence[Grant]:
        """The unlapsed grants in a community, or for one of its workshops."""
        ...

    def add(self, grant: Grant) -> None: ...
    def revoke(self, grant_ids: Iterable[str], now: datetime) -> None: ...


class Workshops(Protocol):
    def get(self, community: str, slug: str) -> Workshop | None: ...
    def of_community(self, community: str) -> Sequence[Workshop]:
        """Newest first."""
        ...

    def add(self, workshop: Workshop) -> None: ...
    def close(self, community: str, slug: str, now: datetime) -> None: ...


class Invites(Protocol):
    def get(self, invite_id: str) -> Invite | None: ...
    def by_digest(self, digest: str) -> Invite | None:
        """By the digest of its code or of its link."""
        ...

    def of_community(self, community: str, workshop: str | None = None) -> Sequence[Invite]:
        """Newest first."""
        ...

    def secrets(self, invite_id: str) -> InviteSecrets: ...
    def add(self, invite: Invite, secrets: InviteSecrets) -> None: ...
    def take_seat(self, invite_id: str) -> bool:
        """Takes one seat if one is left: the cap stands in the `UPDATE … WHERE`."""
        ...

    def revoke(self, invite_id: str, now: datetime) -> None: ...
    def close(self, invite_id: str, now: datetime) -> None: ...
    def count_usable(self, now: datetime) -> int:
        """How many invites could be redeemed now or later."""
        ...


class Redemptions(Protocol):
    def by_attempt(self, invite_id: str, attempt_digest: str) -> Redemption | None: ...
    def by_account(self, invite_id: str, account_id: str) -> Redemption | None: ...
    def names(self, invite_id: str) -> Sequence[str]:
        """The display names of those who redeemed it."""
        ...

    def add(self, redemption: Redemption) -> None: ...


class Leases(Protocol):
    def get(self, lease_id: str) -> Lease | None: ...
    def unsettled(self) -> Sequence[Lease]:
        """Of this hub."""
        ...

    def of_server(self, server: ServerKey) -> Lease | None:
        """The unsettled lease of a server of this hub."""
        ...

    def within(self, community: str, start: datetime, end: datetime) -> Sequence[Lease]:
        """The leases charged to a community that held quota between the two times."""
        ...

    def latest(self, account_id: str) -> Lease | None:
        """Of the person's servers that were charged to a community."""
        ...

    def add(self, lease: Lease) -> None: ...
    def activate(self, lease_id: str, now: datetime) -> bool: ...
    def settle(self, lease_id: str, now: datetime) -> bool:
        """False where it was settled before: releasing twice is impossible."""
        ...


class Balances(Protocol):
    def get(self, scope: Scope, resource: str) -> Balance: ...
    def set_limit(self, scope: Scope, resource: str, limit: int | None) -> None: ...
    def hold(self, scope: Scope, resource: str, amount: int, *, capped: bool = True) -> bool:
        """Adds to what is held if it fits: the cap stands in the `UPDATE … WHERE`.

        `capped=False` holds regardless, for servers that run already.
        """
        ...

    def release(self, scope: Scope, resource: str, amount: int) -> None: ...


class Audit(Protocol):
    def add(self, entry: AuditEntry) -> None: ...
    def of_community(self, community: str, limit: int = 100) -> Sequence[AuditEntry]:
        """Newest first."""
        ...


class Store(Protocol):
    """The repositories, within one transaction."""

    accounts: Accounts
    communities: Communities
    grants: Grants
    workshops: Workshops
    invites: Invites
    redemptions: Redemptions
    leases: Leases
    balances: Balances
    audit: Audit


class Database(Protocol):
    """Where transactions begin. Raises `StorageUnreachable` when it does not answer."""

    def read(self) -> AbstractContextManager[Store]: ...
    def write(self) -> AbstractContextManager[Store]:
        """Commits at the end of the block, or undoes all of it."""
        ...

    def check_schema(self) -> None:
        """Raises `SchemaOutdated` (see `storage`) with the command that mends it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator's file says of the hub as a whole, and its catalogue of profiles."""

    hub_name: str = "hub"
    language: str = "en"
    group_prefix: str = "community-"
    admit_when_unreachable: bool = False
    catalogue: Catalogue = field(default_factory=lambda: Catalogue(profiles=()))


@dataclass(frozen=True, slots=True)
class Desk:
    """What a verb works with: the database, the time, chance, the key and the settings."""

    database: Database
    now: datetime
    chance: Chance
    keys: Keyring
    settings: Settings


class Hub(Protocol):
    """The Hub's API, as far as the service needs it."""

    async def servers(self) -> Mapping[ServerKey, RunningServer]:
        """All servers that run, start or stop."""
        ...

    async def set_groups(self, username: str, groups: Iterable[str], *, prefix: str) -> None:
        """Makes the person's groups with our prefix exactly these. Unknown users are left out:
        their groups come with their sign-in."""
        ...

    async def stop_server(self, server: ServerKey) -> None: ...
