"""What must add up whatever happened: counters with the leases behind them, usage with their time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import select
from transactions import reading

from jupyterhub_communities.application.house import House
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.metering import whole_second
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import MEMORY_TIME, SERVER_TIME, spent_each_second
from jupyterhub_communities.storage.tables import balances, communities, leases, spent, usage

SECOND = timedelta(seconds=1)


def assert_adds_up(house: House) -> None:
    """Each counter is the sum of the unsettled leases at its scope and below it, a cohort's what its
    communities draw; none is below 0. Read in one transaction, and computed from the bare rows."""
    with reading(house.database) as connection:
        running = connection.execute(select(leases).where(leases.c.settled_at.is_(None))).all()
        rows = connection.execute(select(balances)).all()
        cohorts = dict(connection.execute(select(communities.c.slug, communities.c.cohort)).all())
    expected: Counter[tuple[str, str]] = Counter()
    for lease in running:
        parts = [lease.community, lease.workshop, lease.account_id and f"@{lease.account_id}"]
        known = [part for part in parts if part]
        levels = [
            f"hub:{lease.hub}",
            *("/".join(["hub", *known[:n]]) for n in range(1, 1 + len(known))),
        ]
        for resource, amount in lease.amounts.items():
            expected.update({(level, resource): amount for level in levels})
    drawn: Counter[tuple[str, str]] = Counter()
    for row in rows:
        cohort = cohorts.get(row.scope.removeprefix("hub/"))
        if cohort and row.nominal is not None:
            share = Share(row.nominal, row.may_borrow, row.may_lend)
            drawn[f"hub/~{cohort}", row.resource] += share.drawn(row.held)
    found = {(row.scope, row.resource): row.held for row in rows}
    assert min(found.values(), default=0) >= 0, found
    assert {key: held for key, held in found.items() if held} == {
        key: held for key, held in (expected + drawn).items() if held
    }


def assert_metered(house: House) -> None:
    """The rows of usage are the seconds of the leases, as far as these were metered, and what is
    spent at each level is the sum of the rows at it and below."""
    with reading(house.database) as connection:
        all_leases = connection.execute(select(leases)).all()
        hours = connection.execute(select(usage)).all()
        totals = connection.execute(select(spent).order_by(spent.c.hour)).all()
    expected: Counter[str] = Counter()
    for lease in all_leases:
        start = whole_second(lease.requested_at)
        if lease.metered_until is not None and (until := whole_second(lease.metered_until)) > start:
            for resource, rate in spent_each_second(lease.amounts).items():
                expected[resource] += rate * ((until - start) // SECOND)
    columns = {SERVER_TIME: "server_time", "cpu-time": "cpu_time", MEMORY_TIME: "memory_time"}
    for resource, column in columns.items():
        assert sum(getattr(row, column) for row in hours) == expected[resource], resource
    by_level: Counter[tuple[str, str]] = Counter()
    for row in hours:
        if row.scope.startswith("hub:"):
            levels = [row.scope]
        else:
            community, *workshop = row.scope.split("/")[1:]
            path = Scope(community, workshop[0] if workshop else None).path()
            levels = ["hub:hub", *(level.key for level in path[1:])]
        for level in levels:
            by_level.update({(level, what): getattr(row, name) for what, name in columns.items()})
    latest = {(row.scope, row.resource): row.total for row in totals}
    assert {key: n for key, n in latest.items() if n} == {k: n for k, n in by_level.items() if n}
