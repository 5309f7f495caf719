"""What the verbs need from outside, as nouns. Adapters in `storage`, `hub` and the wiring say how."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from ..domain import metering
from ..domain.accounts import Account, AccountKind
from ..domain.audit import WHOLE_TRAIL, AuditEntry, AuditLink, TrailFilter
from ..domain.communities import Community
from ..domain.costs import Prices
from ..domain.grants import Grant, Role
from ..domain.invites import Invite
from ..domain.key_requests import KeyRequest
from ..domain.leases import Lease, RunningServer, ServerKey
from ..domain.ledger import Ledger
from ..domain.limits import Limit, Quota, Standing
from ..domain.line import StartTicket
from ..domain.notices import Notice
from ..domain.paging import Page, Part
from ..domain.profiles import Catalogue
from ..domain.provenance import Rule
from ..domain.quotas import Balance, Scope
from ..domain.reservations import Reservation
from ..domain.stops import Drain, RunningRules
from ..domain.timelines import Changes
from ..domain.units import Amounts
from ..domain.waiting import Ticket
from ..domain.workshops import Session, Site, Workshop, WorkshopBrief
from .board_ports import Board, Hands, Rehearsals
from .cohort_ports import Asks, Loans, Templates
from .offer_ports import RoleOffers
from .outcome_ports import Answered, Openness, Sums, Trainings
from .rush import Rush


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
    released_at: datetime | None = None  # when its seat was given back


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


class Communities(Protocol):
    def get(self, slug: str) -> Community | None: ...
    def all(self) -> Sequence[Community]: ...
    def save(self, community: Community, now: datetime) -> None: ...
    def suspend(self, slug: str, at: datetime | None, because: str | None) -> None:
        """`at` None: no longer suspended, nor archived."""
        ...

    def archive(self, slug: str, at: datetime) -> None: ...
    def show_people(self, slug: str, shows_people: bool) -> None: ...


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


class Workshops(Protocol):
    def get(self, community: str, slug: str) -> Workshop | None: ...
    def sessions(self, community: str, slug: str) -> Sequence[Session]: ...
    def of_community(self, community: str) -> Sequence[Workshop]:
        """Newest first."""
        ...

    def page(self, community: str, among: Collection[str] | None, page: Page) -> Part[Workshop]:
        """Newest first. `among` are slugs; None: all."""
        ...

    def add(self, workshop: Workshop) -> None: ...
    def change(self, workshop: Workshop) -> None:
        """Title, language, zone, seats, profile and sessions become what the workshop says."""
        ...

    def set_message(self, community: str, slug: str, message: str | None) -> None: ...
    def set_promise(self, community: str, slug: str, promised: Role | None) -> None: ...
    def add_site(self, community: str, workshop: str, site: Site) -> None: ...
    def close(self, community: str, slug: str, now: datetime) -> None: ...
    def reserve(self, community: str, slug: str, amounts: Amounts | None, now: datetime) -> None:
        """What is set aside for each of its sessions from now on; None: nothing."""
        ...


@dataclass(frozen=True, slots=True)
class FoundInvite:
    """An invite with the place that it opens."""

    invite: Invite
    community: Community | None
    workshop: WorkshopBrief | None
    has_line: bool  # somebody waits for a seat of it


class Invites(Protocol):
    def get(self, invite_id: str) -> Invite | None: ...
    def by_digest(self, digest: str) -> FoundInvite | None:
        """By the digest of its code or of its link, in one statement."""
        ...

    def sealed(self) -> Sequence[str]:
        """The codes of the oldest and of the newest, as they are kept; empty where there is none."""
        ...

    def of_community(self, community: str, workshop: str | None = None) -> Sequence[Invite]:
        """Newest first."""
        ...

    def page(self, community: str, page: Page) -> Part[Invite]:
        """Newest first."""
        ...

    def learner_seats(self, community: str, workshop: str) -> int | None:
        """Of all learner codes of a workshop, with those of its sites and the personal ones; of a
        revoked one only those that are taken. None: without a number."""
        ...

    def of_batch(self, community: str, batch: str) -> Sequence[Invite]:
        """By the names they are for."""
        ...

    def secrets(self, invite_id: str) -> InviteSecrets: ...
    def secrets_of_batch(self, batch: str) -> Mapping[str, InviteSecrets]: ...
    def add(self, invite: Invite, secrets: InviteSecrets) -> None: ...
    def take_seat(self, invite_id: str) -> bool:
        """Takes one seat if one is left: the cap stands in the `UPDATE … WHERE`."""
        ...

    def give_back(self, invite_id: str, seats: int) -> None: ...
    def set_secrets(self, invite_id: str, secrets: InviteSecrets) -> None:
        """Another code and link for the same invite."""
        ...

    def change(self, invite: Invite) -> None:
        """Seats, times, pause, by hand and maker become what the invite says."""
        ...

    def made_by(self, account_id: str, now: datetime) -> Sequence[Invite]:
        """Those of one maker that are or will be open."""
        ...

    def follow_workshop(
        self,
        community: str,
        workshop: str,
        *,
        before: datetime,
        ends_at: datetime,
        lasts: timedelta,
    ) -> None:
        """Those that closed with the workshop, at `before`, close with its new end. What any of them
        grants lasts so much longer than that end."""
        ...

    def revoke(self, invite_id: str, now: datetime) -> None: ...
    def close(self, invite_id: str, now: datetime) -> None: ...
    def makers_among(self, account_ids: Iterable[str], now: datetime) -> Sequence[str]:
        """Those of these accounts whose invites are or will be open."""
        ...

    def is_any_usable(self, now: datetime) -> bool:
        """Is there an invite that could be redeemed now or later?"""
        ...


class Waiting(Protocol):
    """People in line for a seat, or to be admitted by hand."""

    def get(self, ticket_id: str) -> Ticket | None: ...
    def by_attempt(self, invite_id: str, attempt_digest: str) -> Ticket | None:
        """The attempt's ticket that has not ended."""
        ...

    def of_invite(self, invite_id: str) -> Sequence[Ticket]:
        """Those that have not ended, the first in line first."""
        ...

    def next_number(self, invite_id: str) -> int: ...
    def add(self, ticket: Ticket) -> None: ...
    def admit(self, ticket_id: str, now: datetime) -> None: ...
    def offer(self, ticket_id: str, until: datetime) -> bool: ...
    def end(self, ticket_id: str, now: datetime) -> bool:
        """False where it has ended before."""
        ...

    def forget(self, before: datetime) -> None:
        """Deletes tickets that ended before."""
        ...

    def end_overdue(self, invite_id: str, now: datetime) -> int:
        """Ends the offers that were not taken in time; how many seats that gives back."""
        ...

    def invites_to_look_at(self) -> Sequence[str]:
        """The ids of invites that anybody waits for."""
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


