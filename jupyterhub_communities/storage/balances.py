"""What is held of each resource at each scope: one row each."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from ..domain.quotas import Balance, Scope
from .tables import balances


class SqlBalances:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    def get(self, scope: Scope, resource: str) -> Balance:
        row = self._connection.execute(
            select(balances.c.quota, balances.c.held).where(self._is(scope, resource))
        ).one_or_none()
        if row is None:
            return Balance(scope=scope, resource=resource, limit=None)
        return Balance(scope=scope, resource=resource, limit=row.quota, held=row.held)

    def set_limit(self, scope: Scope, resource: str, limit: int | None) -> None:
        changed = self._connection.execute(
            update(balances).where(self._is(scope, resource)).values(quota=limit)
        )
        if not changed.rowcount:
            self._add(scope, resource, quota=limit, held=0)

    def hold(self, scope: Scope, resource: str, amount: int, *, capped: bool = True) -> bool:
        fits: ColumnElement[bool] = or_(
            balances.c.quota.is_(None), balances.c.held + amount <= balances.c.quota
        )
        condition = self._is(scope, resource)
        held = self._connection.execute(
            update(balances)
            .where(and_(condition, fits) if capped else condition)
            .values(held=balances.c.held + amount)
        )
        if held.rowcount:
            return True
        if self._exists(scope, resource):
            return False
        self._add(scope, resource, quota=None, held=amount)
        return True

    def release(self, scope: Scope, resource: str, amount: int) -> None:
        self._connection.execute(
            update(balances).where(self._is(scope, resource)).values(held=balances.c.held - amount)
        )

    def _is(self, scope: Scope, resource: str) -> ColumnElement[bool]:
        return and_(balances.c.scope == self._key(scope), balances.c.resource == resource)

    def _key(self, scope: Scope) -> str:
        # Several hubs may share a database: each has its own top level, communities are common.
        return f"hub:{self._hub_name}" if scope.kind == "hub" else scope.key

    def _exists(self, scope: Scope, resource: str) -> bool:
        query = select(balances.c.scope).where(self._is(scope, resource))
        return self._connection.execute(query).one_or_none() is not None

    def _add(self, scope: Scope, resource: str, *, quota: int | None, held: int) -> None:
        self._connection.execute(
            insert(balances).values(
                scope=self._key(scope), resource=resource, quota=quota, held=held
            )
        )
