"""Looking ahead: when a request fits that does not now, and what a workshop would miss at its opening.

Nobody starts anything until then, and of what runs only that is over which is known to end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .ledger import Key, Ledger, Request, Rules
from .quotas import HUB, Claim, Scope
from .reservations import Reservation, Stretch
from .units import Amounts, spent_each_second
from .windows import HOUR, Window, hour_of, leaving

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class End:
    """A lease that is known to end."""

    at: datetime
    scope: Scope
    amounts: Amounts
    is_here: bool = True  # else another hub has it, and counts it in its own limits

    def frees(self, level: Scope) -> bool:
        """Does the level, which is no cohort's, hold less after it?"""
        return self.is_here if level == HUB else level in self.scope.path()


def short_at_opening(
    ledger: Ledger, opening: Reservation, now: datetime, ends: Iterable[End]
) -> Amounts:
    """What a workshop would miss when its session opens. Where it would be let in, it misses nothing,
    also beyond what is owned."""
    then = _Later.copy_of(ledger)
    for end in _in_order(ends):
        if end.at <= opening.starts_at:
            then.end(end, now)
    rest = {
        resource: amount - then.held(opening.scope, resource)
        for resource, amount in opening.amounts.items()
    }
    wanted = {resource: amount for resource, amount in rest.items() if amount > 0}
    request = Request(opening.scope, wanted, opening.ends_at - opening.starts_at)
    missing: dict[str, int] = {}
    for claim in then.held_claims(request, opening.starts_at):
        if not claim.fits:
            short = min(claim.lacks, wanted[claim.resource])
            missing[claim.resource] = max(missing.get(claim.resource, 0), short)
    return missing


def earliest_fit(
    ledger: Ledger, request: Request, now: datetime, ends: Iterable[End]
) -> datetime | None:
    """When a request that does not fit passes all limits; None where that is not known, or never.

    More is left only when a lease ends, the own session opens, another's closes, or spent time leaves
    a window.
    """
    exceeded = [claim for claim in ledger.claims(request, now) if not claim.fits]
    if any(claim.never_fits for claim in exceeded):
        return None
    coming = _in_order(_still_coming(ends, now))
    if all(ledger.may_spend(*one, now) for one in ledger.allowances(request)):
        # Time may be short later, when what is short now is there: only then its hours count.
        at, is_short_of_time = _first_fit(ledger, request, now, coming, exceeded)
        if not is_short_of_time:
            return at
    return _first_fit(ledger, request, now, coming, exceeded, with_hours=True)[0]


class _Later(Ledger):
    """A ledger in which leases come to their ends, one after another."""

    def end(self, end: End, now: datetime) -> None:
        at = max(end.at, now)
        path = self.rules.path(end.scope)[0 if end.is_here else 1 :]
        freed = {resource: -amount for resource, amount in end.amounts.items()}
        for level, resource, amount in list(self.moves(end.scope, freed)):
            if level in path:
                self._add(level, resource, amount)
        for resource, rate in spent_each_second(end.amounts).items():
            for level in path:  # what no limit counts is not looked at
                if (meter := self._meters.get((level, resource))) is not None:
                    meter.change(-rate, at)
            self._end_spending_elsewhere(end, resource, rate, at)
        if end.is_here:
            self._end_elsewhere(end)

    def _end_spending_elsewhere(self, end: End, resource: str, rate: int, at: datetime) -> None:
        for (scope, spends), allowed in self.rules.spent.items():
            is_own = scope.member is not None and scope.member == end.scope.member
            if spends != resource or not is_own or scope.place == end.scope.place:
                continue
            for one in allowed:
                if one.elsewhere is not None and end.frees(one.elsewhere.level):
                    one.elsewhere.meter.change(-rate, at)

    def _end_elsewhere(self, end: End) -> None:
        left = {
            (member, resource): {
                **places,
                end.scope.place: places[end.scope.place] - end.amounts.get(resource, 0),
            }
            for (member, resource), places in self.rules.held_elsewhere.items()
            if _is_elsewhere(end, member, places)
        }
        if left:
            elsewhere = {**self.rules.held_elsewhere, **left}
            self.rules = replace(self.rules, held_elsewhere=elsewhere)


