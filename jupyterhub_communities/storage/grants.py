"""Grants in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
    func,
    insert,
    or_,
    select,
    update,
)

from ..application.ports import GrantHistory
from ..domain.feedback import end_of
from ..domain.grants import CLOCK_SLACK, Grant, Role, Source
from ..domain.invites import InviteKind
from ..domain.names import same_name
from ..domain.paging import Page, Part, part_of
from .tables import (
    accounts,
    communities,
    grants,
    invites,
    redemptions,
    sessions,
    trainings,
    workshops,
)

_LAST_SESSION = (
    select(func.max(sessions.c.ends_at))
    .where(sessions.c.community == workshops.c.community, sessions.c.workshop == workshops.c.slug)
    .correlate(workshops)
    .scalar_subquery()
)
HISTORY_COLUMNS = (
    *(column.label(f"grant_{column.name}") for column in grants.c),
    communities.c.suspended_at.label("community_suspended_at"),
    workshops.c.language.label("workshop_language"),
    workshops.c.message.is_not(None).label("workshop_has_message"),
    workshops.c.closed_at.label("workshop_closed_at"),
    _LAST_SESSION.label("workshop_ends_at"),
)


def with_places(query: Select[Any]) -> Select[Any]:
    """With what `HISTORY_COLUMNS` tell of the grants' communities and workshops."""
    of_workshop = and_(
        workshops.c.community == grants.c.community, workshops.c.slug == grants.c.workshop
    )
    return (
        query.outerjoin(communities, communities.c.slug == grants.c.community)
        .outerjoin(workshops, of_workshop)
        .order_by(grants.c.starts_at, grants.c.id)
    )


def history_of(rows: Sequence[Row[Any]]) -> GrantHistory:
    """From rows of `HISTORY_COLUMNS`: one without a grant is somebody's who has none."""
    granted = [row for row in rows if row.grant_id is not None]
    return GrantHistory(
        grants=[_grant(row, prefix="grant_") for row in granted],
        suspended=frozenset(
            row.grant_community for row in granted if row.community_suspended_at is not None
        ),
        languages={row.grant_id: row.workshop_language for row in granted},
        with_message=frozenset(row.grant_id for row in granted if row.workshop_has_message),
        ends={
            row.grant_id: end_of(row.workshop_ends_at, row.workshop_closed_at)
            for row in granted
            if row.workshop_ends_at is not None
        },
    )


