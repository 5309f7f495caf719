"""Invites and redemptions in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from ..application.ports import FoundInvite, InviteSecrets, Redemption
from ..domain.grants import Role
from ..domain.invites import Invite, InviteKind
from ..domain.names import same_name
from ..domain.paging import Page, Part, part_of
from ..domain.workshops import WorkshopBrief
from .communities import community_of
from .tables import accounts, communities, grants, invites, redemptions, sites, waiting, workshops

# Made once: asked at every sign-in with a code.
_BY_DIGEST = (
    select(
        invites,
        *(column.label(f"community_{column.name}") for column in communities.c),
        workshops.c.title.label("workshop_title"),
        workshops.c.language.label("workshop_language"),
        func.coalesce(sites.c.zone, workshops.c.zone).label("workshop_zone"),
        exists()
        .where(waiting.c.invite_id == invites.c.id, waiting.c.ended_at.is_(None))
        .label("has_line"),
    )
    .outerjoin(communities, communities.c.slug == invites.c.community)
    .outerjoin(
        workshops,
        and_(workshops.c.community == invites.c.community, workshops.c.slug == invites.c.workshop),
    )
    .outerjoin(
        sites,
        and_(
            sites.c.community == invites.c.community,
            sites.c.workshop == invites.c.workshop,
            sites.c.slug == invites.c.site,
        ),
    )
    .where(
        or_(
            invites.c.code_digest == bindparam("sought"),
            invites.c.link_digest == bindparam("sought"),
        )
    )
)
_BY_ATTEMPT = select(redemptions).where(
    redemptions.c.invite_id == bindparam("invite"),
    redemptions.c.attempt_digest == bindparam("sought"),
)
_OF_NAME = (
    select(redemptions.c.id)
    .join(accounts, accounts.c.id == redemptions.c.account_id)
    .where(
        redemptions.c.invite_id == bindparam("invite"), accounts.c.folded_name == bindparam("name")
    )
    .limit(1)
)
_TAKE_SEAT = (
    update(invites)
    .where(
        invites.c.id == bindparam("invite"),
        or_(invites.c.seats.is_(None), invites.c.taken < invites.c.seats),
    )
    .values(taken=invites.c.taken + 1)
)
_ADD_REDEMPTION = insert(redemptions)


_SECRETS = (
    invites.c.code_digest,
    invites.c.code_sealed,
    invites.c.link_digest,
    invites.c.link_sealed,
)


class SqlInvites:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, invite_id: str) -> Invite | None:
        return self._one(invites.c.id == invite_id)

    def by_digest(self, digest: str) -> FoundInvite | None:
        row = self._connection.execute(_BY_DIGEST, {"sought": digest}).one_or_none()
        return None if row is None else _found(row)

    def sealed(self) -> Sequence[str]:
        query, at = select(invites.c.code_sealed), invites.c.created_at
        ends = (query.order_by(order).limit(1) for order in (at, at.desc()))
        found = (self._connection.execute(end).scalar_one_or_none() for end in ends)
        return [sealed for sealed in found if sealed is not None]

    def of_community(
        self, community: str, workshop: str | None = None, kind: InviteKind | None = None
    ) -> Sequence[Invite]:
        query = select(invites).where(invites.c.community == community)
        if kind is not None:
            query = query.where(invites.c.kind == kind.value)
        if workshop is not None:
            query = query.where(invites.c.workshop == workshop)
        rows = self._connection.execute(query.order_by(invites.c.created_at.desc(), invites.c.id))
        return [_invite(row) for row in rows]

    def page(self, community: str, page: Page) -> Part[Invite]:
        query = select(invites).where(invites.c.community == community)
        if page.after is not None:
            made_at, last = datetime.fromisoformat(page.after[0]), page.after[1]
            query = query.where(
                or_(
                    invites.c.created_at < made_at,
                    and_(invites.c.created_at == made_at, invites.c.id > last),
                )
            )
        rows = self._connection.execute(
            query.order_by(invites.c.created_at.desc(), invites.c.id).limit(page.limit + 1)
        )
        found = [_invite(row) for row in rows]
        return part_of(found, lambda one: (one.created_at.isoformat(), one.id), page)

    def learner_seats(self, community: str, workshop: str) -> int | None:
        is_open = invites.c.revoked_at.is_(None)
        query = select(
            func.coalesce(func.sum(case((is_open, invites.c.seats), else_=invites.c.taken)), 0),
            func.count().filter(is_open, invites.c.seats.is_(None)),
        ).where(
            invites.c.community == community,
            invites.c.workshop == workshop,
            invites.c.role == int(Role.LEARNER),
            invites.c.kind != InviteKind.REHEARSAL.value,
        )
        seats, without_number = self._connection.execute(query).one()
        return None if without_number else int(seats)

    def one_of_batch(self, community: str, batch: str) -> str | None:
        query = select(invites.c.id).where(
            invites.c.community == community, invites.c.batch == batch
        )
        return self._connection.execute(query.limit(1)).scalar_one_or_none()

    def unclaimed(
        self, community: str, batch: str, *, begin: int = 0, limit: int | None = None
    ) -> Sequence[Invite]:
        rows = self._connection.execute(
            select(invites)
            .where(*_unclaimed(community, batch))
            .order_by(invites.c.label, invites.c.id)
            .offset(begin)
            .limit(limit)
        )
        return [_invite(row) for row in rows]

    def count_unclaimed(self, community: str, batch: str) -> int:
        query = select(func.count()).select_from(invites).where(*_unclaimed(community, batch))
        return self._connection.execute(query).scalar_one()

    def secrets(self, invite_id: str) -> InviteSecrets:
        query = select(*_SECRETS).where(invites.c.id == invite_id)
        return InviteSecrets(*self._connection.execute(query).one())

    def secrets_of(self, invite_ids: Collection[str]) -> Mapping[str, InviteSecrets]:
        query = select(invites.c.id, *_SECRETS).where(invites.c.id.in_(invite_ids))
        return {one: InviteSecrets(*rest) for one, *rest in self._connection.execute(query)}

    def add(self, invite: Invite, secrets: InviteSecrets) -> None:
        self._connection.execute(
            insert(invites).values(
                id=invite.id,
                community=invite.community,
                workshop=invite.workshop,
                site=invite.site,
                role=int(invite.role),
                kind=invite.kind.value,
                batch=invite.batch,
                label=invite.label,
                seats=invite.seats,
                opens_at=invite.opens_at,
                closes_at=invite.closes_at,
                lasts_until=invite.lasts_until,
                lasts_seconds=None if invite.lasts is None else int(invite.lasts.total_seconds()),
                paused_at=invite.paused_at,
                is_by_hand=invite.is_by_hand,
                bound_username=invite.bound_username,
                made_by=invite.made_by,
                created_at=invite.created_at,
                code_digest=secrets.code_digest,
                code_sealed=secrets.code_sealed,
                link_digest=secrets.link_digest,
                link_sealed=secrets.link_sealed,
            )
        )

    def take_seat(self, invite_id: str) -> bool:
        taken = self._connection.execute(_TAKE_SEAT, {"invite": invite_id})
        return taken.rowcount == 1

    def give_back(self, invite_id: str, seats: int) -> None:
        if seats:
            self._connection.execute(
                update(invites)
                .where(invites.c.id == invite_id)
                .values(taken=invites.c.taken - seats)
            )

    def set_secrets(self, invite_id: str, secrets: InviteSecrets) -> None:
        self._update(
            invite_id,
            code_digest=secrets.code_digest,
            code_sealed=secrets.code_sealed,
            link_digest=secrets.link_digest,
            link_sealed=secrets.link_sealed,
        )

    def change(self, invite: Invite) -> None:
        self._update(
            invite.id,
            seats=invite.seats,
            opens_at=invite.opens_at,
            closes_at=invite.closes_at,
            paused_at=invite.paused_at,
            is_by_hand=invite.is_by_hand,
            made_by=invite.made_by,
        )

    def made_by(self, account_id: str, now: datetime) -> Sequence[Invite]:
        rows = self._connection.execute(
            select(invites).where(invites.c.made_by == account_id, *_usable(now))
        )
        return [_invite(row) for row in rows]

    def revoke(self, invite_id: str, now: datetime) -> None:
        self._update(invite_id, revoked_at=now)

    def close(self, invite_id: str, now: datetime) -> None:
        self._update(invite_id, closes_at=now)

    def follow_workshop(
        self,
        community: str,
        workshop: str,
        *,
        before: datetime,
        ends_at: datetime,
        lasts: timedelta,
    ) -> None:
        its = update(invites).where(
            invites.c.community == community,
            invites.c.workshop == workshop,
            invites.c.kind != InviteKind.REHEARSAL.value,
        )
        self._connection.execute(its.where(invites.c.closes_at == before).values(closes_at=ends_at))
        self._connection.execute(
            its.where(invites.c.lasts_until.is_not(None)).values(lasts_until=ends_at + lasts)
        )

    def makers_among(self, account_ids: Iterable[str], now: datetime) -> Sequence[str]:
        query = select(invites.c.made_by).where(
            invites.c.made_by.in_(list(account_ids)), *_usable(now)
        )
        return self._connection.execute(query.distinct()).scalars().all()

    def is_any_usable(self, now: datetime) -> bool:
        query = select(invites.c.id).where(
            *_usable(now),
            or_(invites.c.seats.is_(None), invites.c.taken < invites.c.seats),
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _one(self, condition: ColumnElement[bool]) -> Invite | None:
        row = self._connection.execute(select(invites).where(condition)).one_or_none()
        return None if row is None else _invite(row)

    def _update(self, invite_id: str, **values: object) -> None:
        self._connection.execute(update(invites).where(invites.c.id == invite_id).values(**values))


class SqlRedemptions:
    def __init__(self, connection: Connection):
        self._connection = connection

    def by_attempt(self, invite_id: str, attempt_digest: str) -> Redemption | None:
        values = {"invite": invite_id, "sought": attempt_digest}
        row = self._connection.execute(_BY_ATTEMPT, values).one_or_none()
        return None if row is None else _redemption(row)

    def by_account(self, invite_id: str, account_id: str) -> Redemption | None:
        return self._one(invite_id, redemptions.c.account_id == account_id)

    def has_name(self, invite_id: str, name: str) -> bool:
        values = {"invite": invite_id, "name": same_name(name)}
        return self._connection.execute(_OF_NAME, values).first() is not None

    def release_lapsed(self, invite_id: str, now: datetime) -> int:
        lapsed = (
            select(grants.c.id)
            .where(
                grants.c.id == redemptions.c.grant_id,
                or_(grants.c.revoked_at.is_not(None), grants.c.ends_at <= now),
            )
            .exists()
        )
        released = self._connection.execute(
            update(redemptions)
            .where(
                redemptions.c.invite_id == invite_id, redemptions.c.released_at.is_(None), lapsed
            )
            .values(released_at=now)
        )
        return released.rowcount

    def grant_ids(self, invite_id: str) -> Sequence[str]:
        query = select(redemptions.c.grant_id).where(
            redemptions.c.invite_id == invite_id, redemptions.c.grant_id.is_not(None)
        )
        return self._connection.execute(query).scalars().all()

    def invites_of(self, grant_ids: Iterable[str]) -> Sequence[str]:
        query = select(redemptions.c.invite_id).where(redemptions.c.grant_id.in_(list(grant_ids)))
        return self._connection.execute(query.distinct()).scalars().all()

    def renew(self, redemption: Redemption) -> None:
        self._connection.execute(
            update(redemptions)
            .where(redemptions.c.id == redemption.id)
            .values(
                attempt_digest=redemption.attempt_digest,
                grant_id=redemption.grant_id,
                redeemed_at=redemption.redeemed_at,
                released_at=None,
            )
        )

    def last_at(self, account_id: str) -> datetime | None:
        query = (
            select(redemptions.c.redeemed_at)
            .where(redemptions.c.account_id == account_id)
            .order_by(redemptions.c.redeemed_at.desc())
            .limit(1)
        )
        return self._connection.execute(query).scalar_one_or_none()

    def add(self, redemption: Redemption) -> None:
        values = {
            "id": redemption.id,
            "invite_id": redemption.invite_id,
            "account_id": redemption.account_id,
            "attempt_digest": redemption.attempt_digest,
            "grant_id": redemption.grant_id,
            "redeemed_at": redemption.redeemed_at,
        }
        self._connection.execute(_ADD_REDEMPTION, values)

    def _one(self, invite_id: str, condition: ColumnElement[bool]) -> Redemption | None:
        row = self._connection.execute(
            select(redemptions).where(redemptions.c.invite_id == invite_id, condition)
        ).one_or_none()
        return None if row is None else _redemption(row)


def _redemption(row: Row[tuple[object, ...]]) -> Redemption:
    return Redemption(
        id=row.id,
        invite_id=row.invite_id,
        account_id=row.account_id,
        attempt_digest=row.attempt_digest,
        grant_id=row.grant_id,
        redeemed_at=row.redeemed_at,
        released_at=row.released_at,
    )


def _found(row: Row[tuple[object, ...]]) -> FoundInvite:
    workshop = None
    if row.workshop_title is not None:
        workshop = WorkshopBrief(row.workshop_title, row.workshop_language, row.workshop_zone)
    return FoundInvite(
        invite=_invite(row),
        community=None if row.community_slug is None else community_of(row, "community_"),
        workshop=workshop,
        has_line=row.has_line,
    )


def _usable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        invites.c.revoked_at.is_(None),
        or_(invites.c.closes_at.is_(None), invites.c.closes_at > now),
    )


def _unclaimed(community: str, batch: str) -> tuple[ColumnElement[bool], ...]:
    return (
        invites.c.community == community,
        invites.c.batch == batch,
        invites.c.revoked_at.is_(None),
        invites.c.taken == 0,
    )


def _invite(row: Row[tuple[object, ...]]) -> Invite:
    return Invite(
        id=row.id,
        community=row.community,
        workshop=row.workshop,
        site=row.site,
        role=Role(row.role),
        kind=InviteKind(row.kind),
        seats=row.seats,
        taken=row.taken,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        lasts_until=row.lasts_until,
        made_by=row.made_by,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        bound_username=row.bound_username,
        batch=row.batch,
        label=row.label,
        lasts=None if row.lasts_seconds is None else timedelta(seconds=row.lasts_seconds),
        paused_at=row.paused_at,
        is_by_hand=row.is_by_hand,
    )
