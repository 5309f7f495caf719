"""Workshops and their sessions in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from ..domain.grants import Role
from ..domain.paging import Page, Part, part_of
from ..domain.units import Amounts
from ..domain.workshops import Session, Site, Workshop
from .tables import sessions, sites, workshops

# Made once: asked at every sign-in and start.
_COMMUNITY: BindParameter[str] = bindparam("community")
_WORKSHOP: BindParameter[str] = bindparam("workshop")
_SITES = select(sites).where(sites.c.community == _COMMUNITY, sites.c.workshop == _WORKSHOP)
_ONE = (
    select(
        workshops,
        sessions.c.starts_at,
        sessions.c.ends_at,
        _SITES.exists().label("has_sites"),  # most have none: not worth a way to the database
    )
    .outerjoin(
        sessions,
        and_(
            sessions.c.community == workshops.c.community, sessions.c.workshop == workshops.c.slug
        ),
    )
    .where(workshops.c.community == _COMMUNITY, workshops.c.slug == _WORKSHOP)
    .order_by(sessions.c.starts_at)
)
_SESSIONS_OF_ONE = (
    select(sessions)
    .where(sessions.c.community == _COMMUNITY, sessions.c.workshop == _WORKSHOP)
    .order_by(sessions.c.starts_at)
)
_SITES_OF_ONE = _SITES.order_by(sites.c.slug)


_NEWEST_FIRST = (workshops.c.created_at.desc(), workshops.c.slug)
_ITS_SESSIONS = and_(
    sessions.c.community == workshops.c.community, sessions.c.workshop == workshops.c.slug
)
_FIRST_START = select(func.min(sessions.c.starts_at)).where(_ITS_SESSIONS).scalar_subquery()
_LAST_END = select(func.max(sessions.c.ends_at)).where(_ITS_SESSIONS).scalar_subquery()


class SqlWorkshops:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, community: str, slug: str) -> Workshop | None:
        place = {"community": community, "workshop": slug}
        rows = self._connection.execute(_ONE, place).all()
        if not rows:
            return None
        has_sites = rows[0].has_sites
        places = self._connection.execute(_SITES_OF_ONE, place) if has_sites else ()
        return _workshop(
            rows[0],
            tuple(Session(row.starts_at, row.ends_at) for row in rows if row.ends_at is not None),
            tuple(_site(site) for site in places),
        )

    def sessions(self, community: str, slug: str) -> Sequence[Session]:
        place = {"community": community, "workshop": slug}
        held = self._connection.execute(_SESSIONS_OF_ONE, place)
        return [Session(session.starts_at, session.ends_at) for session in held]

    def of_community(self, community: str) -> Sequence[Workshop]:
        return self._select(workshops.c.community == community)

    def page(self, community: str, among: Collection[str] | None, page: Page) -> Part[Workshop]:
        conditions = _among(community, among)
        if page.after is not None:
            made_at, slug = datetime.fromisoformat(page.after[0]), page.after[1]
            conditions.append(
                or_(
                    workshops.c.created_at < made_at,
                    and_(workshops.c.created_at == made_at, workshops.c.slug > slug),
                )
            )
        found = self._select(*conditions, limit=page.limit + 1)
        return part_of(found, lambda one: (one.created_at.isoformat(), one.slug), page)

    def current(
        self, community: str, among: Collection[str] | None, now: datetime, limit: int
    ) -> Sequence[Workshop]:
        conditions = [*_among(community, among), now < _LAST_END]
        conditions.append(or_(workshops.c.closed_at.is_(None), workshops.c.closed_at > now))
        return self._select(*conditions, order=(_FIRST_START, workshops.c.slug.asc()), limit=limit)

    def count(self, community: str, among: Collection[str] | None) -> int:
        query = select(func.count()).select_from(workshops).where(*_among(community, among))
        return self._connection.execute(query).scalar_one()

    def add(self, workshop: Workshop) -> None:
        self._connection.execute(
            insert(workshops).values(
                community=workshop.community,
                slug=workshop.slug,
                title=workshop.title,
                language=workshop.language,
                zone=workshop.zone,
                seats=workshop.seats,
                profile=workshop.profile,
                made_by=workshop.made_by,
                created_at=workshop.created_at,
                closed_at=workshop.closed_at,
                reserved=None if workshop.reserved is None else dict(workshop.reserved),
                reserved_at=workshop.reserved_at,
                message=workshop.message,
                promised=_number(workshop.promised),
            )
        )
        self._add_sessions(workshop)
        for site in workshop.sites:
            self.add_site(workshop.community, workshop.slug, site)

    def change(self, workshop: Workshop) -> None:
        self._update(
            workshop.community,
            workshop.slug,
            title=workshop.title,
            language=workshop.language,
            zone=workshop.zone,
            seats=workshop.seats,
            profile=workshop.profile,
        )
        self._connection.execute(
            delete(sessions).where(
                sessions.c.community == workshop.community, sessions.c.workshop == workshop.slug
            )
        )
        self._add_sessions(workshop)

    def set_message(self, community: str, slug: str, message: str | None) -> None:
        self._update(community, slug, message=message)

    def set_promise(self, community: str, slug: str, promised: Role | None) -> None:
        self._update(community, slug, promised=_number(promised))

    def add_site(self, community: str, workshop: str, site: Site) -> None:
        self._connection.execute(
            insert(sites).values(
                community=community,
                workshop=workshop,
                slug=site.slug,
                name=site.name,
                zone=site.zone,
                country=site.country,
            )
        )

    def close(self, community: str, slug: str, now: datetime) -> None:
        self._update(community, slug, closed_at=now)

    def reserve(self, community: str, slug: str, amounts: Amounts | None, now: datetime) -> None:
        self._update(
            community,
            slug,
            reserved=None if amounts is None else dict(amounts),
            reserved_at=None if amounts is None else now,
        )

    def _update(self, community: str, slug: str, **values: object) -> None:
        self._connection.execute(
            update(workshops)
            .where(workshops.c.community == community, workshops.c.slug == slug)
            .values(**values)
        )

    def _add_sessions(self, workshop: Workshop) -> None:
        self._connection.execute(
            insert(sessions),
            [
                {
                    "community": workshop.community,
                    "workshop": workshop.slug,
                    "starts_at": session.starts_at,
                    "ends_at": session.ends_at,
                }
                for session in workshop.sessions
            ],
        )

    def _select(
        self,
        *conditions: ColumnElement[bool],
        order: Sequence[ColumnElement[Any]] = _NEWEST_FIRST,
        limit: int | None = None,
    ) -> list[Workshop]:
        """Three statements, however many workshops there are."""
        rows = self._connection.execute(
            select(workshops).where(*conditions).order_by(*order).limit(limit)
        ).all()
        if not rows:
            return []
        held: dict[str, list[Session]] = {}
        session_rows = self._connection.execute(
            select(sessions)
            .where(
                sessions.c.community == rows[0].community,
                sessions.c.workshop.in_([row.slug for row in rows]),
            )
            .order_by(sessions.c.starts_at)
        )
        for row in session_rows:
            held.setdefault(row.workshop, []).append(Session(row.starts_at, row.ends_at))
        places: dict[str, list[Site]] = {}
        site_rows = self._connection.execute(
            select(sites)
            .where(
                sites.c.community == rows[0].community,
                sites.c.workshop.in_([row.slug for row in rows]),
            )
            .order_by(sites.c.slug)
        )
        for row in site_rows:
            places.setdefault(row.workshop, []).append(_site(row))
        return [
            _workshop(row, tuple(held[row.slug]), tuple(places.get(row.slug, ()))) for row in rows
        ]


def _among(community: str, slugs: Collection[str] | None) -> list[ColumnElement[bool]]:
    of_community = workshops.c.community == community
    return [of_community] if slugs is None else [of_community, workshops.c.slug.in_(slugs)]


def _number(role: Role | None) -> int | None:
    return None if role is None else int(role)


def _site(row: Row[Any]) -> Site:
    return Site(row.slug, row.name, row.zone, row.country)


def _workshop(row: Row[Any], held: tuple[Session, ...], places: tuple[Site, ...]) -> Workshop:
    return Workshop(
        community=row.community,
        slug=row.slug,
        title=row.title,
        language=row.language,
        zone=row.zone,
        sessions=held,
        seats=row.seats,
        profile=row.profile,
        made_by=row.made_by,
        created_at=row.created_at,
        closed_at=row.closed_at,
        sites=places,
        reserved=row.reserved,
        reserved_at=row.reserved_at,
        message=row.message,
        promised=None if row.promised is None else Role(row.promised),
    )
