"""What the communities of a cohort ask for, lend to one another, and share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from ..domain.asks import Ask, AskState
from ..domain.loans import Loan
from ..domain.templates import Hours, Template
from .tables import asks, loans, workshop_templates

_T = workshop_templates


class SqlAsks:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, ask_id: str) -> Ask | None:
        row = self._connection.execute(select(asks).where(asks.c.id == ask_id)).one_or_none()
        return None if row is None else _ask(row)

    def of_communities(self, communities: Collection[str], limit: int) -> Sequence[Ask]:
        query = (
            select(asks)
            .where(asks.c.community.in_(communities))
            .order_by(asks.c.state != AskState.OPEN, asks.c.asked_at.desc(), asks.c.id)
            .limit(limit)
        )
        return [_ask(row) for row in self._connection.execute(query)]

    def count_open(self, community: str) -> int:
        return self.open_by_community().get(community, 0)

    def open_by_community(self) -> Mapping[str, int]:
        query = (
            select(asks.c.community, func.count())
            .where(asks.c.state == AskState.OPEN)
            .group_by(asks.c.community)
        )
        return {slug: number for slug, number in self._connection.execute(query)}

    def add(self, ask: Ask) -> None:
        self._connection.execute(
            insert(asks).values(
                id=ask.id,
                community=ask.community,
                quota=ask.limit,
                amount=ask.amount,
                had=ask.had,
                reason=ask.reason,
                until=ask.until,
                asked_by=ask.asked_by,
                asked_at=ask.asked_at,
                state=ask.state.value,
            )
        )

    def answer(self, ask: Ask) -> bool:
        changed = self._connection.execute(
            update(asks)
            .where(asks.c.id == ask.id, asks.c.state == AskState.OPEN)
            .values(
                state=ask.state.value,
                answer=ask.answer,
                answered_for=ask.answered_for,
                answered_at=ask.answered_at,
            )
        )
        return bool(changed.rowcount)


class SqlLoans:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, loan_id: str) -> Loan | None:
        row = self._connection.execute(select(loans).where(loans.c.id == loan_id)).one_or_none()
        return None if row is None else loan_of(row)

    def of_community(self, community: str, now: datetime) -> Sequence[Loan]:
        is_its = or_(loans.c.lender == community, loans.c.borrower == community)
        return self._found(and_(is_its, loans.c.ends_at > now, loans.c.stopped_at.is_(None)))

    def of_cohort(self, cohort: str, since: datetime) -> Sequence[Loan]:
        return self._found(and_(loans.c.cohort == cohort, loans.c.ends_at > since))

    def all(self, since: datetime) -> Sequence[Loan]:
        return self._found(loans.c.ends_at > since)

    def add(self, loan: Loan) -> None:
        self._connection.execute(
            insert(loans).values(
                id=loan.id,
                cohort=loan.cohort,
                lender=loan.lender,
                borrower=loan.borrower,
                resource=loan.resource,
                amount=loan.amount,
                starts_at=loan.starts_at,
                ends_at=loan.ends_at,
                made_at=loan.made_at,
            )
        )

    def stop(self, loan: Loan) -> bool:
        changed = self._connection.execute(
            update(loans)
            .where(loans.c.id == loan.id, loans.c.stopped_at.is_(None))
            .values(ends_at=loan.ends_at, stopped_at=loan.stopped_at)
        )
        return bool(changed.rowcount)

    def _found(self, are_wanted: ColumnElement[bool]) -> list[Loan]:
        query = select(loans).where(are_wanted).order_by(loans.c.starts_at.desc(), loans.c.id)
        return [loan_of(row) for row in self._connection.execute(query)]


class SqlTemplates:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, template_id: str) -> Template | None:
        row = self._connection.execute(select(_T).where(_T.c.id == template_id)).one_or_none()
        return None if row is None else _template(row)

    def of_communities(self, communities: Collection[str]) -> Sequence[Template]:
        query = select(_T).where(_T.c.community.in_(communities)).order_by(_T.c.title, _T.c.id)
        return [_template(row) for row in self._connection.execute(query)]

    def add(self, template: Template) -> None:
        self._connection.execute(
            insert(_T).values(
                id=template.id,
                community=template.community,
                workshop=template.workshop,
                title=template.title,
                language=template.language,
                zone=template.zone,
                sessions=[
                    [one.day, one.starts.isoformat(), one.last_day, one.ends.isoformat()]
                    for one in template.sessions
                ],
                seats=template.seats,
                profile=template.profile,
                shared_at=template.shared_at,
            )
        )

    def remove(self, template_id: str) -> None:
        self._connection.execute(delete(_T).where(_T.c.id == template_id))


def _ask(row: Row[Any]) -> Ask:
    return Ask(
        id=row.id,
        community=row.community,
        limit=row.quota,
        amount=row.amount,
        had=row.had,
        reason=row.reason,
        until=row.until,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        state=AskState(row.state),
        answer=row.answer,
        answered_for=row.answered_for,
        answered_at=row.answered_at,
    )


def loan_of(row: Row[Any]) -> Loan:
    return Loan(
        id=row.id,
        cohort=row.cohort,
        lender=row.lender,
        borrower=row.borrower,
        resource=row.resource,
        amount=row.amount,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        made_at=row.made_at,
        stopped_at=row.stopped_at,
    )


def _template(row: Row[Any]) -> Template:
    return Template(
        id=row.id,
        community=row.community,
        workshop=row.workshop,
        title=row.title,
        language=row.language,
        zone=row.zone,
        sessions=tuple(
            Hours(day, time.fromisoformat(starts), last_day, time.fromisoformat(ends))
            for day, starts, last_day, ends in row.sessions
        ),
        seats=row.seats,
        profile=row.profile,
        shared_at=row.shared_at,
    )
