"""The pages of a cohort: who has what, asking for more, lending, workshops to share."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tornado.web import HTTPError

from ..application.asking import NewAsk, answer_ask, ask_for_more, view_ask, withdraw_ask
from ..application.cohorts import CohortView, cohort_of, view_cohort
from ..application.lending import NewLoan, end_loan, lend
from ..domain.asks import LONGEST_REASON, Ask, AskState
from ..domain.loans import Loan, LoanState
from ..domain.refusals import DateInvalid, NotFound, Refusal
from ..domain.units import SERVERS, example_of, write_amount
from ..pages.cohorts import (
    answer_in_words,
    ask_in_words,
    draw_shares,
    limit_in_words,
    loan_in_words,
)
from ..pages.headers import image_headers
from ..pages.language import current_messages
from ..pages.quotas import quantity_in_words, resource_in_words, spent_in_words
from ..pages.refusals import status_of
from .cohort_forms import MOST_TYPED, Form, FormPage
from .pages import PageHandler
from .usage import read_time


class CohortPage(PageHandler):
    """What each community has, asks for, lends and shares; and the answers."""

    async def get(self, cohort: str) -> None:
        await self._draw(cohort)

    async def post(self, cohort: str) -> None:
        action, one = (self.get_body_argument(name, "") for name in ("action", "id"))
        community = self.get_body_argument("community", "")
        try:
            if action in ("grant", "decline"):
                await self.run(
                    answer_ask,
                    self.actor,
                    cohort,
                    one,
                    self.get_body_argument("answer", "")[:MOST_TYPED],
                    is_granted=action == "grant",
                    expected={self.get_body_argument("version", "")},
                )
            elif action == "withdraw":
                await self.run(withdraw_ask, self.actor, community, one)
            elif action == "end":
                await self.run(end_loan, self.actor, community, one)
            else:
                raise HTTPError(400)
        except Refusal as refusal:
            typed = {one: self.get_body_argument("answer", "")[:MOST_TYPED]}
            await self._draw(cohort, refusal, typed)
            return
        self.go(f"cohorts/{cohort}")

    async def draw_stale(self, *path: str) -> None:
        self.redirect(self.request.path, status=303)

    async def _draw(
        self, cohort: str, refusal: Refusal | None = None, typed: dict[str, str] | None = None
    ) -> None:
        view: CohortView = await self.run(view_cohort, self.actor, cohort)
        messages, zone = current_messages(), self.house.settings.zone
        names, now = view.communities, self.house.clock.now()
        own = () if self.actor.is_operator else view.own
        resources = dict.fromkeys(one.resource for row in view.rows for one in row.view.held)
        self.draw(
            "cohort.html",
            status=200 if refusal is None else status_of(refusal),
            error="" if refusal is None else self.say(refusal),
            view=view,
            own=own,
            names={slug: one.name(messages.tag) for slug, one in names.items()},
            resources=list(resources),
            asks=[
                (
                    ask,
                    ask_in_words(ask, names[ask.community], zone, messages),
                    answer_in_words(ask, names.get(ask.answered_for or ""), zone, messages),
                )
                for ask in view.asks
            ],
            loans=[
                (
                    loan,
                    loan_in_words(loan, names[loan.lender], names[loan.borrower], zone, messages),
                    _who_ends(self, view, loan, now),
                    loan.state(now),
                )
                for loan in view.loans
            ],
            typed=typed or {},
            spent={
                row.community.slug: messages.listing(
                    spent_in_words(*one, messages) for one in row.spent.items() if one[1]
                )
                for row in view.rows
            },
            resource=lambda name: resource_in_words(name, messages),
            amount=lambda name, n: "–" if n is None else quantity_in_words(name, n, messages),
            is_open=lambda ask: ask.state is AskState.OPEN,
            longest=LONGEST_REASON,
            zone=zone,
        )


def _who_ends(handler: PageHandler, view: CohortView, loan: Loan, now: datetime) -> str:
    """The own community for which the reader can end a loan; empty for none."""
    state = loan.state(now)
    if state is LoanState.OVER:
        return ""
    if loan.borrower in view.own and not handler.actor.is_operator:
        return loan.borrower
    may_recall = state is LoanState.PLANNED or handler.actor.is_operator
    return loan.lender if loan.lender in view.own and may_recall else ""


class SharesPicture(PageHandler):
    """Who has what of one resource, as SVG."""

    async def get(self, cohort: str) -> None:
        view = await self.run(view_cohort, self.actor, cohort)
        resource = self.get_query_argument("resource", "")
        if not any(one.resource == resource for row in view.rows for one in row.view.held):
            raise NotFound(kind="resource")
        is_narrow = self.get_query_argument("size", "") == "narrow"
        messages = current_messages()
        picture = await self.house.compute(
            draw_shares, view.rows, resource, messages, is_narrow=is_narrow
        )
        for name, value in image_headers().items():
            self.set_header(name, value)
        self.finish(picture)


class CohortForm(FormPage):
    """A form that needs to know of the whole cohort."""

    async def cohort_view(self, community: str) -> CohortView:
        await self.community(community)
        cohort = await self.run(cohort_of, self.actor, community)
        return await self.run(view_cohort, self.actor, cohort)


class AskPage(CohortForm):
    """More is asked for, with a reason."""

    names = ("limit", "amount", "until", "reason")

    async def act(self, community: str, form: Form, *more: str) -> str:
        values, form.day = form.values, "until"
        until = read_time(values["until"], ZoneInfo(self.house.settings.zone), is_last=True)
        wanted = NewAsk(values["limit"], values["amount"], values["reason"], until)
        await self.run(ask_for_more, self.actor, community, wanted)
        return f"cohorts/{await self.run(cohort_of, self.actor, community)}#asks"

    async def draw_form(self, community: str, form: Form, *more: str, status: int = 200) -> None:
        view = await self.cohort_view(community)
        messages, zone = current_messages(), self.house.settings.zone
        limits = view.askable.get(community, {})
        self.draw(
            "ask.html",
            status=status,
            form=form,
            cohort=view.cohort,
            name=view.communities[community].name(messages.tag),
            limits={name: limit_in_words(name, zone, messages) for name in limits},
            example=example_of(next(iter(limits), SERVERS).partition(" ")[0]),
            has={name: write_amount(name.partition(" ")[0], most) for name, most in limits.items()},
            longest=LONGEST_REASON,
        )


class LendPage(CohortForm):
    """Dated hours are lent: for what another community has asked, or of one's own accord."""

    names = ("to", "resource", "amount", "from", "until", "ask")

    async def fresh(self, community: str, *more: str) -> Form:
        form = Form(dict.fromkeys(self.names, ""))
        ask = await self._asked(community, self.get_query_argument("ask", ""))
        if ask is not None:
            form.values.update(
                to=ask.community,
                resource=ask.resource,
                amount=write_amount(ask.resource, ask.amount),
                ask=ask.id,
            )
            if ask.until is not None:
                local = ask.until.astimezone(ZoneInfo(self.house.settings.zone))
                form.values["until"] = f"{local:%Y-%m-%dT%H:%M}"
        return form

    async def _asked(self, community: str, ask_id: str) -> Ask | None:
        if not ask_id:
            return None
        cohort = await self.run(cohort_of, self.actor, community)
        return await self.run(view_ask, self.actor, cohort, ask_id)

    async def act(self, community: str, form: Form, *more: str) -> str:
        values = form.values
        starts_at, ends_at = (self._moment(form, name) for name in ("from", "until"))
        if ends_at is None:
            raise DateInvalid(text="")
        wanted = NewLoan(
            borrower=values["to"],
            resource=values["resource"],
            amount=values["amount"],
            starts_at=starts_at,
            ends_at=ends_at,
            ask=values["ask"] or None,
        )
        loan = await self.run(lend, self.actor, community, wanted)
        return f"cohorts/{loan.cohort}#loans"

    def _moment(self, form: Form, name: str) -> datetime | None:
        """What a browser's field for a day and an hour says, by the hub's clocks."""
        typed, form.day = form.values[name], name
        if not typed:
            return None
        try:
            found = datetime.fromisoformat(typed)
        except ValueError as error:
            raise DateInvalid(text=typed[:40]) from error
        return found.replace(tzinfo=found.tzinfo or ZoneInfo(self.house.settings.zone))

    async def draw_form(self, community: str, form: Form, *more: str, status: int = 200) -> None:
        view = await self.cohort_view(community)
        messages, names = current_messages(), view.communities
        rows = [
            one for row in view.rows if row.community.slug == community for one in row.view.held
        ]
        self.draw(
            "lend.html",
            status=status,
            form=form,
            cohort=view.cohort,
            name=names[community].name(messages.tag),
            others={
                slug: one.name(messages.tag) for slug, one in names.items() if slug != community
            },
            owned={
                one.resource: resource_in_words(one.resource, messages)
                for one in rows
                if one.share is not None
            },
            has={
                one.resource: write_amount(one.resource, one.owned or 0)
                for one in rows
                if one.share is not None
            },
            zone=self.house.settings.zone,
        )


_SLUG = "([a-z0-9-]+)"
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"cohorts/{_SLUG}", CohortPage),
    (f"cohorts/{_SLUG}/shares\\.svg", SharesPicture),
    (f"communities/{_SLUG}/ask", AskPage),
    (f"communities/{_SLUG}/lend", LendPage),
]
