"""What is left for somebody at a place, over all the limits above it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from .ledger import Ledger, Request
from .quotas import Claim, Scope
from .units import MOST, spent_each_second


@dataclass(frozen=True, slots=True)
class Left:
    """Of one resource, in base units."""

    resource: str
    amount: int
    until: datetime | None = None  # spent ones: when something of it comes back, if that is known


def remaining(
    ledger: Ledger, scope: Scope, resources: Collection[str], now: datetime, lasts: timedelta
) -> tuple[Left, ...]:
    """Of each of these that is limited anywhere, and of what holding them spends. A server that runs
    as long as `lasts` could take so much of the resource now."""
    spent = spent_each_second(dict.fromkeys(resources, 1))
    return (
        *(
            Left(resource, amount)
            for resource in resources
            if (amount := _to_hold(ledger, scope, resource, now, lasts)) is not None
        ),
        *(
            _least(lefts)
            for resource in spent
            if (lefts := list(_to_spend(ledger, scope, resource, now)))
        ),
    )


def _least(lefts: list[Left]) -> Left:
    """Of several windows: where two leave the same, both have to give back."""
    amount = min(left.amount for left in lefts)
    untils = [left.until for left in lefts if left.amount == amount]
    known = [until for until in untils if until is not None]
    return Left(lefts[0].resource, amount, max(known) if len(known) == len(untils) else None)


def _to_hold(
    ledger: Ledger, scope: Scope, resource: str, now: datetime, lasts: timedelta
) -> int | None:
    """The most that passes: what is closed to a request and what it draws from a pool depend on its
    size, so it is looked for."""

    def claims(wanted: int) -> list[Claim]:
        asked = Request(scope, {resource: wanted}, lasts)
        return [claim for claim in ledger.claims(asked, now) if claim.resource == resource]

    def fits(wanted: int) -> bool:
        return all(claim.fits for claim in claims(wanted))

    first = claims(1)
    if not first:
        return None
    share = ledger.rules.share(Scope(scope.community), resource)
    limits = sum(claim.limit for claim in first)
    most = min(MOST - 1, limits + (0 if share is None else share.nominal))
    # Mostly nothing is shared or closed: then it is what the fullest level has left.
    guess = min(most, max(0, min(one.limit - one.used - one.closed for one in first)))
    if (guess == 0 or fits(guess)) and (guess == most or not fits(guess + 1)):
        return guess
    return bisect_left(range(1, most + 1), True, key=lambda wanted: not fits(wanted))


def _to_spend(ledger: Ledger, scope: Scope, resource: str, now: datetime) -> Iterator[Left]:
    for level in ledger.rules.path(scope):
        for allowance in ledger.rules.spent.get((level, resource), ()):
            if allowance.window.begins_at(now) is not None:
                spent = ledger.spent(level, resource, allowance.window, now)
                spent += allowance.spent_elsewhere(now)
                back = ledger.comes_back(level, resource, allowance, now)
                yield Left(resource, max(0, allowance.limit - spent), back)