def _first_fit(
    ledger: Ledger,
    request: Request,
    now: datetime,
    ends: Sequence[End],
    exceeded: Iterable[Claim],
    *,
    with_hours: bool = False,
) -> tuple[datetime | None, bool]:
    """The first turn at which the request fits; and whether, not looking at the hours, one was met at
    which only time was short."""
    then, ended, passed = _Later.copy_of(ledger), 0, 0
    spends = then.allowances(request) if with_hours else ()
    short = [one for one in spends if not then.may_spend(*one, now)]
    reserved, lasts = ledger.rules.reservations, request.lasts
    missing = _missing(ledger.rules, request, exceeded)
    for at in _turns(ledger, request, now, ends, with_hours=with_hours):
        while passed < len(ends) and ends[passed].at <= at:
            _give_back(missing, ends[passed], ledger.rules)
            passed += 1
        if any(amount > 0 for amount in missing.values()):
            continue  # it is still full: nothing else has to be looked at
        for end in ends[ended:passed]:
            then.end(end, now)
        ended = passed
        if not all(then.may_spend(*one, at) for one in short):
            continue
        if reserved:  # what else is reserved concerns nobody who starts then
            near = [one for one in reserved if at < one.ends_at and one.starts_at < at + lasts]
            then.rules = replace(then.rules, reservations=near)
        if then.fits_held(request, at):
            if then.fits_time(request, at):
                return at, False
            if not with_hours:
                return None, True
    return None, False


def _missing(rules: Rules, request: Request, exceeded: Iterable[Claim]) -> dict[Key, int]:
    """What has to be given back before the request can fit, whatever else happens. Of limits that
    loans change, and of pools, that is not known."""
    if rules.loans:
        return {}
    return {
        (claim.scope, claim.resource): claim.used + claim.asked - claim.limit
        for claim in exceeded
        if claim.scope.cohort is None and claim.resource in request.amounts
    }


def _give_back(missing: dict[Key, int], end: End, rules: Rules) -> None:
    for level, resource in missing:
        places = rules.held_elsewhere.get((level, resource), {})
        if end.frees(level) or (end.is_here and _is_elsewhere(end, level, places)):
            missing[level, resource] -= end.amounts.get(resource, 0)


def _is_elsewhere(end: End, member: Scope, places: Mapping[Scope, int]) -> bool:
    """Is it the member's, at one of their other places?"""
    return end.scope.member == member.member and end.scope.place in places


def _turns(
    ledger: Ledger, request: Request, now: datetime, ends: Sequence[End], *, with_hours: bool
) -> list[datetime]:
    turns = {end.at for end in ends}
    stretches: list[Stretch] = [*ledger.rules.reservations, *ledger.rules.loans]
    for one in stretches:
        turns |= {one.starts_at, one.ends_at}
    last = max((end.at for end in ends), default=now)
    for level, resource, _, allowance in ledger.allowances(request) if with_hours else ():
        hours = {*ledger.hours_spent(level, resource), *_hours_until(now, last, allowance.window)}
        if allowance.elsewhere is not None:
            hours.update(allowance.elsewhere.meter.hours)
        turns.update(leaving(allowance.window, hours))
    return sorted(at for at in turns if at > now)


def _hours_until(now: datetime, last: datetime, window: Window) -> Iterator[datetime]:
    """The hours in which what runs now still spends, where they ever leave the window."""
    hour = hour_of(now)
    leaves = window.leaves_at(hour)
    yield hour
    while leaves is not None and hour < last:
        hour += HOUR
        yield hour


def _still_coming(ends: Iterable[End], now: datetime) -> Iterator[End]:
    """What is due ends in a moment, for the service looks each minute: a whole one, at least one ahead."""
    soon = (now + 2 * MINUTE).replace(second=0, microsecond=0)
    return (replace(end, at=soon) if end.at <= now else end for end in ends)


def _in_order(ends: Iterable[End]) -> list[End]:
    return sorted(ends, key=lambda end: end.at)
