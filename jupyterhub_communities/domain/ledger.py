"""The ledger: all limits of a hub, and one counter for each scope and resource.

A request is judged by the counters on its path alone, whatever number of leases stands behind them,
and by the reservations of the time that it looks ahead. Kept in memory it replays histories
(`replays`) and says what storage must do: a counter is a row, `hold` and `release` are one `UPDATE`
for each counter on the path, and a `Claim` is what stands in its `WHERE`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from .borrowing import Share
from .each import EachLimit
from .loans import Loan, between, given, received
from .metering import Meter
from .quotas import HUB, Claim, Scope, Verdict, largest
from .reservations import LOOK_AHEAD, Reservation, times_ahead, unused
from .units import Amounts, spent_each_second
from .windows import WholeGrant, Window

Key = tuple[Scope, str]  # scope, resource


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a member spends at other places that the same limit counts."""

    level: Scope  # the limit's
    meter: Meter


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent of a resource over a window, in base units."""

    limit: int
    window: Window
    elsewhere: Elsewhere | None = field(default=None, compare=False)

    @property
    def rate_elsewhere(self) -> int:
        return 0 if self.elsewhere is None else self.elsewhere.meter.rate

    def spent_elsewhere(self, at: datetime) -> int:
        return 0 if self.elsewhere is None else self.elsewhere.meter.spent(self.window, at)

    def copy(self) -> Allowance:
        """With a meter of its own, for meters change."""
        if self.elsewhere is None:
            return self
        there = replace(self.elsewhere, meter=self.elsewhere.meter.copy())
        return replace(self, elsewhere=there)


@dataclass(frozen=True, slots=True)
class Rules:
    """Every limit of a hub. What is not named is unlimited."""

    most: Mapping[Key, int] = field(default_factory=dict)  # held at one time
    # By place: what stands for each person there and above.
    most_each: Mapping[Key, Sequence[EachLimit]] = field(default_factory=dict)
    # What a member holds at other places, by place.
    held_elsewhere: Mapping[Key, Mapping[Scope, int]] = field(default_factory=dict)
    spent: Mapping[Key, Sequence[Allowance]] = field(default_factory=dict)
    shares: Mapping[tuple[str, str], Share] = field(default_factory=dict)  # community, resource
    cohorts: Mapping[str, str] = field(default_factory=dict)  # community → its cohort
    pools: Mapping[Key, int] | None = None  # a cohort's, where `shares` has not all of its members
    reservations: Sequence[Reservation] = ()
    loans: Sequence[Loan] = ()  # between communities of one cohort
    runway: timedelta = timedelta(minutes=15)  # what must be left for all that would then run

    def path(self, scope: Scope) -> tuple[Scope, ...]:
        return scope.path(self.cohorts.get(scope.community or ""))

    def share(self, scope: Scope, resource: str) -> Share | None:
        """What a community owns. Without a cohort it neither borrows nor lends."""
        if scope.kind != "community" or scope.community is None:
            return None
        share = self.shares.get((scope.community, resource))
        if share is None or scope.community in self.cohorts:
            return share
        return Share(share.nominal, may_borrow=0)

    def limit(
        self,
        scope: Scope,
        resource: str,
        at: datetime | None = None,
        *,
        now: datetime | None = None,
    ) -> int | None:
        """The most that is held at one time; None: unlimited. A cohort's is its pool. `at` a time,
        with the loans that hold then, and those that the community has `now`: when they end, what
        runs may run on."""
        limits = [self.most.get((scope, resource))]
        if scope.cohort is not None:
            limits.append(self._pool(scope.cohort, resource))
        share = self.share(scope, resource)
        if share is not None and share.ceiling is not None:
            limits.append(share.ceiling + self._moved(scope, resource, at, now))
        return min((max(0, limit) for limit in limits if limit is not None), default=None)

    def divided(self, scope: Scope, resource: str, at: datetime | None = None) -> int | None:
        """What is divided where each person has an equal part: the most that is held there, else
        what is owned, for nobody knows how much can be borrowed."""
        limit, share = self.limit(scope, resource, at), self.share(scope, resource)
        if limit is None and share is not None:
            return share.nominal + self._moved(scope, resource, at, None)
        return limit

    def on_loan(self, community: str | None, resource: str, at: datetime) -> int:
        """What a community has on loan from others of its cohort."""
        return received(self._loans(community), community or "", resource, at)

    def _loans(self, community: str | None) -> list[Loan]:
        """What it gave and what it has."""
        own = (one for one in self.loans if community in (one.lender, one.borrower))
        return between(own, self.cohorts)

    def _moved(self, scope: Scope, resource: str, at: datetime | None, now: datetime | None) -> int:
        if at is None or not self.loans:
            return 0
        own, name = self._loans(scope.community), scope.community or ""
        has = max(received(own, name, resource, time) for time in (at, now or at))
        return has - given(own, name, resource, at)

    def members(self, cohort: str, resource: str) -> Iterator[tuple[Scope, Share]]:
        """The communities of a cohort that own something of the resource."""
        for (community, owned), share in self.shares.items():
            if owned == resource and self.cohorts.get(community) == cohort:
                yield Scope(community), share

    def _pool(self, cohort: str, resource: str) -> int | None:
        if self.pools is not None:
            return self.pools.get((Scope(cohort=cohort), resource))
        lendable = [share.lendable for _, share in self.members(cohort, resource)]
        return sum(lendable) if lendable else None


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody wants to hold something for a time."""

    scope: Scope  # the innermost that is charged
    amounts: Amounts  # held, not spent
    lasts: timedelta = LOOK_AHEAD  # at most; the default where nobody knows
    # The username of somebody without an account: no counter says what they hold, but their leases.
    outsider: str | None = None

    @property
    def judged(self) -> Scope:
        """What it is charged to, with the person's own level."""
        return self.scope if self.outsider is None else replace(self.scope, member=self.outsider)


