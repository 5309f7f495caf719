"""Replays: what other limits would have done to the leases that there were.

A dry run. Who would have been refused holds nothing afterwards in the replay, so later starts meet
what would have been there. It is told nothing about people who would then have tried again. What
admission does not cap is held without being asked: servers found running, and rescues.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from .leases import Lease
from .ledger import Allowance, Elsewhere, Key, Ledger, Request, Rules
from .loans import Loan
from .metering import Meter
from .quotas import HUB, Claim, Scope
from .reservations import LOOK_AHEAD, Reservation
from .stops import RunningRules
from .units import Amounts
from .windows import HOUR, hour_of

_NONE: Mapping[str | None, RunningRules] = MappingProxyType({})
Spent = Mapping[Key, Mapping[datetime, int]]  # by the hour


@dataclass(frozen=True, slots=True)
class EachPerson:
    """What stands for each person at a level counts at all places below it together."""

    # By place: the resources of which there is a `Rules.most_each`.
    held: Mapping[Scope, Collection[str]] = field(default_factory=dict)
    # By place: level, resource, and what may be spent.
    spent: Mapping[Scope, Sequence[tuple[Scope, str, Allowance]]] = field(default_factory=dict)

    def rules_for(
        self, ledger: Ledger, charged: Scope, places: Iterable[Scope], now: datetime
    ) -> Rules:
        """The ledger's rules, with what the person holds and has spent at their other places."""
        others = [place for place in places if place != charged.place]

        def below(level: Scope) -> Iterator[Scope]:
            return (replace(one, member=charged.member) for one in others if level in one.path())

        held = {
            (charged, resource): {one.place: ledger.held(one, resource) for one in below(HUB)}
            for resource in self.held.get(charged.place, ())
        }
        spent: dict[Key, list[Allowance]] = {}
        for level, resource, allowance in self.spent.get(charged.place, ()):
            window = allowance.window
            used = sum(ledger.spent(one, resource, window, now) for one in below(level))
            rate = sum(ledger.rate(one, resource) for one in below(level))
            there = Elsewhere(level, Meter.standing(rate, {}, now))
            rest = replace(allowance, limit=max(0, allowance.limit - used), elsewhere=there)
            spent.setdefault((charged, resource), []).append(rest)
        return replace(ledger.rules, held_elsewhere=held, spent={**ledger.rules.spent, **spent})


@dataclass(frozen=True, slots=True)
class RefusedStart:
    """A start that there was, and would not have been."""

    lease: Lease
    exceeded: tuple[Claim, ...]  # every limit that it would have broken
    would_fit: str | None  # slug of the largest profile that would have started

    @property
    def at(self) -> datetime:
        return self.lease.requested_at


@dataclass(frozen=True, slots=True)
class Replay:
    """What would have become of a stretch of history."""

    admitted: int
    refused: tuple[RefusedStart, ...]  # in the order in which they came


def replay(
    history: Iterable[Lease],
    rules: Rules,
    profiles: Mapping[str, Amounts],
    running: Mapping[str | None, RunningRules] = _NONE,
    *,
    since: datetime | None = None,
    asked: Callable[[Lease], bool] = lambda lease: True,
    offers: Callable[[str | None, str], bool] = lambda community, slug: True,
    spent: Spent = MappingProxyType({}),
    each: EachPerson = EachPerson(),
    counts: Callable[[Reservation | Loan, datetime], bool] = lambda one, at: True,
) -> Replay:
    """Starts and stops in the order in which they were; of one moment, stops go first. Leases that
    still run are held to the end. `profiles` are what would have been offered, by slug, where a
    community `offers` them; `running` has the rules of each community, and of all others under None. What began before `since` runs
    already, as do those that are not `asked`, and `spent` before that counts in its windows. A reservation
    or loan is known to a start while it `counts`."""
    leases = sorted(history, key=lambda lease: (lease.requested_at, lease.id))
    ends = sorted(
        (lease.settled_at, number)
        for number, lease in enumerate(leases)
        if lease.settled_at is not None
    )
    meters = {
        key: Meter.standing(0, dict(hours), since or max(hours)) for key, hours in spent.items()
    }
    ledger = Ledger.standing(rules, {}, meters)
    longest = max([LOOK_AHEAD, *(rule.max_session or LOOK_AHEAD for rule in running.values())])
    looked_at = datetime.min.replace(tzinfo=UTC)
    near: tuple[Reservation, ...] = ()
    holding: set[int] = set()
    places: dict[str, set[Scope]] = {}  # of each person
    for scope, _ in spent:
        if scope.member is not None:
            places.setdefault(scope.member, set()).add(scope.place)
    outside: defaultdict[str | None, Counter[str]] = defaultdict(Counter)  # what they hold
    refused = []
    admitted = 0
    coming = iter([*ends, None])
    end = next(coming)
    for number, lease in enumerate(leases):
        is_asked = asked(lease) and (since is None or lease.requested_at >= since)
        now = lease.requested_at if since is None else max(lease.requested_at, since)
        while end is not None and end[0] <= now:
            if end[1] in holding:
                holding.remove(end[1])
                over = leases[end[1]]
                ledger.release(over.charged, over.amounts, end[0])
                outside[_outsider(over)].subtract(over.amounts)
            end = next(coming)
        if lease.settled_at is not None and lease.settled_at <= now:
            admitted += is_asked
            continue  # it held nothing for any time
        if is_asked and not (lease.is_rescue or lease.adopted):
            if rules.reservations and now >= looked_at + HOUR:
                looked_at = hour_of(now)
                near = _near(rules, looked_at, longest)
            if rules.reservations or rules.loans:
                reserved = tuple(one for one in near if counts(one, now))
                lent = tuple(one for one in rules.loans if counts(one, now))
                ledger.rules = replace(rules, reservations=reserved, loans=lent)
            rule = running.get(lease.scope.community) or running.get(None) or RunningRules()
            lasts = rule.max_session or LOOK_AHEAD
            common = ledger.rules
            if lease.account_id is not None:
                been = places.get(lease.account_id, ())
                ledger.rules = each.rules_for(ledger, lease.charged, been, now)
            asks = Request(lease.charged, lease.amounts, lasts, _outsider(lease))
            if asks.outsider is not None:
                own = outside[asks.outsider].items()
                held = {(asks.judged, resource): {HUB: n} for resource, n in own}
                ledger.rules = replace(common, held_elsewhere=held)
            verdict = ledger.judge(asks, now)
            would_fit = None
            if not verdict.fits:
                community = lease.scope.community
                sizes = {slug: n for slug, n in profiles.items() if offers(community, slug)}
                would_fit = ledger.largest(sizes, asks.scope, now, lasts, asks.outsider)
            ledger.rules = common
            if not verdict.fits:
                refused.append(RefusedStart(lease, verdict.exceeded, would_fit))
                continue
        if lease.account_id is not None:
            places.setdefault(lease.account_id, set()).add(lease.scope)
        holding.add(number)
        ledger.hold(lease.charged, lease.amounts, now)
        outside[_outsider(lease)].update(lease.amounts)
        admitted += is_asked
    return Replay(admitted, refused=tuple(refused))


def _outsider(lease: Lease) -> str | None:
    """Who had it without an account. Who was erased has no name any more."""
    is_outside = lease.account_id is None and lease.scope == HUB
    return lease.server.username or None if is_outside else None


def _near(rules: Rules, hour: datetime, longest: timedelta) -> tuple[Reservation, ...]:
    """The reservations that a start in this hour can meet: there may be very many in all."""
    until = hour + HOUR + longest
    return tuple(r for r in rules.reservations if hour < r.ends_at and r.starts_at < until)
