"""Offers of a role in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from ..domain.grants import Role
from ..domain.offers import RoleOffer
from .tables import communities, role_offers


class SqlRoleOffers:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, offer_id: str) -> RoleOffer | None:
        query = select(role_offers).where(role_offers.c.id == offer_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _offer(row)

    def of_community(self, community: str, now: datetime) -> Sequence[RoleOffer]:
        query = (
            select(role_offers)
            .where(role_offers.c.community == community, role_offers.c.ends_at > now)
            .order_by(role_offers.c.username)
        )
        return [_offer(row) for row in self._connection.execute(query)]

    def of_username(self, username: str, now: datetime) -> Sequence[RoleOffer]:
        query = (
            select(role_offers)
            .join(communities, communities.c.slug == role_offers.c.community)
            .where(
                role_offers.c.username == username,
                role_offers.c.ends_at > now,
                communities.c.suspended_at.is_(None),
            )
            .order_by(role_offers.c.made_at, role_offers.c.id)
        )
        return [_offer(row) for row in self._connection.execute(query)]

    def put(self, offer: RoleOffer) -> None:
        self._connection.execute(
            delete(role_offers).where(
                role_offers.c.community == offer.community,
                role_offers.c.username == offer.username,
            )
        )
        self._connection.execute(
            insert(role_offers).values(
                id=offer.id,
                community=offer.community,
                username=offer.username,
                role=int(offer.role),
                made_by=offer.made_by,
                made_at=offer.made_at,
                ends_at=offer.ends_at,
            )
        )

    def remove(self, offer_id: str) -> bool:
        gone = self._connection.execute(delete(role_offers).where(role_offers.c.id == offer_id))
        return bool(gone.rowcount)

    def forget(self, before: datetime) -> None:
        self._connection.execute(delete(role_offers).where(role_offers.c.ends_at < before))


def _offer(row: Row[Any]) -> RoleOffer:
    return RoleOffer(
        id=row.id,
        community=row.community,
        username=row.username,
        role=Role(row.role),
        made_by=row.made_by,
        made_at=row.made_at,
        ends_at=row.ends_at,
    )
