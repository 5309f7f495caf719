"""Limits of what may be held at one time, and of what may be spent: of the hub, cohorts, communities,
workshops and their members.

They stand in the rows of what is held (`balances.py`), so that a start reads both at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)

from ..domain.limits import Limit, Quota, Spending, Standing
from ..domain.quotas import HUB, Scope
from ..domain.windows import write_window
from ..domain.workshops import Session
from .balances import share_of
from .meters import spending_of
from .scopes import read_key, scope_key, workshop_key
from .tables import allowances, balances, communities, sessions, workshops
from .workshops import SqlWorkshops

_AT_SCOPE = select(balances).where(balances.c.scope == bindparam("at"))
_ALLOWED_AT = select(allowances).where(allowances.c.scope == bindparam("at"))


class SqlLimits:
    def __init__(self, connection: Connection, hub_name: str):
        self._connection = connection
        self._hub_name = hub_name

    def quota(self, scope: Scope) -> Quota:
        limited = {}
        for row in self._connection.execute(_AT_SCOPE, self._at(scope)):
            limit = _limit(row)
            if limit != Limit():
                limited[row.resource] = limit
        return Quota(limited, self._allowed(scope))

    def standings(
        self, community: str | None, *, with_workshops: bool = True
    ) -> Mapping[Scope, Standing]:
        held = self._standings(self._is_among(balances.c.scope, community, with_workshops))
        are_wanted = self._is_among(allowances.c.scope, community, with_workshops)
        allowed = self._allowed_among(are_wanted, community)
        spending = {self._read(key): windows for key, windows in allowed.items()}
        found = {}
        for scope in {*held, *spending}:
            standing = held.get(scope, Standing())
            quota = Quota(standing.quota.held, tuple(spending.get(scope, ())))
            found[scope] = Standing(quota, standing.held)
        return found

    def standings_at(self, scopes: Collection[Scope]) -> Mapping[Scope, Standing]:
        keys = [self._key(scope) for scope in scopes]
        return self._standings(balances.c.scope.in_(keys)) if keys else {}

    def _standings(self, are_wanted: ColumnElement[bool]) -> dict[Scope, Standing]:
        """Without what may be spent."""
        limits: dict[Scope, dict[str, Limit]] = {}
        held: dict[Scope, dict[str, int]] = {}
        for row in self._connection.execute(select(balances).where(are_wanted)):
            scope = self._read(row.scope)
            if (limit := _limit(row)) != Limit():
                limits.setdefault(scope, {})[row.resource] = limit
            if row.held:
                held.setdefault(scope, {})[row.resource] = row.held
        return {
            scope: Standing(Quota(limits.get(scope, {})), held.get(scope, {}))
            for scope in {*limits, *held}
        }

    def _is_among(
        self, key: ColumnElement[str], community: str | None, with_workshops: bool
    ) -> ColumnElement[bool]:
        """By the keys that there are, not by their beginnings: members' rows stand among them."""
        if community is not None:
            inner = select(workshop_key()).where(workshops.c.community == community)
            own = key == Scope(community).key
            return or_(own, key.in_(inner)) if with_workshops else own
        slugs = select(literal("hub/") + communities.c.slug)
        cohorts = select(literal("hub/~") + communities.c.cohort)
        wanted = [key == self._key(HUB), key.in_(slugs), key.in_(cohorts)]
        if with_workshops:
            wanted.append(key.in_(select(workshop_key())))
        return or_(*wanted)

    def _read(self, key: str) -> Scope:
        if key == self._key(HUB):
            return HUB
        return Scope(cohort=key[5:]) if key.startswith("hub/~") else read_key(key)

    def set_quota(self, scope: Scope, quota: Quota) -> None:
        """All limits of the scope. What is held and spent stays as it is."""
        known = {row.resource for row in self._connection.execute(_AT_SCOPE, self._at(scope))}
        for resource in known - set(quota.held):
            self.set_limit(scope, resource, Limit())
        for resource, limit in quota.held.items():
            self.set_limit(scope, resource, limit)
        self._allow(scope, quota.spent)

    def set_limit(self, scope: Scope, resource: str, limit: Limit) -> None:
        share = limit.share
        values = {
            "quota": limit.most,
            "quota_each": limit.each,
            "is_shared_equally": limit.is_shared_equally,
            "nominal": share and share.nominal,
            "may_borrow": share and share.may_borrow,
            "may_lend": share and share.may_lend,
        }
        changed = self._connection.execute(
            update(balances).where(self._is(scope, resource)).values(**values)
        )
        if not changed.rowcount and limit != Limit():
            self._connection.execute(
                insert(balances).values(scope=self._key(scope), resource=resource, held=0, **values)
            )

    def add_up_cohorts(self) -> int:
        """What each cohort's communities lend and have drawn, anew from their own rows."""
        cohorts: dict[tuple[str, str], list[int]] = {}
        rows = self._connection.execute(
            select(communities.c.cohort, balances)
            .join(balances, balances.c.scope == literal("hub/") + communities.c.slug)
            .where(communities.c.cohort.is_not(None))
        )
        for row in rows:
            if share := share_of(row):
                pool = cohorts.setdefault((f"hub/~{row.cohort}", row.resource), [0, 0])
                pool[0] += share.lendable
                pool[1] += share.drawn(row.held)
        are_pools = balances.c.scope.like("hub/~%")
        before = {
            (row.scope, row.resource): row.held
            for row in self._connection.execute(select(balances).where(are_pools))
        }
        self._connection.execute(delete(balances).where(are_pools))
        if cohorts:
            self._connection.execute(
                insert(balances),
                [
                    {"scope": scope, "resource": resource, "quota": quota, "held": held}
                    for (scope, resource), (quota, held) in cohorts.items()
                ],
            )
        drawn = {key: held for key, (_, held) in cohorts.items()}
        return sum(drawn.get(key, 0) != before.get(key, 0) for key in drawn | before)

    def _allowed(self, scope: Scope) -> tuple[Spending, ...]:
        held: Sequence[Session] = ()
        if scope.community is not None and scope.workshop is not None:
            held = SqlWorkshops(self._connection).sessions(scope.community, scope.workshop)
        rows = self._connection.execute(_ALLOWED_AT, self._at(scope))
        return tuple(spending_of(row, held) for row in rows)

    def _allowed_among(
        self, are_wanted: ColumnElement[bool], community: str | None
    ) -> dict[str, list[Spending]]:
        """By the key of the scope; `community` is that of all workshops among them."""
        rows = self._connection.execute(select(allowances).where(are_wanted)).all()
        windows: dict[str, list[Session]] = {}
        if any(row.span == "sessions" for row in rows):
            query = select(sessions).order_by(sessions.c.starts_at)
            if community is not None:
                query = query.where(sessions.c.community == community)
            for one in self._connection.execute(query):
                place = windows.setdefault(self._key(Scope(one.community, one.workshop)), [])
                place.append(Session(one.starts_at, one.ends_at))
        found: dict[str, list[Spending]] = {}
        for row in rows:
            found.setdefault(row.scope, []).append(spending_of(row, windows.get(row.scope, ())))
        return found

    def _allow(self, scope: Scope, spending: Sequence[Spending]) -> None:
        """These, and nothing else."""
        execute = self._connection.execute
        execute(delete(allowances).where(allowances.c.scope == self._key(scope)))
        for one in spending:
            execute(
                insert(allowances).values(
                    scope=self._key(scope),
                    resource=one.resource,
                    span=write_window(one.allowance.window),
                    is_each=one.is_each,
                    quota=one.allowance.limit,
                )
            )

    def _is(self, scope: Scope, resource: str) -> ColumnElement[bool]:
        return and_(balances.c.scope == self._key(scope), balances.c.resource == resource)

    def _at(self, scope: Scope) -> dict[str, str]:
        return {"at": self._key(scope)}

    def _key(self, scope: Scope) -> str:
        return scope_key(scope, self._hub_name)


def _limit(row: Row[Any]) -> Limit:
    return Limit(row.quota, row.quota_each, row.is_shared_equally, share_of(row))