class Ledger:
    """The counters. A clock may be set back: then nothing is spent anywhere until it is past the
    latest time that was seen, so that levels keep adding up."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._held: dict[Key, int] = {}
        self._meters: dict[Key, Meter] = {}
        self._latest: datetime | None = None

    @classmethod
    def standing(cls, rules: Rules, held: Mapping[Key, int], meters: Mapping[Key, Meter]) -> Ledger:
        """As some of the counters stand: those that the requests to be judged will ask for."""
        ledger = cls(rules)
        ledger._held, ledger._meters = dict(held), dict(meters)
        return ledger

    @classmethod
    def copy_of(cls, other: Ledger) -> Self:
        spent = {key: [one.copy() for one in allowed] for key, allowed in other.rules.spent.items()}
        ledger = cls(replace(other.rules, spent=spent))
        ledger._held = dict(other._held)
        ledger._meters = {key: meter.copy() for key, meter in other._meters.items()}
        ledger._latest = other._latest
        return ledger

    def copy(self) -> Self:
        return self.copy_of(self)

    def knows(self, scope: Scope, resource: str) -> bool:
        """Whether anything was ever held there, or is limited."""
        return (scope, resource) in self._held

    def looking_ahead(self, now: datetime, lasts: timedelta) -> Ledger:
        """The same for requests of now, which nothing concerns that is reserved for after `lasts`:
        each of them would go through it."""
        near = [one for one in self.rules.reservations if one.starts_at < now + lasts]
        if len(near) == len(self.rules.reservations):
            return self
        ahead = self.copy()
        ahead.rules = replace(self.rules, reservations=near)
        return ahead

    def held(self, scope: Scope, resource: str) -> int:
        """What is held; of a cohort, what is drawn from its pool."""
        return self._held.get((scope, resource), 0)

    def spent(self, scope: Scope, resource: str, window: Window, at: datetime) -> int:
        at = self._not_before(at)
        meter = self._meters.get((scope, resource))
        return 0 if meter is None else meter.spent(window, at)

    def rate(self, scope: Scope, resource: str) -> int:
        """What is spent each second."""
        meter = self._meters.get((scope, resource))
        return 0 if meter is None else meter.rate

    def hours_spent(self, scope: Scope, resource: str) -> Collection[datetime]:
        meter = self._meters.get((scope, resource))
        return () if meter is None else meter.hours.keys()

    def comes_back(
        self, scope: Scope, resource: str, allowance: Allowance, now: datetime
    ) -> datetime | None:
        """When the first of what was spent leaves the window; None where nothing does."""
        window, begins = allowance.window, allowance.window.begins_at(now)
        if begins is None:
            return None
        there = allowance.elsewhere
        meters = (self._meters.get((scope, resource)), None if there is None else there.meter)
        hours = (item for meter in meters if meter is not None for item in meter.hours.items())
        spent = (hour for hour, amount in hours if amount and hour >= begins)
        leaving = (window.leaves_at(hour) for hour in spent)
        return min((at for at in leaving if at is not None), default=None)

    # Changes

    def hold(self, scope: Scope, amounts: Amounts, at: datetime) -> None:
        """A lease begins, whatever the limits: `judge` comes first, save where a server is found
        that runs already."""
        self._move(scope, amounts, 1, at)

    def hold_moves(self, moves: Iterable[tuple[Scope, str, int]]) -> None:
        """What `moves` of another ledger says, which knows shares that this one does not. What is
        spent meanwhile is left out."""
        for level, resource, amount in moves:
            self._add(level, resource, amount)

    def release(self, scope: Scope, amounts: Amounts, at: datetime) -> None:
        self._move(scope, amounts, -1, at)

    def set_rules(self, rules: Rules, at: datetime) -> None:
        """Other limits, also below what is held: nothing stops, and admission refuses until it
        fits again. What a cohort has is added up anew, for guaranteed parts may have changed, and
        who is in it; what was spent stays with the cohort that it was spent in."""
        self.rules = rules
        at = self._not_before(at)
        self._held = {key: n for key, n in self._held.items() if key[0].cohort is None}
        for (community, resource), share in rules.shares.items():
            if cohort := rules.cohorts.get(community):
                drawn = share.drawn(self.held(Scope(community), resource))
                self._add(Scope(cohort=cohort), resource, drawn)
        for (scope, _), meter in self._meters.items():
            if scope.cohort is not None:
                meter.change(-meter.rate, at)
        for (scope, resource), meter in list(self._meters.items()):
            cohort = rules.cohorts.get(scope.community or "")
            if scope.kind == "community" and cohort is not None:
                self._meter(Scope(cohort=cohort), resource).change(meter.rate, at)

    def _move(self, scope: Scope, amounts: Amounts, sign: int, at: datetime) -> None:
        path, at = self.rules.path(scope), self._not_before(at)
        signed = {resource: sign * amount for resource, amount in amounts.items()}
        for level, resource, amount in list(self.moves(scope, signed)):
            self._add(level, resource, amount)
        for resource, rate in spent_each_second(amounts).items():
            for level in path:
                self._meter(level, resource).change(sign * rate, at)

    def moves(self, scope: Scope, amounts: Amounts) -> Iterator[tuple[Scope, str, int]]:
        """By how much each counter of what is held grows when this is held as well."""
        path = self.rules.path(scope)
        for resource, amount in amounts.items():
            drawn = self._drawn(scope, resource, amount)
            for level in path:
                yield level, resource, drawn if level.cohort else amount

    def _drawn(self, scope: Scope, resource: str, by: int) -> int:
        """How what the community draws from its pool changes when it holds so much more."""
        community = Scope(scope.community)
        share = self.rules.share(community, resource)
        if share is None:
            return 0
        held = self.held(community, resource)
        return share.drawn(held + by) - share.drawn(held)

    def _not_before(self, at: datetime) -> datetime:
        self._latest = at if self._latest is None else max(self._latest, at)
        return self._latest

    def _meter(self, scope: Scope, resource: str) -> Meter:
        return self._meters.setdefault((scope, resource), Meter())

    def _add(self, scope: Scope, resource: str, amount: int) -> None:
        self._held[scope, resource] = self.held(scope, resource) + amount

    # Judging

    def judge(self, request: Request, now: datetime) -> Verdict:
        """Whether the request fits, and by what it does not."""
        exceeded = [claim for claim in self.claims(request, now) if not claim.fits]
        if not exceeded:
            return Verdict()
        kept = self._kept_from(request, now)
        return Verdict(
            tuple(
                replace(claim, is_kept=(claim.scope, claim.resource) in kept) for claim in exceeded
            )
        )

    def largest(
        self,
        sizes: Mapping[str, Amounts],
        scope: Scope,
        now: datetime,
        lasts: timedelta,
        outsider: str | None = None,
    ) -> str | None:
        """The largest of these, by name, that would start now."""
        requests = {name: Request(scope, size, lasts, outsider) for name, size in sizes.items()}
        return largest(sizes, (name for name, one in requests.items() if self.fits(one, now)))

    def fits(self, request: Request, now: datetime) -> bool:
        """Whether `claims` all do. What is held is asked first: what was spent has to be added up."""
        return self.fits_held(request, now) and self.fits_time(request, now)

    def fits_held(self, request: Request, now: datetime) -> bool:
        return all(claim.fits for claim in self.held_claims(request, now))

    def fits_time(self, request: Request, now: datetime) -> bool:
        path = self.rules.path(request.scope)
        return all(c.fits for level in path for c in self._time_claims(level, request, now))

    def claims(self, request: Request, now: datetime) -> Iterator[Claim]:
        """What the request asks of each limit on its path, from the hub down."""
        for level in self.rules.path(request.judged):
            yield from self._held_claims(level, request, now)
            yield from self._time_claims(level, request, now)

    def held_claims(self, request: Request, now: datetime) -> Iterator[Claim]:
        """Those of `claims` that servers which stop make room for."""
        for level in self.rules.path(request.judged):
            yield from self._held_claims(level, request, now)

    def frees_up(self, request: Request, now: datetime) -> bool:
        """Would there be room if all that runs stopped?"""
        return not self._kept_from(request, now)

    def _kept_from(self, request: Request, now: datetime) -> set[Key]:
        """Where there would be no room if all that runs stopped: too much is reserved for others, or
        lent, while the request's server may run. That comes back by the clock."""
        alone = Ledger(self.rules).held_claims(request, now)
        return {(claim.scope, claim.resource) for claim in alone if not claim.fits}

    def is_within_reserve(self, scope: Scope, resource: str, wanted: int, now: datetime) -> bool:
        """Is it of what the workshop has reserved now and does not use?"""
        free = unused(self.rules.reservations, resource, lambda s: self.held(s, resource), now)
        return wanted <= free.get(scope.place, 0)

    def _held_claims(self, level: Scope, request: Request, now: datetime) -> Iterator[Claim]:
        for resource, wanted in request.amounts.items():
            if level.member is not None:
                yield from self._each_claim(level, resource, wanted)
                continue
            limit = self.rules.limit(level, resource, now)
            if limit is not None:
                yield self._claim(level, resource, wanted, limit, request, now)

    def _each_claim(self, member: Scope, resource: str, wanted: int) -> Iterator[Claim]:
        """Of all that stands for each person, what leaves this one least; first what never fits."""
        here = self.held(member, resource)
        elsewhere = self.rules.held_elsewhere.get((member, resource), {})
        claims = []
        for one in self.rules.most_each.get((member.place, resource), ()):
            held = here + sum(n for place, n in elsewhere.items() if one.level in place.path())
            claims.append(Claim(member, resource, one.of(wanted), held, wanted, least=wanted))
        if claims:
            yield max(claims, key=lambda claim: (claim.never_fits, claim.lacks))

    def _time_claims(self, level: Scope, request: Request, now: datetime) -> Iterator[Claim]:
        for resource, rate in spent_each_second(request.amounts).items():
            for allowance in self.rules.spent.get((level, resource), ()):
                if allowance.window.begins_at(now) is not None:
                    yield self._time_claim(level, resource, rate, allowance, now)

    def allowances(self, request: Request) -> Iterator[tuple[Scope, str, int, Allowance]]:
        """What may be spent on the request's path, with what it spends each second."""
        for level in self.rules.path(request.scope):
            for resource, rate in spent_each_second(request.amounts).items():
                for allowance in self.rules.spent.get((level, resource), ()):
                    yield level, resource, rate, allowance

    def may_spend(
        self, level: Scope, resource: str, rate: int, allowance: Allowance, at: datetime
    ) -> bool:
        """Of one of `allowances`: is there enough left of it at a time, or does it not bind then?"""
        if allowance.window.begins_at(at) is None:
            return True
        return self._time_claim(level, resource, rate, allowance, at).fits

    def _claim(
        self, level: Scope, resource: str, wanted: int, limit: int, request: Request, now: datetime
    ) -> Claim:
        asked = least = wanted
        if level.cohort is not None:
            asked = self._drawn(request.scope, resource, wanted)
            share = self.rules.share(Scope(request.scope.community), resource)
            least = 0 if share is None else share.drawn(wanted)
        elif limit < wanted <= self._most_later(level, resource):
            least = limit  # waiting for a loan, or for its end, is of use
        closed = self._closed(level, resource, wanted, request, now)
        return Claim(level, resource, limit, self.held(level, resource), asked, closed, least)

    def _time_claim(
        self, level: Scope, resource: str, rate: int, allowance: Allowance, now: datetime
    ) -> Claim:
        spent = self.spent(level, resource, allowance.window, now) + allowance.spent_elsewhere(now)
        running = self.rate(level, resource) + allowance.rate_elsewhere
        runway = self.rules.runway // timedelta(seconds=1)
        asked = (running + rate) * runway
        return Claim(
            level,
            resource,
            allowance.limit,
            spent,
            asked,
            least=rate * runway,
            is_for_good=isinstance(allowance.window, WholeGrant),
        )

    def _closed(
        self, level: Scope, resource: str, wanted: int, request: Request, now: datetime
    ) -> int:
        """What a level keeps for others while the request's server may run; 0 where the request
        stays within what its own workshop has reserved."""
        if level.kind not in ("hub", "cohort", "community"):
            return 0
        own = Scope(request.scope.community, request.scope.workshop)
        reservations = self.rules.reservations
        loans = [one for one in self.rules.loans if one.resource == resource]
        closed = 0
        for at in times_ahead([*reservations, *loans], now, request.lasts):
            free = unused(reservations, resource, lambda s: self.held(s, resource), at)
            growth = wanted - free.pop(own, 0)  # what others have less of
            if growth <= 0:
                continue
            if level.cohort is not None:
                kept = self._closed_in_pool(level.cohort, resource, wanted, growth, own, free, at)
            else:
                kept = sum(n for s, n in free.items() if level in (HUB, Scope(s.community)))
                kept += self._shrinks(level, resource, now, at) if loans else 0
            closed = max(closed, kept)
        return closed

    def _most_later(self, level: Scope, resource: str) -> int:
        """The most that a community may hold at any time that loans change it; 0 where none do."""
        if not self.rules.loans or level.kind != "community":
            return 0
        turns = [at for one in self.rules.loans for at in (one.starts_at, one.ends_at)]
        limits = (self.rules.limit(level, resource, at) for at in turns)
        return max((limit for limit in limits if limit is not None), default=0)

    def _shrinks(self, level: Scope, resource: str, now: datetime, at: datetime) -> int:
        """By how much less a community may hold then, since it lends; negative: more."""
        limit = self.rules.limit(level, resource, now)
        then = self.rules.limit(level, resource, at, now=now)
        return 0 if limit is None or then is None else limit - then

    def _closed_in_pool(
        self,
        cohort: str,
        resource: str,
        wanted: int,
        growth: int,
        own: Scope,
        free: Mapping[Scope, int],
        at: datetime,
    ) -> int:
        """What unused reserve and unused loans draw from the pool. They count as if their community
        held them; a community's first draws are those on loan."""
        if self.rules.share(Scope(own.community), resource) is None:
            return 0
        by_community: dict[Scope, int] = {}
        for scope, amount in free.items():
            community = Scope(scope.community)
            by_community[community] = by_community.get(community, 0) + amount
        kept = 0
        for community, share in self.rules.members(cohort, resource):
            amount = by_community.get(community, 0)
            held = self.held(community, resource)
            if community == Scope(own.community):
                held += wanted
                if share.drawn(held + amount) == share.drawn(held + amount - growth):
                    return 0  # all of it is guaranteed: the pool has no say
            then = share.drawn(held + amount)
            if community != Scope(own.community):
                then = max(then, self.rules.on_loan(community.community, resource, at))
            kept += then - share.drawn(held)
        return kept
