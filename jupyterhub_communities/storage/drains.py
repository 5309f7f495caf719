"""How fast what may be spent goes: what the service looks at each minute, while servers run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, or_, select

from ..domain.ledger import Allowance, Key
from ..domain.limits import Spending
from ..domain.metering import SECOND
from ..domain.quotas import Scope
from ..domain.stops import Drain
from ..domain.units import gpu_kind, kind_of, spent_each_second
from .meters import COLUMN_OF, SqlMeters, spending_of
from .scopes import level_of
from .tables import allowances, balances, leases, usage
from .unmetered import Unmetered, by_hour, read_unmetered

_HELD_AT_LIMITS = select(balances.c.scope, balances.c.resource, balances.c.held).where(
    balances.c.scope.in_(select(allowances.c.scope))
)
Rates = Mapping[str, int]  # by resource, each second


class SqlDrains(SqlMeters):
    def all(self, now: datetime) -> Sequence[Drain]:
        of_all: dict[Key, list[Allowance]] = {}
        of_each: list[tuple[Scope, Spending]] = []
        for row in self._connection.execute(select(allowances)).all():
            level = level_of(row.scope, self._hub_name)
            if level is None:
                continue  # another hub's own
            spending = spending_of(row, self._sessions_of(level))
            if spending.allowance.window.begins_at(now) is None:
                continue
            if spending.is_each:
                of_each.append((level, spending))
            else:
                of_all.setdefault((level, row.resource), []).append(spending.allowance)
        if not of_all and not of_each:
            return []
        members = None if of_each else ()
        unmetered = read_unmetered(self._connection, self._hub_name, now, members=members)
        return [*self._of_all(of_all, now, unmetered), *self._of_each(of_each, now, unmetered)]

    def _of_all(
        self, spending: Mapping[Key, Sequence[Allowance]], now: datetime, unmetered: Unmetered
    ) -> Iterator[Drain]:
        held = {
            (scope, row.resource): row.held
            for row in self._connection.execute(_HELD_AT_LIMITS)
            if (scope := level_of(row.scope, self._hub_name)) is not None
        }
        meters = self._meters(spending, held, now, unmetered, hours="sums")
        for (scope, resource), allowed in spending.items():
            meter = meters[scope, resource]
            for one in allowed:
                left = one.limit - meter.spent(one.window, now)
                yield Drain(scope, resource, left, meter.rate)

    def _of_each(
        self, spendings: Sequence[tuple[Scope, Spending]], now: datetime, unmetered: Unmetered
    ) -> Iterator[Drain]:
        """Of everybody who has a server, at the places that it is charged to."""
        holding = self._holding() if spendings else {}
        seconds = (now - unmetered.since) // SECOND
        for level, spending in spendings:
            resource, begins = spending.resource, spending.allowance.window.begins_at(now)
            here = [(scope, n) for scope, rates in holding.get(level, ()) if (n := rates[resource])]
            if not here or begins is None:
                continue
            rates: Counter[str | None] = Counter()  # of all servers of each, there and below
            for scope, rate in here:
                rates[scope.member] += rate
            spent = self._spent_by_everybody(level, spending, begins)
            for scope, _ in here:
                rate = rates[scope.member]
                late = by_hour(unmetered.within(replace(level, member=scope.member)), resource)
                total = spent.get(scope.member or "", 0)
                total += sum(n for hour, n in late.items() if hour >= begins)
                left = spending.allowance.limit - total - rate * seconds
                yield Drain(scope, resource, left, rate)

    def _holding(self) -> Mapping[Scope, Sequence[tuple[Scope, Rates]]]:
        """By level: who has servers there or below, where they are charged, and what they spend."""
        held: dict[Scope, Counter[str]] = {}
        query = select(
            leases.c.community, leases.c.workshop, leases.c.account_id, leases.c.amounts
        ).where(
            leases.c.hub == self._hub_name,
            leases.c.settled_at.is_(None),
            leases.c.account_id.is_not(None),
        )
        for row in self._connection.execute(query):
            scope = Scope(row.community, row.workshop, row.account_id)
            held.setdefault(scope, Counter()).update(row.amounts)
        found: dict[Scope, list[tuple[Scope, Rates]]] = {}
        for scope, amounts in held.items():
            rates = Counter(spent_each_second(amounts))
            for level in scope.place.path():
                found.setdefault(level, []).append((scope, rates))
        return found

    def _spent_by_everybody(
        self, level: Scope, spending: Spending, begins: datetime
    ) -> Mapping[str, int]:
        """There and below, from an hour on, of those who have a server."""
        with_servers = select(leases.c.account_id).where(leases.c.settled_at.is_(None))
        conditions = [usage.c.hour >= begins, usage.c.account_id.in_(with_servers)]
        if level.community is not None:
            key = level.key
            conditions.append(or_(usage.c.scope == key, usage.c.scope.like(f"{key}/%")))
        if kind := gpu_kind(spending.resource):
            conditions.append(usage.c.gpu_kind == kind)
        total = func.sum(COLUMN_OF[kind_of(spending.resource)])
        query = select(usage.c.account_id, total).where(*conditions).group_by(usage.c.account_id)
        return {account: int(spent) for account, spent in self._connection.execute(query)}
