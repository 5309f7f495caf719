"""What the API takes and answers about cohorts: shares, asks, loans, templates."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from ..application import cohorts, dividing
from ..application.asking import NewAsk
from ..application.lending import NewLoan
from ..application.templates import TemplateChoice, TemplatesView
from ..domain import asks, loans, templates
from .answers import Amounts, Answer, Texts, Time
from .models import Body, Language
from .models import Time as AskedTime

Amount = str | int
AskStateLabel = Literal["open", "granted", "declined", "lent", "withdrawn"]
_LONGEST_TEXT = 5000  # what is too long is told in words


class AskBody(Body):
    """`POST communities/{c}/asks`."""

    limit: str = Field(max_length=120, description="Such as `servers` or `server-time month`.")
    amount: Amount = Field(description="More than there is, as the operator's file writes it.")
    reason: str = Field(max_length=_LONGEST_TEXT)
    until: AskedTime | None = None

    def wanted(self) -> NewAsk:
        return NewAsk(self.limit, self.amount, self.reason, self.until)


class AnswerBody(Body):
    """`POST cohorts/{cohort}/asks/{ask}/answer`."""

    granted: bool
    answer: str = Field("", max_length=_LONGEST_TEXT)


class LoanBody(Body):
    """`POST communities/{c}/loans`."""

    to: str = Field(max_length=40)
    resource: str = Field(max_length=64)
    amount: Amount
    starts_at: AskedTime | None = None
    ends_at: AskedTime
    ask: str | None = Field(None, max_length=32)

    def wanted(self) -> NewLoan:
        return NewLoan(
            borrower=self.to,
            resource=self.resource,
            amount=self.amount,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            ask=self.ask,
        )


class TemplateBody(Body):
    """`POST communities/{c}/templates`."""

    workshop: str = Field(max_length=40)


class UseTemplateBody(Body):
    """`POST communities/{c}/templates/{t}/open`: what is left out is as in the template."""

    first_day: Annotated[date, Field(strict=False)]
    zone: str | None = Field(None, max_length=64)
    title: str | None = Field(None, min_length=1, max_length=500)
    language: Language | None = None
    profile: str | None = Field(None, max_length=64)

    def choice(self) -> TemplateChoice:
        return TemplateChoice(self.first_day, self.zone, self.title, self.language, self.profile)


# Answers


class Share(Answer):
    """Of one resource, in base units."""

    resource: str
    nominal: int | None = Field(description="With what is on loan now; null: unlimited.")
    held: int
    reserved: int
    borrowed: int = Field(description="Of others' idle capacity.")
    lent: int = Field(description="Of its idle capacity, to others.")
    loans_in: int
    loans_out: int
    idle: int | None

    @classmethod
    def of(cls, row: dividing.HeldRow) -> Share:
        return cls(
            resource=row.resource,
            nominal=row.owned,
            held=row.held,
            reserved=row.reserved,
            borrowed=row.borrowed,
            lent=row.lent,
            loans_in=row.received,
            loans_out=row.given,
            idle=row.idle,
        )


class CohortCommunity(Answer):
    community: str
    names: Texts
    shares: list[Share]
    spent: Amounts = Field(description="In this month.")


class Ask(Answer):
    id: str
    community: str
    limit: str
    amount: int
    reason: str
    until: Time | None
    asked_at: Time
    state: AskStateLabel
    answer: str | None
    answered_for: str | None = Field(description="The community that lends; null: the operator.")
    answered_at: Time | None

    @classmethod
    def of(cls, ask: asks.Ask) -> Ask:
        return cls(
            id=ask.id,
            community=ask.community,
            limit=ask.limit,
            amount=ask.amount,
            reason=ask.reason,
            until=ask.until,
            asked_at=ask.asked_at,
            state=ask.state.value,
            answer=ask.answer,
            answered_for=ask.answered_for,
            answered_at=ask.answered_at,
        )


class Loan(Answer):
    id: str
    lender: str
    borrower: str
    resource: str
    amount: int
    starts_at: Time
    ends_at: Time
    stopped_at: Time | None = Field(description="Given back or recalled before its time.")

    @classmethod
    def of(cls, loan: loans.Loan) -> Loan:
        return cls(
            id=loan.id,
            lender=loan.lender,
            borrower=loan.borrower,
            resource=loan.resource,
            amount=loan.amount,
            starts_at=loan.starts_at,
            ends_at=loan.ends_at,
            stopped_at=loan.stopped_at,
        )


class TemplateSession(Answer):
    day: int = Field(description="After the first one.")
    starts: str = Field(description="By the clock on the wall, such as 09:00.")
    last_day: int
    ends: str


class Template(Answer):
    id: str
    community: str
    title: str
    language: str
    zone: str
    sessions: list[TemplateSession]
    seats: int | None
    profile: str | None

    @classmethod
    def of(cls, template: templates.Template) -> Template:
        return cls(
            id=template.id,
            community=template.community,
            title=template.title,
            language=template.language,
            zone=template.zone,
            sessions=[
                TemplateSession(
                    day=one.day,
                    starts=f"{one.starts:%H:%M}",
                    last_day=one.last_day,
                    ends=f"{one.ends:%H:%M}",
                )
                for one in template.sessions
            ],
            seats=template.seats,
            profile=template.profile,
        )


class Templates(Answer):
    templates: list[Template]

    @classmethod
    def of(cls, view: TemplatesView) -> Templates:
        return cls(templates=[Template.of(one) for one in view.templates])


class Cohort(Answer):
    cohort: str
    communities: list[CohortCommunity]
    asks: list[Ask] = Field(description="Open ones first, then the latest.")
    loans: list[Loan] = Field(description="Those to come, those on now, and of the last 31 days.")
    templates: list[Template]

    @classmethod
    def of(cls, view: cohorts.CohortView) -> Cohort:
        return cls(
            cohort=view.cohort,
            communities=[
                CohortCommunity(
                    community=row.community.slug,
                    names=dict(row.community.names),
                    shares=[Share.of(one) for one in row.view.held],
                    spent=dict(row.spent),
                )
                for row in view.rows
            ],
            asks=[Ask.of(one) for one in view.asks],
            loans=[Loan.of(one) for one in view.loans],
            templates=[Template.of(one) for one in view.templates],
        )