# Made once.
_HISTORY = with_places(
    select(*HISTORY_COLUMNS).select_from(grants).where(grants.c.account_id == bindparam("sought"))
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
        return history_of(self._connection.execute(_HISTORY, {"sought": account_id}).all())

    def of_community(
        self, community: str, now: datetime, workshop: str | None = None
    ) -> Sequence[Grant]:
        condition: ColumnElement[bool] = grants.c.community == community
        if workshop is not None:
            condition = and_(condition, grants.c.workshop == workshop)
        return self._unlapsed(condition, now)

    def people(self, community: str, now: datetime, page: Page, matching: str = "") -> Part[str]:
        at_community = case((grants.c.workshop.is_(None), grants.c.role), else_=int(Role.LEARNER))
        role = func.max(at_community)
        name, person = accounts.c.folded_name, accounts.c.id
        query = (
            select(role.label("role"), name.label("name"), person.label("id"))
            .join(accounts, accounts.c.id == grants.c.account_id)
            .where(grants.c.community == community, *unlapsed_at(now))
            .group_by(person, name)
            .order_by(role.desc(), name, person)
            .limit(page.limit + 1)
        )
        if matching:
            wanted = same_name(matching)
            query = query.where(
                or_(
                    accounts.c.folded_name.contains(wanted, autoescape=True),
                    func.lower(accounts.c.username).contains(wanted, autoescape=True),
                )
            )
        if page.after is not None:
            last_role, last_name, last = page.after
            query = query.having(
                or_(
                    role < last_role,
                    and_(role == last_role, name > last_name),
                    and_(role == last_role, name == last_name, person > last),
                )
            )
        found = self._connection.execute(query).all()
        return part_of(found, lambda row: (row.role, row.name, row.id), page).map(
            lambda row: str(row.id)
        )

    def champions(self, now: datetime) -> Sequence[Grant]:
        role = grants.c.role == int(Role.CHAMPION)
        return self._unlapsed(and_(role, grants.c.workshop.is_(None)), now)

    def of_people(
        self, community: str, account_ids: Collection[str], now: datetime
    ) -> Sequence[Grant]:
        condition = and_(grants.c.community == community, grants.c.account_id.in_(account_ids))
        return self._unlapsed(condition, now)

    def ever_of_workshop(self, community: str, workshop: str) -> Sequence[Grant]:
        rows = self._connection.execute(
            select(grants)
            .where(grants.c.community == community, grants.c.workshop == workshop)
            .order_by(grants.c.starts_at, grants.c.id)
        )
        return [_grant(row) for row in rows]

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
        query = select(func.count(grants.c.account_id.distinct())).where(*unlapsed_at(now))
        return self._connection.execute(query).scalar_one()

    def revoke(self, grant_ids: Iterable[str], now: datetime) -> None:
        wanted = list(grant_ids)
        if wanted:
            self._connection.execute(
                update(grants)
                .where(grants.c.id.in_(wanted), grants.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )

    def follow_workshop(
        self, community: str, workshop: str, *, until: datetime, latest: datetime, now: datetime
    ) -> None:
        redeemed = (
            select(grants.c.id, redemptions.c.redeemed_at, invites.c.lasts_seconds)
            .join(redemptions, redemptions.c.grant_id == grants.c.id)
            .join(invites, invites.c.id == redemptions.c.invite_id)
            .where(
                invites.c.community == community,
                invites.c.workshop == workshop,
                invites.c.kind != InviteKind.REHEARSAL.value,
                invites.c.lasts_until.is_not(None),
                grants.c.revoked_at.is_(None),
                grants.c.ends_at > now,
            )
        )
        execute = self._connection.execute
        all_ids = redeemed.with_only_columns(grants.c.id)
        execute(
            update(grants)
            .where(grants.c.id.in_(all_ids), grants.c.ends_at > latest)
            .values(ends_at=latest)
        )
        sooner = grants.c.ends_at < until
        with_it = all_ids.where(invites.c.lasts_seconds.is_(None))
        # By days of their own: from when each person came.
        rows = execute(redeemed.where(sooner, invites.c.lasts_seconds.is_not(None))).all()
        execute(update(grants).where(grants.c.id.in_(with_it), sooner).values(ends_at=until))
        if rows:
            execute(
                update(grants)
                .where(grants.c.id == bindparam("of"))
                .values(ends_at=bindparam("until")),
                [
                    {
                        "of": row.id,
                        "until": min(until, row.redeemed_at + timedelta(seconds=row.lasts_seconds)),
                    }
                    for row in rows
                ],
            )

    def move(self, from_account: str, to_account: str) -> None:
        self._connection.execute(
            update(grants).where(grants.c.account_id == from_account).values(account_id=to_account)
        )
        self._connection.execute(
            update(trainings)
            .where(trainings.c.account_id == from_account)
            .values(account_id=to_account)
        )

    def _unlapsed(self, condition: ColumnElement[bool], now: datetime) -> Sequence[Grant]:
        rows = self._connection.execute(
            select(grants)
            .where(condition, *unlapsed_at(now))
            .order_by(grants.c.starts_at, grants.c.id)
        )
        return [_grant(row) for row in rows]


def unlapsed_at(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        grants.c.revoked_at.is_(None),
        grants.c.starts_at <= now + CLOCK_SLACK,
        or_(grants.c.ends_at.is_(None), grants.c.ends_at > now),
    )


def _grant(row: Row[Any], prefix: str = "") -> Grant:
    def value(name: str) -> Any:
        return getattr(row, prefix + name)

    return Grant(
        id=value("id"),
        account_id=value("account_id"),
        role=Role(value("role")),
        community=value("community"),
        workshop=value("workshop"),
        site=value("site"),
        source=Source(value("source")),
        made_by=value("made_by"),
        starts_at=value("starts_at"),
        ends_at=value("ends_at"),
        revoked_at=value("revoked_at"),
    )
