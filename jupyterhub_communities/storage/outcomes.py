"""Who trained whom, answers without names, and what a community's numbers are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from ..application.ports import AskedWorkshop
from ..domain.feedback import Feedback, Followed
from ..domain.grants import Role
from ..domain.invites import InviteKind
from ..domain.paging import Page, Part, part_of
from ..domain.training import Training
from .grants import unlapsed_at
from .tables import (
    feedback,
    feedback_marks,
    grants,
    invites,
    redemptions,
    sessions,
    trainings,
    workshops,
)

_W = workshops.c
_ASKED = (_W.community, _W.slug, _W.title, _W.language, _W.closed_at)
_LAST = func.max(sessions.c.ends_at)
# Made once: every home page asks it.
_NOT_MARKED = (
    select(*_ASKED, _LAST.label("ends_at"))
    .join(sessions, and_(sessions.c.community == _W.community, sessions.c.workshop == _W.slug))
    .where(
        tuple_(_W.community, _W.slug).in_(bindparam("places", expanding=True)),
        or_(_W.closed_at.is_(None), _W.closed_at > bindparam("since")),
        ~_W.is_told,
        ~exists().where(
            feedback_marks.c.account_id == bindparam("account"),
            feedback_marks.c.community == _W.community,
            feedback_marks.c.workshop == _W.slug,
        ),
    )
    .group_by(*_ASKED)
    .having(bindparam("since") < _LAST)
    .order_by(_LAST, _W.slug)
)


class SqlTrainings:
    def __init__(self, connection: Connection):
        self._connection = connection

    def of_workshop(
        self, community: str, workshop: str, account_ids: Collection[str]
    ) -> Sequence[Training]:
        return self._found(
            select(trainings).where(
                trainings.c.community == community,
                trainings.c.workshop == workshop,
                trainings.c.account_id.in_(account_ids),
            )
        )

    def page(self, community: str, page: Page) -> Part[Training]:
        query = select(trainings).where(trainings.c.community == community)
        if page.after is not None:
            at, last = datetime.fromisoformat(page.after[0]), page.after[1]
            query = query.where(
                or_(trainings.c.at < at, and_(trainings.c.at == at, trainings.c.id > last))
            )
        found = self._found(query.limit(page.limit + 1))
        return part_of(found, lambda one: (one.at.isoformat(), one.id), page)

    def _found(self, query: Select[Any]) -> list[Training]:
        rows = self._connection.execute(query.order_by(trainings.c.at.desc(), trainings.c.id))
        return [
            Training(
                id=row.id,
                account_id=row.account_id,
                community=row.community,
                workshop=row.workshop,
                role=Role(row.role),
                trained_by=row.trained_by,
                at=row.at,
            )
            for row in rows
        ]

    def add(self, training: Training) -> None:
        self._connection.execute(
            insert(trainings).values(
                id=training.id,
                account_id=training.account_id,
                community=training.community,
                workshop=training.workshop,
                role=int(training.role),
                trained_by=training.trained_by,
                at=training.at,
            )
        )


class SqlAnswered:
    def __init__(self, connection: Connection):
        self._connection = connection

    def mark(self, community: str, workshop: str, account_id: str) -> bool:
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        marked = self._connection.execute(
            dialect.insert(feedback_marks)
            .values(account_id=account_id, community=community, workshop=workshop)
            .on_conflict_do_nothing()
            .returning(feedback_marks.c.account_id)  # an INSERT has no count on PostgreSQL
        )
        return marked.first() is not None

    def is_marked(self, community: str, workshop: str, account_id: str) -> bool:
        query = select(feedback_marks.c.account_id).where(
            feedback_marks.c.account_id == account_id,
            feedback_marks.c.community == community,
            feedback_marks.c.workshop == workshop,
        )
        return self._connection.execute(query).first() is not None

    def add(self, answer_id: str, community: str, workshop: str, answer: Feedback) -> None:
        self._connection.execute(
            insert(feedback).values(
                id=answer_id,
                community=community,
                workshop=workshop,
                useful=answer.useful,
                followed=answer.followed.value,
                missing=answer.missing,
            )
        )

    def of_workshop(self, community: str, workshop: str) -> Sequence[Feedback]:
        query = (
            select(feedback)
            .where(feedback.c.community == community, feedback.c.workshop == workshop)
            .order_by(feedback.c.id)
        )
        return [
            Feedback(row.useful, Followed(row.followed), row.missing)
            for row in self._connection.execute(query)
        ]

    def is_told(self, community: str, workshop: str) -> bool:
        query = select(workshops.c.is_told).where(
            workshops.c.community == community, workshops.c.slug == workshop
        )
        return bool(self._connection.execute(query).scalar_one_or_none())

    def set_told(self, community: str, workshop: str) -> None:
        self._connection.execute(
            update(workshops)
            .where(workshops.c.community == community, workshops.c.slug == workshop)
            .values(is_told=True)
        )

    def unanswered(self, community: str, workshop: str, now: datetime) -> int:
        marked = exists().where(
            feedback_marks.c.account_id == grants.c.account_id,
            feedback_marks.c.community == community,
            feedback_marks.c.workshop == workshop,
        )
        learners = (
            select(grants.c.account_id)
            .where(
                grants.c.community == community,
                grants.c.workshop == workshop,
                *unlapsed_at(now),
                ~marked,
            )
            .group_by(grants.c.account_id)
            .having(func.max(grants.c.role) == int(Role.LEARNER))
        )
        query = select(func.count()).select_from(learners.subquery())
        return self._connection.execute(query).scalar_one()

    def not_marked(
        self, account_id: str, places: Collection[tuple[str, str]], since: datetime
    ) -> Sequence[AskedWorkshop]:
        if not places:
            return []
        asked = {"account": account_id, "places": sorted(places), "since": since}
        return [
            AskedWorkshop(**row._mapping) for row in self._connection.execute(_NOT_MARKED, asked)
        ]


class SqlSums:
    def __init__(self, connection: Connection):
        self._connection = connection

    def learners(self, community: str, slugs: Collection[str]) -> int:
        rehearsing = (
            select(redemptions.c.grant_id)
            .join(invites, invites.c.id == redemptions.c.invite_id)
            .where(
                invites.c.community == community,
                invites.c.kind == InviteKind.REHEARSAL.value,
                redemptions.c.grant_id.is_not(None),
            )
        )
        query = select(func.count(grants.c.account_id.distinct())).where(
            grants.c.community == community,
            grants.c.workshop.in_(slugs),
            grants.c.role == int(Role.LEARNER),
            grants.c.revoked_at.is_(None),
            grants.c.id.not_in(rehearsing),
        )
        return self._connection.execute(query).scalar_one()

    def trained(self, community: str, start: datetime, end: datetime) -> Mapping[Role, int]:
        query = (
            select(trainings.c.role, func.count())
            .where(
                trainings.c.community == community,
                trainings.c.at >= start,
                trainings.c.at < end,
            )
            .group_by(trainings.c.role)
        )
        return {Role(role): number for role, number in self._connection.execute(query)}
