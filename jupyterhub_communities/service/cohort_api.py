"""Cohorts in the API: shares looked at, more asked for and answered, hours lent, templates shared."""

from __future__ import annotations

from http import HTTPStatus

from ..application.asking import answer_ask, ask_for_more, view_ask, withdraw_ask
from ..application.cohorts import cohort_of, view_cohort
from ..application.lending import end_loan, lend
from ..application.templates import (
    share_template,
    unshare_template,
    use_template,
    view_templates,
)
from ..application.workshops import OpenedWorkshop
from . import answers
from .cohort_models import (
    AnswerBody,
    Ask,
    AskBody,
    Cohort,
    Loan,
    LoanBody,
    Template,
    TemplateBody,
    Templates,
    UseTemplateBody,
)
from .handling import ApiHandler
from .operations import operation

CREATED, NO_CONTENT = HTTPStatus.CREATED, HTTPStatus.NO_CONTENT


class CohortApi(ApiHandler):
    paths = ("cohorts/{cohort}", "communities/{community}/cohort")

    @operation(
        "What each community of a cohort has, asks for, lends and shares",
        answer=Cohort,
        refuses=(404, 409),
    )
    async def get(self, cohort: str | None = None, community: str | None = None) -> Cohort:
        if community is not None:
            cohort = await self.run(cohort_of, self.actor, community)
        return Cohort.of(await self.run(view_cohort, self.actor, cohort or ""))


class AskApi(ApiHandler):
    paths = ("cohorts/{cohort}/asks/{ask}",)

    @operation("What a community asks for, and its answer", answer=Ask, is_versioned=True)
    async def get(self, cohort: str, ask: str) -> Ask:
        found = await self.run(view_ask, self.actor, cohort, ask)
        self.version = found.version
        return Ask.of(found)


class AnswerApi(ApiHandler):
    paths = ("cohorts/{cohort}/asks/{ask}/answer",)

    @operation(
        "The operator's answer: granted, the limit is higher at once",
        body=AnswerBody,
        answer=Ask,
        refuses=(404, 409),
        is_versioned=True,
    )
    async def post(self, cohort: str, ask: str, body: AnswerBody) -> Ask:
        answered = await self.run(
            answer_ask,
            self.actor,
            cohort,
            ask,
            body.answer,
            is_granted=body.granted,
            expected=self.expected,
        )
        self.version = answered.version
        return Ask.of(answered)


class AsksApi(ApiHandler):
    paths = ("communities/{community}/asks",)

    @operation(
        "Asks the cohort and the operator for more, with a reason",
        body=AskBody,
        answer=Ask,
        status=CREATED,
        refuses=(404, 409),
        is_once=True,
    )
    async def post(self, community: str, body: AskBody) -> None:
        await self.make(
            lambda desk: ask_for_more(desk, self.actor, community, body.wanted()), Ask.of, body
        )


class OwnAskApi(ApiHandler):
    paths = ("communities/{community}/asks/{ask}",)

    @operation("Withdraws what was asked for", status=NO_CONTENT, refuses=(404, 409))
    async def delete(self, community: str, ask: str) -> None:
        await self.run(withdraw_ask, self.actor, community, ask)


class LoansApi(ApiHandler):
    paths = ("communities/{community}/loans",)

    @operation(
        "Lends dated hours of what the community owns to another one of its cohort",
        body=LoanBody,
        answer=Loan,
        status=CREATED,
        refuses=(404, 409),
        is_once=True,
    )
    async def post(self, community: str, body: LoanBody) -> None:
        await self.make(
            lambda desk: lend(desk, self.actor, community, body.wanted()), Loan.of, body
        )


class LoanApi(ApiHandler):
    paths = ("communities/{community}/loans/{loan}",)

    @operation(
        "Gives it back, or takes it back before it has begun",
        status=NO_CONTENT,
        refuses=(404, 409),
    )
    async def delete(self, community: str, loan: str) -> None:
        await self.run(end_loan, self.actor, community, loan)


class TemplatesApi(ApiHandler):
    paths = ("communities/{community}/templates",)

    @operation("Workshops that communities of the cohort share", answer=Templates, refuses=(409,))
    async def get(self, community: str) -> Templates:
        return Templates.of(await self.run(view_templates, self.actor, community))

    @operation(
        "Shares a workshop that was held with the cohort, without its people",
        body=TemplateBody,
        answer=Template,
        status=CREATED,
        refuses=(404, 409),
        is_once=True,
    )
    async def post(self, community: str, body: TemplateBody) -> None:
        await self.make(
            lambda desk: share_template(desk, self.actor, community, body.workshop),
            Template.of,
            body,
        )


class TemplateApi(ApiHandler):
    paths = ("communities/{community}/templates/{template}",)

    @operation("Shares it no longer", status=NO_CONTENT, refuses=(404, 409))
    async def delete(self, community: str, template: str) -> None:
        await self.run(unshare_template, self.actor, community, template)


class UseTemplateApi(ApiHandler):
    paths = ("communities/{community}/templates/{template}/open",)

    @operation(
        "Opens a workshop of one's own community from a template",
        body=UseTemplateBody,
        answer=answers.OpenedWorkshop,
        status=CREATED,
        refuses=(404, 409),
        is_once=True,
        asks_again=True,
    )
    async def post(self, community: str, template: str, body: UseTemplateBody) -> None:
        def show(opened: OpenedWorkshop) -> answers.OpenedWorkshop:
            invite = self.issued(opened.learner_invite)
            return answers.OpenedWorkshop.opened(opened.workshop, self.house.clock.now(), invite)

        await self.make(
            lambda desk: use_template(desk, self.actor, community, template, body.choice()),
            show,
            body,
            at=lambda opened: f"communities/{community}/workshops/{opened.workshop.slug}",
        )


API_HANDLERS: tuple[type[ApiHandler], ...] = (
    CohortApi,
    AskApi,
    AnswerApi,
    AsksApi,
    OwnAskApi,
    LoansApi,
    LoanApi,
    TemplatesApi,
    TemplateApi,
    UseTemplateApi,
)
