"""What communities show to everybody, and whom they name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from ..domain.grants import Role
from .grants import unlapsed_at
from .tables import communities, grants


class SqlOpenness:
    def __init__(self, connection: Connection):
        self._connection = connection

    def is_public(self, community: str) -> bool:
        query = select(communities.c.is_public).where(communities.c.slug == community)
        return bool(self._connection.execute(query).scalar_one_or_none())

    def set_public(self, community: str, is_public: bool) -> None:
        self._connection.execute(
            update(communities).where(communities.c.slug == community).values(is_public=is_public)
        )

    def named(self, community: str, now: datetime) -> Sequence[str]:
        query = (
            select(grants.c.account_id)
            .where(*_champions(community, now), grants.c.is_named)
            .distinct()
        )
        return list(self._connection.execute(query).scalars())

    def set_named(self, community: str, account_id: str, is_named: bool, now: datetime) -> bool:
        changed = self._connection.execute(
            update(grants)
            .where(
                *_champions(community, now),
                grants.c.account_id == account_id,
                grants.c.is_named.is_(not is_named),
            )
            .values(is_named=is_named)
        )
        return bool(changed.rowcount)


def _champions(community: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        grants.c.community == community,
        grants.c.workshop.is_(None),
        grants.c.role == int(Role.CHAMPION),
        *unlapsed_at(now),
    )