class Redemptions(Protocol):
    def by_attempt(self, invite_id: str, attempt_digest: str) -> Redemption | None: ...
    def by_account(self, invite_id: str, account_id: str) -> Redemption | None: ...
    def has_name(self, invite_id: str, name: str) -> bool:
        """Has somebody redeemed it whose name is this one, by `same_name`?"""
        ...

    def release_lapsed(self, invite_id: str, now: datetime) -> int:
        """Notes once that a grant has ended; how many seats that gives back."""
        ...

    def grant_ids(self, invite_id: str) -> Sequence[str]: ...
    def invites_of(self, grant_ids: Iterable[str]) -> Sequence[str]:
        """The ids of the invites that gave these grants."""
        ...

    def renew(self, redemption: Redemption) -> None:
        """The same person redeems the same invite again."""
        ...

    def last_at(self, account_id: str) -> datetime | None:
        """When this account last redeemed an invite."""
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

    def of_account(self, account_id: str) -> Sequence[Lease]:
        """The unsettled leases of one person, on this hub."""
        ...

    def settled(
        self, community: str | None, since: datetime, *, after: Lease | None, limit: int
    ) -> Sequence[Lease]:
        """Leases of this hub that ended since then, in the order of their ends, behind `after`.
        `community` None: of all."""
        ...

    def count_settled(self, community: str | None, since: datetime) -> int: ...
    def changes(
        self,
        places: Sequence[Scope],
        resource: str,
        start: datetime,
        end: datetime,
        step: timedelta,
    ) -> Mapping[Scope, Sequence[Changes]]:
        """What was held at each of these places between the two times, by steps in which anything
        changed, in one statement: the hub alone, communities, or one workshop. What was held at the
        start changes in the first step."""
        ...

    def had_any(self, account_ids: Iterable[str]) -> frozenset[str]:
        """Those of these accounts that ever had a server, on any hub."""
        ...

    def starts(
        self, community: str, workshop: str
    ) -> Mapping[str, tuple[datetime | None, datetime | None]]:
        """When the first and the last server started that a workshop was charged for, of each
        account, on any hub."""
        ...

    def of_username(self, username: str) -> Sequence[Lease]:
        """The unsettled leases of whom this hub calls so, with an account or without."""
        ...

    def latest(self, account_id: str) -> Lease | None:
        """Of the person's servers that were charged to a community."""
        ...

    def add(self, lease: Lease) -> None: ...
    def unmetered(self, lease_ids: Sequence[str] | None = None) -> Sequence[Lease]:
        """Of this hub: those that run, and those whose last stretch is not in the usage yet; of these
        ids, or all."""
        ...

    def unmetered_since(self, *, has_ended: bool = False) -> Mapping[str, datetime]:
        """The ids of all of them, or of those that have ended, and from when on."""
        ...

    def note_metered(
        self, lease_ids: Sequence[str], until: datetime, *, is_last: bool = True
    ) -> None:
        """These are metered to that time, or to their end. Not `is_last`: those that ended later, to
        that time only."""
        ...

    def known_ends(self, now: datetime, *, most: int) -> Sequence[Lease]:
        """Unsettled leases that are known to end, the first to end first."""
        ...

    def plan_stops(self, leases: Iterable[Lease]) -> None:
        """Keeps the known end, the stop to come, and since when its person knows, of those that are
        not settled."""
        ...

    def activate(self, lease_id: str, now: datetime) -> bool: ...
    def settle(self, lease_id: str, now: datetime) -> bool:
        """False where it was settled before: releasing twice is impossible."""
        ...


