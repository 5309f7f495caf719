"""Histories: what was held and spent over time, as few enough points to be drawn.

Held is exact: it is added up from the leases, and each step has the most of its moments. Read in
pieces of at most a month, so that nobody waits for one who looks at a year. Limits and shares are
those of now, for earlier ones are not kept, with the loans of each time, which are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..domain.borrowing import Share, lent
from ..domain.grants import Actor
from ..domain.limits import Limit
from ..domain.loans import Loan, between, given, received, turns_of
from ..domain.metering import meter_alike
from ..domain.quotas import Scope
from ..domain.refusals import NotFound
from ..domain.reservations import Reservation, reserved_at
from ..domain.timelines import Changes, folded, held_at_ends, most_held
from ..domain.units import CPU_TIME, MEMORY_TIME, SERVER_TIME, is_resource, is_spent
from ..domain.windows import HOUR, hour_of
from .ports import Desk, Store
from .usage import By, Period, key_of_time, require_view

MOST_POINTS = 200  # of one line
_DAY = timedelta(days=1)
_PIECE = 31 * _DAY  # read in one transaction
_MOMENT = timedelta(microseconds=1)
_SHORT = 2 * _DAY  # looked at more closely

Steps = list[tuple[datetime, int]]  # from each time on, that amount


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """All that is needed of a place beside the leases."""

    scope: Scope
    resource: str
    period: Period
    until: datetime  # nothing is known of later than this
    now: datetime
    limit: Limit  # as it is now
    reservations: Sequence[Reservation]
    shares: Mapping[Scope, Share]  # of its cohort; empty where it shares nothing
    loans: Sequence[Loan] = ()  # of the resource, in that cohort

    @property
    def step(self) -> timedelta:
        return HOUR / 4 if self.period.end - self.period.start <= _SHORT else HOUR

    @property
    def places(self) -> list[Scope]:
        return list(self.shares) or [self.scope]

    def most_at(self, at: datetime) -> int | None:
        """The limit, with what is on loan then."""
        own = (self.scope.community or "", self.resource, at)
        return self.limit.ceiling(received(self.loans, *own), given(self.loans, *own))

    def shares_at(self, at: datetime) -> dict[Scope, Share]:
        return {
            place: share.moved(
                received(self.loans, place.community or "", self.resource, at),
                given(self.loans, place.community or "", self.resource, at),
            )
            for place, share in self.shares.items()
        }

    def pieces(self) -> Iterator[tuple[datetime, int]]:
        """The start of each with its number of steps."""
        start = self.period.start
        while start < self.until:
            end = min(start + _PIECE, self.until)
            yield start, -(-(end - start) // self.step)
            start += _PIECE


Found = Sequence[Mapping[Scope, Sequence[Changes]]]  # by piece


@dataclass(frozen=True, slots=True)
class HeldHistory:
    """What a place held of one resource. A line that is empty has nothing to tell."""

    resource: str
    period: Period
    limit: int | None  # as it is now
    held: Steps
    reserved: Steps = field(default_factory=list)
    borrowed: Steps = field(default_factory=list)
    lent: Steps = field(default_factory=list)
    limits: Steps = field(default_factory=list)  # with the loans of each time, if there is one

    @property
    def lines(self) -> dict[str, Steps]:
        return {
            "held": self.held,
            "reserved": self.reserved,
            "borrowed": self.borrowed,
            "lent": self.lent,
        }


def plan_held(
    desk: Desk,
    actor: Actor,
    community: str | None,
    workshop: str | None,
    resource: str,
    period: Period,
) -> HeldPlan:
    """Raises `NotFound` for a place that is none of the actor's business, or what is held nowhere."""
    if not is_resource(resource) or is_spent(resource):
        raise NotFound(kind="resource")
    with desk.database.read() as store:
        require_view(store, actor, community, workshop)
        scope = Scope(community, workshop)
        limit = store.limits.quota(scope).held.get(resource, Limit())
        shares, loans = {}, []
        if limit.share is not None:
            cohorts = {one.slug: one.cohort for one in store.communities.all()}
            shares = _shares(store, scope, resource, cohorts)
            of_cohort = store.loans.of_cohort(cohorts[scope.community or ""] or "", period.start)
            loans = [one for one in between(of_cohort, cohorts) if one.resource == resource]
        reservations = store.balances.reservations(period.start, period.end)
        return HeldPlan(
            scope,
            resource,
            period,
            until=min(desk.now, period.end),
            now=desk.now,
            limit=limit,
            reservations=[one for one in reservations if scope in one.scope.path()],
            shares=shares,
            loans=loans,
        )


def _shares(
    store: Store, scope: Scope, resource: str, cohorts: Mapping[str, str | None]
) -> dict[Scope, Share]:
    communities = {Scope(slug): cohort for slug, cohort in cohorts.items()}
    cohort = communities[scope]
    standings = store.limits.standings(None, with_workshops=False)
    return {
        place: share
        for place, standing in standings.items()
        if cohort is not None and communities.get(place) == cohort
        if (share := standing.quota.held.get(resource, Limit()).share) is not None
    }


def read_changes(
    desk: Desk, plan: HeldPlan, start: datetime, steps: int
) -> Mapping[Scope, Sequence[Changes]]:
    end = min(start + steps * plan.step, plan.until)
    with desk.database.read() as store:
        return store.leases.changes(plan.places, plan.resource, start, end, plan.step)


