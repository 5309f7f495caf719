"""What is left for somebody at a place, over all the limits above it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .each import EachLimit
from .ledger import Ledger, Request
from .quotas import Claim, Scope
from .units import MOST, Amounts, spent_each_second


@dataclass(frozen=True, slots=True)
class Left:
    """Of one resource, in base units."""

    resource: str
    amount: int
    until: datetime | None = None  # spent ones: when something of it comes back, if that is known


def remaining(
    ledger: Ledger, scope: Scope, sizes: Sequence[Amounts], now: datetime, lasts: timedelta
) -> tuple[Left, ...]:
    """Of each resource of these servers that is limited anywhere, and of what holding it spends. A
    server that runs as long as `lasts` could take so much of the resource now."""
    resources = dict.fromkeys(resource for size in sizes for resource in size)
    spent = spent_each_second(dict.fromkeys(resources, 1))
    return (
        *(
            Left(resource, amount)
            for resource in resources
            if (amount := _to_hold(ledger, scope, resource, sizes, now, lasts)) is not None
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
    ledger: Ledger,
    scope: Scope,
    resource: str,
    sizes: Sequence[Amounts],
    now: datetime,
    lasts: timedelta,
) -> int | None:
    """An equal part, though it grows with the server that is asked for: that is told only as far as
    there is such a server."""
    most = _most_to_hold(_in_parts(ledger, scope, resource), scope, resource, now, lasts)
    if most is None:
        return None
    larger = {n for size in sizes if (n := size.get(resource, 0)) > most}
    fitting = (n for n in larger if _fits(_claims(ledger, scope, resource, n, now, lasts)))
    return max([most, *fitting])


def _in_parts(ledger: Ledger, scope: Scope, resource: str) -> Ledger:
    key, rules = (scope.place, resource), ledger.rules
    limits = rules.most_each.get(key, ())
    if all(one.people is None for one in limits):
        return ledger
    fixed = ledger.copy()
    parts = [EachLimit(one.level, one.of(0)) for one in limits]
    fixed.rules = replace(rules, most_each={**rules.most_each, key: parts})
    return fixed


def _most_to_hold(
    ledger: Ledger, scope: Scope, resource: str, now: datetime, lasts: timedelta
) -> int | None:
    """The most that passes: what is closed to a request and what it draws from a pool depend on its
    size, so it is looked for."""

    def fits(wanted: int) -> bool:
        return _fits(_claims(ledger, scope, resource, wanted, now, lasts))

    first = _claims(ledger, scope, resource, 1, now, lasts)
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


def _claims(
    ledger: Ledger, scope: Scope, resource: str, wanted: int, now: datetime, lasts: timedelta
) -> list[Claim]:
    asked = Request(scope, {resource: wanted}, lasts)
    return [claim for claim in ledger.claims(asked, now) if claim.resource == resource]


def _fits(claims: Iterable[Claim]) -> bool:
    return all(claim.fits for claim in claims)


def _to_spend(ledger: Ledger, scope: Scope, resource: str, now: datetime) -> Iterator[Left]:
    for level in ledger.rules.path(scope):
        for allowance in ledger.rules.spent.get((level, resource), ()):
            if allowance.window.begins_at(now) is not None:
                spent = ledger.spent(level, resource, allowance.window, now)
                spent += allowance.spent_elsewhere(now)
                back = ledger.comes_back(level, resource, allowance, now)
                yield Left(resource, max(0, allowance.limit - spent), back)