class Line(Protocol):
    """The tickets of those who wait until a server can be started, on this hub."""

    def all(self) -> Sequence[StartTicket]:
        """By arrival."""
        ...

    def of_server(self, server: ServerKey) -> StartTicket | None: ...
    def of_user(self, username: str) -> Sequence[StartTicket]: ...
    def put(self, ticket: StartTicket) -> None:
        """In place of the server's ticket, if it has one."""
        ...

    def note_seen(self, seen: Mapping[str, datetime]) -> None:
        """When the pages of these tickets were last asked for, by ticket id."""
        ...

    def remove(self, ticket_ids: Iterable[str]) -> None: ...
    def remove_of_account(self, account_id: str) -> None:
        """On every hub."""
        ...

    def remove_of_community(self, community: str) -> None:
        """On every hub."""
        ...


@dataclass(frozen=True, slots=True)
class Hold:
    """By how much what is held grows at one scope, if it fits there."""

    scope: Scope
    resource: str
    amount: int
    needs: int = 0  # what must be left for it: the amount, and what is closed to it
    cap: int | None = None  # None: no limit, or a server that runs already
    is_first: bool = False  # nothing was ever held there


class Balances(Protocol):
    """Limits, and what is held."""

    def get(self, scope: Scope, resource: str) -> Balance: ...
    def quota(self, scope: Scope) -> Quota: ...
    def set_quota(self, scope: Scope, quota: Quota) -> None:
        """All limits of the scope. What is held and spent stays as it is."""
        ...

    def set_limit(self, scope: Scope, resource: str, limit: Limit) -> None: ...
    def reservations(self, now: datetime, until: datetime | None = None) -> Sequence[Reservation]:
        """All that hold at some time between the two; without `until`, or later."""
        ...

    def add_up_cohorts(self) -> int:
        """What each cohort's communities lend and have drawn, anew: after a change of limits. Of how
        many pools something else was drawn."""
        ...

    def standings(
        self, community: str | None, *, with_workshops: bool = True
    ) -> Mapping[Scope, Standing]:
        """Of a community and its workshops; None: of the hub, its cohorts and all communities. What
        is neither limited nor held anywhere is left out. As many statements however many there are.
        """
        ...

    def standing(
        self, scope: Scope, wanted: Amounts, now: datetime, until: datetime, *, whole: bool = False
    ) -> Ledger:
        """All that decides about requests for these resources from `now` to `until`.

        `whole` has every hour of what was spent, so that the time can be told at which it leaves a
        window.
        """
        ...

    def hold(self, holds: Iterable[Hold]) -> bool:
        """Adds to what is held, where all of it fits: the caps stand in the `UPDATE … WHERE`.
        False where one does not fit; the transaction is then to be given up."""
        ...

    def release(self, scope: Scope, amounts: Amounts) -> None:
        """Gives back at every level what a lease held."""
        ...

    def miscounted(self) -> Mapping[tuple[str, str], int]:
        """Counters (as `correct` takes them) that do not say what the unsettled leases of all hubs
        amount to, with what is missing. As of one moment: within `Transactions.read`."""
        ...

    def correct(self, by: Mapping[tuple[str, str], int]) -> None:
        """Adds what is missing. Starts and stops change leases and counters alike, so it is the same
        however many there were since it was added up."""
        ...