def held_history(plan: HeldPlan, found: Found) -> HeldHistory:
    """Pure. What is lent is that of the ends of the hours, at which all of a cohort are looked at
    together; the rest is the most of each step."""
    pieces = list(zip(plan.pieces(), found, strict=True))
    most: list[int] = []
    for (start, steps), changes in pieces:
        most += most_held(changes[plan.scope], start, plan.step, steps)
    fold = -(-len(most) // MOST_POINTS) or 1
    step = fold * plan.step

    def steps_of(values: Sequence[int]) -> Steps:
        return [(plan.period.start + n * step, v) for n, v in enumerate(folded(values, fold))]

    borrowed: list[int] = []
    idle_lent: list[int] = []
    if plan.scope in plan.shares:
        shares = _Shares(plan)
        ends = [start + (n + 1) * plan.step for start, steps in plan.pieces() for n in range(steps)]
        borrowed = [
            shares.before(at)[plan.scope].borrowed(amount)
            for at, amount in zip(ends, most, strict=True)
        ]
        for (start, steps), changes in pieces:
            idle_lent += _lent(plan, shares, changes, start, steps)
    return HeldHistory(
        plan.resource,
        plan.period,
        plan.most_at(plan.now),
        held=steps_of(most),
        reserved=_reserved(plan),
        borrowed=steps_of(borrowed) if any(borrowed) else [],
        lent=steps_of(idle_lent) if any(idle_lent) else [],
        limits=_limits(plan),
    )


class _Shares:
    """What each of a cohort owned at a time, with the loans of then: the same from turn to turn."""

    def __init__(self, plan: HeldPlan) -> None:
        self._plan = plan
        self._turns = turns_of(plan.loans)
        self._known: dict[int, dict[Scope, Share]] = {}

    def before(self, at: datetime) -> dict[Scope, Share]:
        """Until then: what begins at that moment has not begun."""
        place = bisect_left(self._turns, at)
        if place not in self._known:
            since = self._turns[place - 1] if place else self._plan.period.start
            if not place and self._turns:
                since = min(since, self._turns[0] - _MOMENT)
            self._known[place] = self._plan.shares_at(since)
        return self._known[place]


def _lent(
    plan: HeldPlan,
    shares: _Shares,
    changes: Mapping[Scope, Sequence[Changes]],
    start: datetime,
    steps: int,
) -> list[int]:
    held = {place: held_at_ends(changes[place], steps) for place in plan.shares}
    return [
        lent(
            {
                place: (share, held[place][n])
                for place, share in shares.before(start + (n + 1) * plan.step).items()
            }
        )[plan.scope]
        for n in range(steps)
    ]


def _limits(plan: HeldPlan) -> Steps:
    """Exact, also of what is still to come."""
    period = plan.period
    turns = [at for at in turns_of(plan.loans) if period.start < at < period.end]
    steps: Steps = []
    for at in (period.start, *turns):
        most = plan.most_at(at)
        if most is not None and (not steps or most != steps[-1][1]):
            steps.append((at, most))
    return steps


def _reserved(plan: HeldPlan) -> Steps:
    """Exact, also of what is still to come."""
    period = plan.period
    turns = {at for one in plan.reservations for at in (one.starts_at, one.ends_at)}
    times = [period.start, *sorted(at for at in turns if period.start < at < period.end)]
    steps = [(at, reserved_at(plan.reservations, plan.resource, at)) for at in times]
    return steps if any(amount for _, amount in steps) else []


# What was spent


@dataclass(frozen=True, slots=True)
class SpentHistory:
    """What a place spent of one resource, by hours, days or months of the hub's zone."""

    resource: str
    period: Period
    by: By
    spent: Steps


def spent_history(
    desk: Desk,
    actor: Actor,
    community: str | None,
    workshop: str | None,
    resource: str,
    period: Period,
) -> SpentHistory:
    """Exact to the second: what is not metered yet is added."""
    if not is_resource(resource) or not is_spent(resource):
        raise NotFound(kind="resource")
    scope, zone = Scope(community, workshop), ZoneInfo(desk.settings.zone)
    with desk.database.read() as store:
        require_view(store, actor, community, workshop)
        hours = dict(store.meters.hours(scope, resource, period.start, period.end))
        for bucket, amounts in meter_alike(store.leases.unmetered_alike(), desk.now).items():
            if scope in bucket.scope.place.path() and period.start <= bucket.hour < period.end:
                hours[bucket.hour] = hours.get(bucket.hour, 0) + amounts.get(resource, 0)
    length = period.end - period.start
    by: By = "hour" if length <= _SHORT else "day" if length <= 100 * _DAY else "month"
    steps: dict[str, tuple[datetime, int]] = {}
    hour = hour_of(period.start - _MOMENT) + HOUR  # the first that begins in it
    while hour < min(period.end, desk.now):
        key = key_of_time(hour, by, zone)
        begins, amount = steps.get(key, (hour, 0))
        steps[key] = (begins, amount + hours.get(hour, 0))
        hour += HOUR
    return SpentHistory(resource, period, by, list(steps.values()))


def spent_in(
    desk: Desk, actor: Actor, community: str | None, workshop: str | None, period: Period
) -> dict[str, int]:
    """What was spent in all that time, of each resource of which anything was."""
    scope = Scope(community, workshop)
    with desk.database.read() as store:
        require_view(store, actor, community, workshop)
        known = [SERVER_TIME, CPU_TIME, MEMORY_TIME, *store.meters.resources(scope)]
        resources = list(dict.fromkeys(known))
        wanted = [(scope, what, at) for what in resources for at in (period.start, period.end)]
        sums = store.meters.spent(wanted)
        found = {
            what: since - later
            for what, since, later in zip(resources, sums[::2], sums[1::2], strict=True)
        }
        for bucket, amounts in meter_alike(store.leases.unmetered_alike(), desk.now).items():
            if scope in bucket.scope.place.path() and period.start <= bucket.hour < period.end:
                for what, amount in amounts.items():
                    found[what] = found.get(what, 0) + amount
    return {what: amount for what, amount in found.items() if amount}
