"""What the verbs need from outside, as nouns. Adapters in `storage`, `hub` and the wiring say how."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ...domain.costs import Prices
from ...domain.profiles import Catalogue
from ...domain.provenance import Rule
from ...domain.stops import RunningRules
from ..rush import Rush
from .audit import Audit, KeptAnswer, KeptAnswers
from .board import Board, Hands, Rehearsals
from .chance import Chance, Clock, Keyring
from .cohorts import Asks, Loans, Templates
from .communities import Communities, Workshops
from .hub import Hub
from .invites import (
    FoundInvite,
    Invites,
    InviteSecrets,
    NamedCode,
    Redemption,
    Redemptions,
    Waiting,
)
from .offers import RoleOffers
from .outcomes import Answered, AskedWorkshop, Openness, Sums, Trainings
from .people import (
    Accounts,
    GrantHistory,
    Grants,
    Identities,
    KeyRequests,
    Notices,
    PendingKey,
    People,
    Personal,
)
from .quotas import Balances, Drains, Hold, Hours, Leases, Limits, Line, Marks, Meters, Usage


class Store(Protocol):
    """The repositories, within one transaction."""

    accounts: Accounts
    people: People
    communities: Communities
    grants: Grants
    workshops: Workshops
    invites: Invites
    redemptions: Redemptions
    waiting: Waiting
    key_requests: KeyRequests
    identities: Identities
    role_offers: RoleOffers
    notices: Notices
    leases: Leases
    line: Line
    limits: Limits
    balances: Balances
    meters: Meters
    drains: Drains
    usage: Usage
    personal: Personal
    marks: Marks
    audit: Audit
    kept_answers: KeptAnswers
    board: Board
    hands: Hands
    rehearsals: Rehearsals
    trainings: Trainings
    answered: Answered
    sums: Sums
    openness: Openness
    asks: Asks
    loans: Loans
    templates: Templates

    def about(self, usernames: Collection[str]) -> Store:
        """The same, for a look at all of these people: what is theirs is read for all of them
        together, and what they have in common once. Does not see what is written meanwhile."""
        ...


class WouldWait(Exception):
    """What was asked cannot be answered at once."""


class Transactions(Protocol):
    """Where transactions begin. Raises `StorageUnreachable` when the database does not answer."""

    def read(self) -> AbstractContextManager[Store]: ...
    def write(self) -> AbstractContextManager[Store]:
        """Commits at the end of the block, or undoes all of it. One at a time: what is looked up in
        it stays true until its end."""
        ...


class Database(Transactions, Protocol):
    @property
    def at_once(self) -> Transactions | None:
        """The same for whoever must not wait: raises `WouldWait` instead. None where even a look has
        to wait, as for the answer of a server."""
        ...

    def holds_timers(self) -> bool:
        """Is it this process, of those that serve the hub, that does what the clock asks? The
        first that asks, until it ends or loses the database."""
        ...

    def tidy(self) -> None:
        """What has to be done now and then is done now, lest somebody's request do it."""
        ...

    def check_schema(self) -> None:
        """Raises `DatabaseUnfit` (see `storage`) with what mends it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator's file says of the hub as a whole, and its catalogue of profiles."""

    hub_name: str = "hub"
    language: str = "en"
    group_prefix: str = "community-"
    admit_when_unreachable: bool = False
    most_people: int | None = None  # with a grant that holds; None: no ceiling
    most_new_per_hour: int | None = None  # accounts made by codes
    rules: tuple[Rule, ...] = ()  # from the identity provider's claims to grants
    grace: timedelta = timedelta(days=14)  # after the end of access, for taking files along
    rescue_profile: str | None = None  # slug; None: the smallest
    admits_outside: bool = True  # people of the hub who belong to no community
    running: Mapping[str | None, RunningRules] = field(default_factory=dict)  # by community; None:
    # for those without rules of their own
    zone: str = "UTC"  # of the hub
    has_upstream: bool = False  # accounts can be linked with one that people have elsewhere
    are_servers_apart: bool = False  # each on a host of its own: else nobody opens another person's
    communities: frozenset[str] = frozenset()  # that the file names
    keep_when_missing: bool = True  # a claim that is missing leaves its grants as they are
    prices: Prices | None = None
    catalogue: Catalogue = field(default_factory=lambda: Catalogue(profiles=()))


@dataclass(frozen=True, slots=True)
class Desk:
    """What a verb works with: the database, the time, chance, the key and the settings; and for whose
    request, as the audit and the logs know it."""

    database: Transactions
    now: datetime
    chance: Chance
    keys: Keyring
    settings: Settings
    request_id: str | None = None
    rush: Rush = field(default_factory=Rush)


__all__ = [
    "Accounts",
    "Answered",
    "AskedWorkshop",
    "Asks",
    "Audit",
    "Balances",
    "Board",
    "Chance",
    "Clock",
    "Communities",
    "Database",
    "Desk",
    "Drains",
    "FoundInvite",
    "GrantHistory",
    "Grants",
    "Hands",
    "Hold",
    "Hours",
    "Hub",
    "Identities",
    "InviteSecrets",
    "Invites",
    "KeptAnswer",
    "KeptAnswers",
    "KeyRequests",
    "Keyring",
    "Leases",
    "Limits",
    "Line",
    "Loans",
    "Marks",
    "Meters",
    "NamedCode",
    "Notices",
    "Openness",
    "PendingKey",
    "People",
    "Personal",
    "Redemption",
    "Redemptions",
    "Rehearsals",
    "RoleOffers",
    "Settings",
    "Store",
    "Sums",
    "Templates",
    "Trainings",
    "Transactions",
    "Usage",
    "Waiting",
    "Workshops",
    "WouldWait",
]
