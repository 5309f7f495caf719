"""Communities in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from ..domain.communities import Community
from .tables import communities

_FIELDS = (
    "slug",
    "names",
    "language",
    "contact",
    "declared",
    "retention_days",
    "cohort",
    "suspended_at",
    "shows_people",
    "archived_at",
)
_BY_SLUG = select(communities).where(communities.c.slug == bindparam("sought"))  # made once


class SqlCommunities:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, slug: str) -> Community | None:
        row = self._connection.execute(_BY_SLUG, {"sought": slug}).one_or_none()
        return None if row is None else community_of(row)

    def all(self) -> Sequence[Community]:
        rows = self._connection.execute(select(communities).order_by(communities.c.slug))
        return [community_of(row) for row in rows]

    def save(self, community: Community, now: datetime) -> None:
        values = {
            "names": dict(community.names),
            "language": community.language,
            "contact": community.contact,
            "declared": community.declared,
            "retention_days": community.retention_days,
            "cohort": community.cohort,
        }
        changed = self._connection.execute(
            update(communities).where(communities.c.slug == community.slug).values(**values)
        )
        if not changed.rowcount:
            self._connection.execute(
                insert(communities).values(slug=community.slug, created_at=now, **values)
            )

    def suspend(self, slug: str, at: datetime | None, because: str | None) -> None:
        values: dict[str, object] = {"suspended_at": at, "suspended_because": because}
        if at is None:
            values["archived_at"] = None
        self._set(slug, **values)

    def archive(self, slug: str, at: datetime) -> None:
        self._set(slug, archived_at=at)

    def show_people(self, slug: str, shows_people: bool) -> None:
        self._set(slug, shows_people=shows_people)

    def _set(self, slug: str, **values: object) -> None:
        self._connection.execute(
            update(communities).where(communities.c.slug == slug).values(**values)
        )


def community_of(row: Row[tuple[object, ...]], prefix: str = "") -> Community:
    """From a row whose columns may have names with a prefix, where they stand beside others."""
    return Community(
        **{name: getattr(row, prefix + name) for name in _FIELDS},
    )
