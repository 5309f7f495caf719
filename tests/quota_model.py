"""Who may hold what, in plain words: a list of leases, and everything added up anew.

In other words than the ledger: what is guaranteed or reserved counts as held by those whom it is kept
for. The ledger and what is stored are compared with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from jupyterhub_communities.domain.ledger import Rules
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.reservations import reserved_at
from jupyterhub_communities.domain.units import CPU, SERVERS

RESOURCES = (CPU, SERVERS)
NEVER = datetime(2016, 1, 1, tzinfo=UTC)  # when nothing is reserved


@dataclass(frozen=True)
class Held:
    """A lease as the model keeps it."""

    number: int
    scope: Scope
    amounts: dict[str, int]


def holds_under(leases: list[Held], level: Scope, resource: str) -> int:
    """What all leases of a scope hold, by looking at each."""
    return sum(one.amounts.get(resource, 0) for one in leases if level in one.scope.path())


def counted(leases: list[Held], rules: Rules, level: Scope, resource: str, at: datetime) -> int:
    """What counts against a level at a time: workshops hold at least what is reserved for them, and
    in a cohort communities at least what is guaranteed to them."""
    if level.cohort is not None:
        communities = [
            c for c, r in rules.shares if r == resource and rules.cohorts.get(c) == level.cohort
        ]
        return sum(
            max(
                counted(leases, rules, Scope(c), resource, at),
                rules.shares[c, resource].guaranteed,
            )
            for c in communities
        )
    if level == HUB:
        outside = sum(one.amounts.get(resource, 0) for one in leases if one.scope.community is None)
        inside = sum(counted(leases, rules, c, resource, at) for c in _communities(leases, rules))
        return outside + inside
    if level.kind == "community":
        direct = sum(
            one.amounts.get(resource, 0)
            for one in leases
            if one.scope.community == level.community and one.scope.workshop is None
        )
        return direct + sum(
            max(
                holds_under(leases, workshop, resource),
                reserved_at([r for r in rules.reservations if r.scope == workshop], resource, at),
            )
            for workshop in _workshops(leases, rules)
            if workshop.community == level.community
        )
    return holds_under(leases, level, resource)


def cap(rules: Rules, level: Scope, resource: str) -> int | None:
    """The limit as the model reads it: a cohort has all that its communities own."""
    if level.cohort is not None:
        nominal = [
            share.nominal
            for (c, r), share in rules.shares.items()
            if r == resource and rules.cohorts.get(c) == level.cohort
        ]
        return sum(nominal) if nominal else None
    found = [rules.most.get((level, resource))]
    share = rules.shares.get((level.community, resource))
    if level.kind == "community" and share is not None:
        alone = level.community not in rules.cohorts
        found.append(share.nominal if alone else share.ceiling)
    if level.member is not None:
        found += [one.most for one in rules.most_each.get((level.place, resource), ())]
    return min((n for n in found if n is not None), default=None)


def broken(
    rules: Rules, leases: list[Held], new: Held, moments: Iterable[datetime]
) -> set[tuple[Scope, str]]:
    """The limits that one more lease would break at any of these moments."""
    with_it = [*leases, new]
    found = set()
    for level in rules.path(new.scope):
        for resource in RESOURCES:
            most = cap(rules, level, resource)
            if most is None:
                continue
            for at in (NEVER, *moments):
                before = counted(leases, rules, level, resource, at)
                after = counted(with_it, rules, level, resource, at)
                if after > before and after > most:
                    found.add((level, resource))
    return found


def _communities(leases: list[Held], rules: Rules) -> set[Scope]:
    scopes = [*(one.scope for one in leases), *(one.scope for one in rules.reservations)]
    return {Scope(scope.community) for scope in scopes if scope.community is not None}


def _workshops(leases: list[Held], rules: Rules) -> set[Scope]:
    scopes = [*(one.scope for one in leases), *(one.scope for one in rules.reservations)]
    return {Scope(s.community, s.workshop) for s in scopes if s.workshop is not None}
