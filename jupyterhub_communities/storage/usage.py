"""What was spent by the hour: each person's, and the sums of each scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from ..domain.metering import Bucket, Usage
from ..domain.quotas import HUB, Scope
from ..domain.units import (
    CPU_TIME,
    GPU_TIME,
    MEMORY_TIME,
    SERVER_TIME,
    Amounts,
    gpu_kind,
    kind_of,
)
from .scopes import place_of, scope_key, workshop_key
from .tables import spent, usage, workshops

_KEY = ("hour", "scope", "account_id", "profile", "gpu_kind")
_COLUMNS = {
    SERVER_TIME: "server_time",
    CPU_TIME: "cpu_time",
    MEMORY_TIME: "memory_time",
    GPU_TIME: "gpu_time",
}
_FAR = datetime(9999, 1, 1, tzinfo=UTC)
# The new hour begins with what was spent up to it.
_OPEN_HOUR = text(
    "INSERT INTO spent (scope, resource, hour, total) "
    "SELECT :scope, :resource, :hour, COALESCE((SELECT total FROM spent WHERE scope = :scope"
    " AND resource = :resource AND hour < :hour ORDER BY hour DESC LIMIT 1), 0) WHERE true "
    "ON CONFLICT DO NOTHING"
).bindparams(
    # PostgreSQL must be told: it would deduce two types for one parameter.
    *(bindparam(name, type_=spent.c[name].type) for name in ("scope", "resource", "hour"))
)
_SPEND = (
    update(spent)
    .where(
        spent.c.scope == bindparam("at"),
        spent.c.resource == bindparam("what"),
        spent.c.hour >= bindparam("from_hour"),
        spent.c.hour < bindparam("to_hour"),
    )
    .values(total=spent.c.total + bindparam("amount"))
)


class SqlUsage:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    def add(self, usage: Usage) -> None:
        if not usage:
            return
        rows: dict[tuple[Any, ...], dict[str, int]] = {}
        sums: dict[tuple[str, str, datetime], int] = {}

        @cache  # many people are charged to few places
        def levels(place: Scope) -> list[str]:
            return [scope_key(level, self._hub_name) for level in place.path()]

        for bucket, amounts in usage.items():
            for resource, amount in amounts.items():
                kind = gpu_kind(resource)
                row = rows.setdefault(self._row_key(bucket, kind), {})
                column = _COLUMNS[kind_of(resource)]
                row[column] = row.get(column, 0) + amount
                for level in levels(bucket.scope.place):
                    key = (level, resource, bucket.hour)
                    sums[key] = sums.get(key, 0) + amount
        self._add_rows(rows)
        self._add_sums(sums)

    def _row_key(self, bucket: Bucket, kind: str) -> tuple[Any, ...]:
        place = scope_key(bucket.scope.place, self._hub_name)
        return (bucket.hour, place, bucket.scope.member or "", bucket.profile or "", kind)

    def _add_rows(self, rows: Mapping[tuple[Any, ...], Mapping[str, int]]) -> None:
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        query = dialect.insert(usage)
        added = {name: usage.c[name] + query.excluded[name] for name in _COLUMNS.values()}
        self._connection.execute(
            query.on_conflict_do_update(index_elements=list(_KEY), set_=added),
            [
                {**dict.fromkeys(_COLUMNS.values(), 0), **dict(zip(_KEY, key, strict=True)), **row}
                for key, row in rows.items()
            ],
        )

    def _add_sums(self, sums: Mapping[tuple[str, str, datetime], int]) -> None:
        self._connection.execute(
            _OPEN_HOUR,
            [
                {"scope": scope, "resource": resource, "hour": hour}
                for scope, resource, hour in sorted(sums)
            ],
        )
        self._connection.execute(
            _SPEND,
            list(_growth(sums)),
        )

    def sums(
        self,
        scope: Scope,
        start: datetime,
        end: datetime,
        by: Literal["hour", "place", "profile", "person"],
    ) -> Sequence[tuple[datetime | Scope | str | None, Amounts]]:
        key = _KEY_OF[by]
        totals = [func.sum(usage.c[name]).label(name) for name in _COLUMNS.values()]
        query = (
            select(key, usage.c.gpu_kind, *totals)
            .where(usage.c.hour >= start, usage.c.hour < end)
            .group_by(key, usage.c.gpu_kind)
            .order_by(key, usage.c.gpu_kind)
        )
        if scope.place != HUB:
            below = select(workshop_key()).where(workshops.c.community == scope.community)
            if scope.workshop is not None:
                below = below.where(workshops.c.slug == scope.workshop)
            query = query.where(or_(usage.c.scope == scope.place.key, usage.c.scope.in_(below)))
        found: dict[Any, dict[str, int]] = {}
        for row in self._connection.execute(query):
            amounts = found.setdefault(place_of(row[0]) if by == "place" else row[0] or None, {})
            for resource, amount in _amounts(row).items():
                amounts[resource] = amounts.get(resource, 0) + amount
        return list(found.items())

    def of_person(self, account_id: str, start: datetime, end: datetime) -> Amounts:
        totals = [func.sum(usage.c[name]).label(name) for name in _COLUMNS.values()]
        mine = (usage.c.account_id == account_id, usage.c.hour >= start, usage.c.hour < end)
        query = select(usage.c.gpu_kind, *totals).where(*mine).group_by(usage.c.gpu_kind)
        found: dict[str, int] = {}
        for row in self._connection.execute(query):
            for resource, amount in _amounts(row).items():
                found[resource] = found.get(resource, 0) + amount
        return found


_KEY_OF = {
    "hour": usage.c.hour,
    "place": usage.c.scope,
    "profile": usage.c.profile,
    "person": usage.c.account_id,
}


def _amounts(row: Any) -> dict[str, int]:
    kinds = {**_COLUMNS, f"{GPU_TIME}.{row.gpu_kind}": "gpu_time"}
    del kinds[GPU_TIME]
    amounts = {resource: int(getattr(row, column)) for resource, column in kinds.items()}
    return {resource: amount for resource, amount in amounts.items() if amount}


def _growth(sums: Mapping[tuple[str, str, datetime], int]) -> Iterator[dict[str, Any]]:
    """By how much the sums of each hour grow, also of later ones: what is metered late counts there.
    Each row is touched once, however many hours are added."""
    by_scope: dict[tuple[str, str], dict[datetime, int]] = {}
    for (scope, resource, hour), amount in sums.items():
        by_scope.setdefault((scope, resource), {})[hour] = amount
    for (scope, resource), hours in by_scope.items():
        ordered = sorted(hours)
        total = 0
        for hour, following in zip(ordered, [*ordered[1:], _FAR], strict=True):
            total += hours[hour]
            yield {
                "at": scope,
                "what": resource,
                "from_hour": hour,
                "to_hour": following,
                "amount": total,
            }
