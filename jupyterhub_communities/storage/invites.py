"""Invites and redemptions in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from ..application.ports import FoundInvite, InviteSecrets, NamedCode, Redemption
from ..domain.grants import Role
from ..domain.invites import Batch, Invite, InviteKind
from ..domain.names import same_name
from ..domain.paging import Page, Part, part_of
from ..domain.workshops import WorkshopBrief
from .communities import community_of
from .many import EACH_ID, ONE, part, with_ids, with_rows
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
    .limit(ONE)
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
_NEWEST_FIRST = (invites.c.created_at.desc(), invites.c.id)
_LABEL = func.coalesce(invites.c.label, "")  # erased with whoever had it
_IS_UNCLAIMED = and_(invites.c.revoked_at.is_(None), invites.c.taken == 0)

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

    def of_community(self, community: str, workshop: str | None = None) -> Sequence[Invite]:
        query = select(invites).where(invites.c.community == community)
        if workshop is not None:
            query = query.where(invites.c.workshop == workshop)
        return self._all(query)

    def singles(self, community: str, workshop: str | None) -> Sequence[Invite]:
        query = select(invites).where(
            invites.c.community == community,
            invites.c.workshop == workshop,
            invites.c.batch.is_(None),
        )
        return self._all(query)

    def waited_for(self, community: str, workshop: str | None = None) -> Sequence[Invite]:
        waited_for = select(waiting.c.invite_id).where(waiting.c.ended_at.is_(None))
        query = select(invites).where(
            invites.c.community == community, invites.c.id.in_(waited_for)
        )
        if workshop is not None:
            query = query.where(invites.c.workshop == workshop)
        return self._all(query)

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
        rows = self._connection.execute(query.order_by(*_NEWEST_FIRST).limit(page.limit + 1))
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

    def batches(self, community: str, workshop: str | None) -> Sequence[Batch]:
        made_at = func.min(invites.c.created_at)
        query = (
            select(invites.c.batch, made_at, func.count(), func.sum(invites.c.taken))
            .where(
                invites.c.community == community,
                invites.c.workshop == workshop,
                invites.c.batch.is_not(None),
            )
            .group_by(invites.c.batch)
            .order_by(made_at.desc(), invites.c.batch)
        )
        return [Batch(*row) for row in self._connection.execute(query)]

    def one_of_batch(self, community: str, batch: str) -> Invite | None:
        query = select(invites).where(invites.c.community == community, invites.c.batch == batch)
        row = self._connection.execute(query.limit(1)).first()
        return None if row is None else _invite(row)

    def count_unclaimed(self, batch: str) -> int:
        query = select(func.count()).where(invites.c.batch == batch, _IS_UNCLAIMED)
        return self._connection.execute(query).scalar_one()

    def unclaimed_ids(self, batch: str) -> Sequence[str]:
        query = select(invites.c.id).where(invites.c.batch == batch, _IS_UNCLAIMED)
        return self._connection.execute(query).scalars().all()

    def unclaimed(self, batch: str, page: Page) -> Part[tuple[Invite, InviteSecrets]]:
        query = _unclaimed(batch).limit(page.limit + 1)
        if page.after is not None:
            label, last = page.after
            is_behind = or_(label < _LABEL, and_(label == _LABEL, invites.c.id > last))
            query = query.where(is_behind)
        found = self._with_secrets(query)
        return part_of(found, lambda one: (one[0].label or "", one[0].id), page)

    def unclaimed_from(
        self, batch: str, first: int, most: int
    ) -> Sequence[tuple[Invite, InviteSecrets]]:
        return self._with_secrets(_unclaimed(batch).offset(first - 1).limit(most))

    def secrets(self, invite_id: str) -> InviteSecrets:
        query = select(*_SECRETS).where(invites.c.id == invite_id)
        return InviteSecrets(*self._connection.execute(query).one())

    def add(self, invite: Invite, secrets: InviteSecrets) -> None:
        self._connection.execute(
            insert(invites).values(
                **_shared_values(invite),
                id=invite.id,
                label=invite.label,
                code_digest=secrets.code_digest,
                code_sealed=secrets.code_sealed,
                link_digest=secrets.link_digest,
                link_sealed=secrets.link_sealed,
            )
        )

    def add_batch(self, invite: Invite, codes: Sequence[NamedCode]) -> None:
        its = ("label", "code_digest", "code_sealed", "link_digest", "link_sealed")
        shared = _shared_values(invite)
        query = select(
            EACH_ID,
            *(part(number) for number in range(len(its))),
            *(literal(value, invites.c[name].type) for name, value in shared.items()),
        )
        self._connection.execute(
            insert(invites).from_select(["id", *its, *shared], query),
            with_rows({one.id: [one.label, *_written(one.secrets)] for one in codes}),
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

    def revoke(self, invite_ids: Iterable[str], now: datetime) -> None:
        self._update_each(invite_ids, revoked_at=now)

    def close(self, invite_ids: Iterable[str], now: datetime) -> None:
        self._update_each(invite_ids, closes_at=now)

    def close_all(self, community: str, workshop: str, now: datetime) -> None:
        self._connection.execute(
            update(invites)
            .where(
                invites.c.community == community,
                invites.c.workshop == workshop,
                or_(invites.c.closes_at.is_(None), invites.c.closes_at > now),
            )
            .values(closes_at=now)
        )

    def set_maker(self, invite_ids: Iterable[str], account_id: str) -> None:
        self._update_each(invite_ids, made_by=account_id)

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

    def _all(self, query: Select[Any]) -> Sequence[Invite]:
        rows = self._connection.execute(query.order_by(*_NEWEST_FIRST))
        return [_invite(row) for row in rows]

    def _with_secrets(self, query: Select[Any]) -> Sequence[tuple[Invite, InviteSecrets]]:
        rows = self._connection.execute(query)
        return [(_invite(row), _secrets_in(row)) for row in rows]

    def _update(self, invite_id: str, **values: object) -> None:
        self._connection.execute(update(invites).where(invites.c.id == invite_id).values(**values))

    def _update_each(self, invite_ids: Iterable[str], **values: object) -> None:
        each = update(invites).where(invites.c.id.in_(select(EACH_ID)))
        self._connection.execute(each.values(**values), with_ids(invite_ids))


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


def _unclaimed(batch: str) -> Select[Any]:
    return (
        select(invites)
        .where(invites.c.batch == batch, _IS_UNCLAIMED)
        .order_by(_LABEL, invites.c.id)
    )


def _shared_values(invite: Invite) -> dict[str, Any]:
    """All but its name and what opens it."""
    return {
        "community": invite.community,
        "workshop": invite.workshop,
        "site": invite.site,
        "role": int(invite.role),
        "kind": invite.kind.value,
        "batch": invite.batch,
        "seats": invite.seats,
        "opens_at": invite.opens_at,
        "closes_at": invite.closes_at,
        "lasts_until": invite.lasts_until,
        "lasts_seconds": None if invite.lasts is None else int(invite.lasts.total_seconds()),
        "paused_at": invite.paused_at,
        "is_by_hand": invite.is_by_hand,
        "bound_username": invite.bound_username,
        "made_by": invite.made_by,
        "created_at": invite.created_at,
    }


def _written(secrets: InviteSecrets) -> list[str]:
    return [secrets.code_digest, secrets.code_sealed, secrets.link_digest, secrets.link_sealed]


def _secrets_in(row: Row[Any]) -> InviteSecrets:
    return InviteSecrets(row.code_digest, row.code_sealed, row.link_digest, row.link_sealed)


def _usable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        invites.c.revoked_at.is_(None),
        or_(invites.c.closes_at.is_(None), invites.c.closes_at > now),
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
