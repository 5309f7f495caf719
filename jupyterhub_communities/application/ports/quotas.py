"""Leases, the line for servers, limits, and what is held and spent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from ...domain import metering
from ...domain.earliest import End
from ...domain.leases import Lease, ServerKey
from ...domain.ledger import Ledger
from ...domain.limits import Limit, Quota, Standing
from ...domain.line import StartTicket
from ...domain.quotas import Balance, Scope
from ...domain.reservations import Reservation
from ...domain.stops import Drain
from ...domain.timelines import Changes
from ...domain.units import Amounts


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

    def stopped_since(
        self, servers: Collection[ServerKey], since: datetime
    ) -> frozenset[ServerKey]:
        """Those of these servers of this hub of which a lease was settled then or later."""
        ...

    def latest(self, account_id: str) -> Lease | None:
        """Of the person's servers that were charged to a community."""
        ...

    def add(self, lease: Lease) -> None: ...
    def unmetered(self, lease_ids: Sequence[str] | None = None) -> Sequence[Lease]:
        """Of this hub: those that run, and those whose last stretch is not in the usage yet; of these
        ids, or all."""
        ...

    def unmetered_alike(self) -> Sequence[tuple[Lease, int]]:
        """All of those, without whose they are: one stands for as many as have the same to be metered,
        for servers that run are metered together."""
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

    def known_ends(self, levels: Collection[Scope], *, most: int) -> Sequence[End]:
        """Of unsettled leases at these levels or below them that are known to end, the first to end
        first. Of a member also at other places."""
        ...

    def plan_stops(self, leases: Iterable[Lease]) -> None:
        """Keeps the known end, the stop to come, and since when its person knows, of those that are
        not settled."""
        ...

    def activate(self, lease_ids: Sequence[str], now: datetime) -> None:
        """Of those that are not settled."""
        ...

    def settle(self, lease_id: str, now: datetime) -> bool:
        """False where it was settled before: releasing twice is impossible."""
        ...

    def settle_server(
        self, server: ServerKey, now: datetime, *, came_up: bool = False
    ) -> Lease | None:
        """The lease that this settled, and made active before if it `came_up`; None where the server
        has none to settle."""
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


class Limits(Protocol):
    """Of what may be held at one time, and of what may be spent."""

    def quota(self, scope: Scope) -> Quota: ...
    def set_quota(self, scope: Scope, quota: Quota) -> None:
        """All limits of the scope. What is held and spent stays as it is."""
        ...

    def set_limit(self, scope: Scope, resource: str, limit: Limit) -> None: ...
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

    def standings_at(self, scopes: Collection[Scope]) -> Mapping[Scope, Standing]:
        """Of these, in one statement: without what may be spent."""
        ...


Hours = Literal["sums", "first", "each"]


class Balances(Protocol):
    """What is held."""

    def get(self, scope: Scope, resource: str) -> Balance: ...
    def reservations(
        self, now: datetime, until: datetime | None = None, *, are_kept: bool = False
    ) -> Sequence[Reservation]:
        """All that hold at some time between the two; without `until`, or later. `are_kept`: without
        those of suspended communities, which are open to all until they are resumed."""
        ...

    def standing(
        self,
        scope: Scope,
        wanted: Amounts,
        now: datetime,
        until: datetime | None,
        *,
        hours: Hours = "sums",
        outsider: str | None = None,
    ) -> Ledger:
        """All that decides about requests for these resources, in any amount, from `now` to `until`; None:
        or later.

        `hours` are those of what was spent: its sums in the windows of now, these with the first hour
        to leave each window, or each hour, by which it can be told what is left at any later time. Only
        the last costs more the longer a window is. `outsider` is who asks, where they have no account:
        see `Request`.
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

    def resources(self, scope: Scope) -> Sequence[str]:
        """Of which anything was ever metered there. Costs the same after a day and after years."""
        ...

    def hours(
        self, scope: Scope, resource: str, start: datetime, end: datetime
    ) -> Mapping[datetime, int]:
        """What was metered in each hour."""
        ...

    def hours_each(
        self, level: Scope, resource: str, start: datetime, end: datetime
    ) -> Mapping[Scope, Mapping[datetime, int]]:
        """What was metered in each hour of those who have had a server since `end`, at the level and
        below it: by the place with the member."""
        ...


class Drains(Protocol):
    """How fast what may be spent goes."""

    def all(self, now: datetime) -> Sequence[Drain]:
        """Every allowance that binds now, with what is left of it."""
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
        the hours of UTC that begin from `start` on and before `end`."""
        ...

    def of_person(self, account_id: str, start: datetime, end: datetime) -> Amounts:
        """Of one person at all places."""
        ...


class Marks(Protocol):
    """How far the service's timers have come."""

    def get(self, name: str) -> datetime | None: ...
    def set(self, name: str, at: datetime) -> None: ...
