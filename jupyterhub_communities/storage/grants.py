"""Grants in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from ..application.ports import GrantHistory
from ..domain.grants import CLOCK_SLACK, Grant, Role, Source
from .tables import communities, grants, workshops

# Made once: asked at every sign-in and refresh.
_HISTORY = (
    select(grants, communities.c.suspended_at, workshops.c.language)
    .join(communities, communities.c.slug == grants.c.community)
    .outerjoin(
        workshops,
        and_(workshops.c.community == grants.c.community, workshops.c.slug == grants.c.workshop),
    )
    .where(grants.c.account_id == bindparam("sought"))
    .order_by(grants.c.starts_at, grants.c.id)
)
_ADD = insert(grants)


class SqlGrants:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, grant_id: str) -> Grant | None:
        row = self._connection.execute(select(grants).where(grants.c.id == grant_id)).one_or_none()
        return None if row is None else _grant(row)

    def of_account(self, account_id: str, now: datetime) -> Sequence[Grant]:
        return self._unlapsed(grants.c.account_id == account_id, now)

    def history(self, account_id: str) -> GrantHistory:
        rows = self._connection.execute(_HISTORY, {"sought": account_id}).all()
        return GrantHistory(
            grants=[_grant(row) for row in rows],
            suspended=frozenset(row.community for row in rows if row.suspended_at is not None),
            languages={row.id: row.language for row in rows},
        )

    def of_community(
        self, community: str, now: datetime, workshop: str | None = None
    ) -> Sequence[Grant]:
        condition: ColumnElement[bool] = grants.c.community == community
        if workshop is not None:
            condition = and_(condition, grants.c.workshop == workshop)
        return self._unlapsed(condition, now)

    def add(self, grant: Grant) -> None:
        values = {
            "id": grant.id,
            "account_id": grant.account_id,
            "role": int(grant.role),
            "community": grant.community,
            "workshop": grant.workshop,
            "site": grant.site,
            "source": grant.source.value,
            "made_by": grant.made_by,
            "starts_at": grant.starts_at,
            "ends_at": grant.ends_at,
        }
        self._connection.execute(_ADD, values)

    def count_people(self, now: datetime) -> int:
        query = select(func.count(grants.c.account_id.distinct())).where(
            grants.c.revoked_at.is_(None),
            grants.c.starts_at <= now + CLOCK_SLACK,
            or_(grants.c.ends_at.is_(None), grants.c.ends_at > now),
        )
        return self._connection.execute(query).scalar_one()

    def revoke(self, grant_ids: Iterable[str], now: datetime) -> None:
        wanted = list(grant_ids)
        if wanted:
            self._connection.execute(
                update(grants)
                .where(grants.c.id.in_(wanted), grants.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )

    def move(self, from_account: str, to_account: str) -> None:
        self._connection.execute(
            update(grants).where(grants.c.account_id == from_account).values(account_id=to_account)
        )

    def _unlapsed(self, condition: ColumnElement[bool], now: datetime) -> Sequence[Grant]:
        rows = self._connection.execute(
            select(grants)
            .where(
                condition,
                grants.c.revoked_at.is_(None),
                grants.c.starts_at <= now + CLOCK_SLACK,
                or_(grants.c.ends_at.is_(None), grants.c.ends_at > now),
            )
            .order_by(grants.c.starts_at, grants.c.id)
        )
        return [_grant(row) for row in rows]


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(
        id=row.id,
        account_id=row.account_id,
        role=Role(row.role),
        community=row.community,
        workshop=row.workshop,
        site=row.site,
        source=Source(row.source),
        made_by=row.made_by,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
    )