class Meters(Protocol):
    """What was spent of what may be spent over windows of time."""

    def spent(self, wanted: Sequence[tuple[Scope, str, datetime]]) -> Sequence[int]:
        """What was metered of a resource at a scope since an hour, for each of these."""
        ...

    def hours(
        self, scope: Scope, resource: str, start: datetime, end: datetime
    ) -> Mapping[datetime, int]:
        """What was metered in each hour."""
        ...

    def drains(self, now: datetime) -> Sequence[Drain]:
        """Every allowance that binds now, with what is left of it and how fast it goes."""
        ...


class Usage(Protocol):
    """What was spent, by the hour."""

    def add(self, usage: metering.Usage) -> None: ...
    def sums(
        self,
        scope: Scope,
        start: datetime,
        end: datetime,
        by: Literal["hour", "place", "profile", "person"],
    ) -> Sequence[tuple[datetime | Scope | str | None, Amounts]]:
        """At the scope and below it, for each hour, place, profile (slug) or person (account id);
        `start` to `end` are hours of UTC."""
        ...

    def of_person(self, account_id: str, start: datetime, end: datetime) -> Amounts:
        """Of one person at all places."""
        ...


class Personal(Protocol):
    """All that is held about one person, over all tables."""

    def export(self, account_id: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """By table, without secrets."""
        ...

    def erase(self, account_id: str) -> None:
        """The account with all that is linked to it. What was used stays, without whom."""
        ...


class Marks(Protocol):
    """How far the service's timers have come."""

    def get(self, name: str) -> datetime | None: ...
    def set(self, name: str, at: datetime) -> None: ...


class Audit(Protocol):
    def add(self, entry: AuditEntry) -> None: ...
    def of_community(
        self,
        community: str | None,
        wanted: TrailFilter = WHOLE_TRAIL,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """Newest first; None: of the whole hub. `before` and `after` are ids: the next older, or the
        next newer ones."""
        ...

    def counts(self, community: str, start: datetime, end: datetime) -> Mapping[str, int]:
        """How many there are of each action."""
        ...

    def last_link(self) -> AuditLink:
        """`NO_LINK` before there is any."""
        ...

    def links_after(self, number: int, limit: int) -> Sequence[AuditLink]: ...
    def add_link(self, link: AuditLink) -> None: ...
    def stretch(self, first: int, last: int | None, limit: int) -> Sequence[AuditEntry]:
        """In order of their ids, both ends included; `last` None: to the end."""
        ...

    def count_between(self, first: int, last: int | None) -> int: ...


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request that may be sent twice was answered."""

    key_digest: str  # of who asked, and the key that they chose
    account_id: str | None  # of who asked
    request_digest: str  # of what was asked
    answer_sealed: str = field(repr=False)  # it may show codes
    made_at: datetime


class KeptAnswers(Protocol):
    def get(self, key_digest: str) -> KeptAnswer | None: ...
    def put(self, answer: KeptAnswer) -> None:
        """In place of an older one of the same key."""
        ...

    def forget(self, before: datetime) -> None:
        """Deletes those that were made before."""
        ...


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
    balances: Balances
    meters: Meters
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
    rescue_profile: str | None = None  # slug; None: the smallest by memory
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


class Hub(Protocol):
    """The Hub's API, as far as the service needs it."""

    async def servers(self) -> Mapping[ServerKey, RunningServer]:
        """All servers that run, start or stop."""
        ...

    async def set_groups(self, username: str, groups: Iterable[str], *, prefix: str) -> None:
        """Makes the person's groups with our prefix exactly these. Unknown users are left out:
        their groups come with their sign-in."""
        ...

    async def has_group(self, name: str) -> bool: ...
    async def stop_server(self, server: ServerKey) -> None: ...

    async def start_server(self, server: ServerKey) -> None:
        """With the options of its last start."""
        ...

    async def share_server(self, server: ServerKey, username: str) -> None:
        """Lets somebody else open it, until that is taken back."""
        ...

    async def unshare_server(self, server: ServerKey, username: str) -> None: ...

    async def has_role(self, username: str) -> bool:
        """Is the person an admin of the Hub, or has a role there beyond everybody's?"""
        ...

    async def servers_of(self, username: str) -> Collection[ServerKey]:
        """Those of one person that run, start or stop. Empty for somebody the Hub does not know."""
        ...

    async def revoke_tokens(self, username: str, *, keep_servers: bool) -> None:
        """Deletes the person's tokens, `keep_servers` leaving those that running servers live by."""
        ...

    async def end_sign_ins(self, username: str) -> None:
        """Signs the person out of every browser and ends their tokens; their servers run on."""
        ...

    async def delete_user(self, username: str) -> bool:
        """Stops the person's servers and deletes the Hub user. False: still stopping, ask again."""
        ...
