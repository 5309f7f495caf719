"""A community's numbers on their page and in the API, and the report that is made of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from markupsafe import Markup

from ..application.numbers import Numbers, view_numbers
from ..application.usage import Period, last_days
from ..domain.refusals import Refusal
from ..i18n.messages import messages_for, offered
from ..pages.language import current_messages, use_language
from ..pages.numbers import MOST_LISTED, facts_of, numbers_csv
from ..pages.refusals import status_of
from . import models, outcome_models
from .handling import ApiHandler, Table
from .operations import operation
from .pages import PageHandler
from .usage import Argument, asked_format, asked_period, choice_of, csv_file

USUAL_DAYS = 365


def _asked(argument: Argument, house: Any) -> Period:
    """By default the last year. Raises what `asked_period` raises."""
    if not choice_of(argument):
        return last_days(house.clock.now(), USUAL_DAYS)
    return asked_period(argument, house)


class NumbersApi(ApiHandler):
    paths = ("communities/{community}/numbers",)

    @operation(
        "What a community did: workshops, people, places, hours, cost",
        query=models.SpanQuery,
        answer=outcome_models.Numbers,
        as_csv=True,
    )
    async def get(self, community: str) -> outcome_models.Numbers | Table:
        argument = self.get_query_argument
        kind = asked_format(argument)
        period = _asked(argument, self.house)
        found = await self.run(view_numbers, self.actor, community, period)
        if kind == "json":
            return outcome_models.Numbers.of(found)
        return csv_file(self, "numbers", numbers_csv(found))


class _PeriodPage(PageHandler):
    """A page about some time, which a form chooses."""

    async def found(self, community: str) -> tuple[Numbers, str, int]:
        """The numbers; where the time cannot be read those of the last year, with what is wrong."""
        error, status = "", 200
        try:
            period = _asked(self.get_query_argument, self.house)
        except Refusal as refusal:
            error, status = self.say(refusal), status_of(refusal)
            period = last_days(self.house.clock.now(), USUAL_DAYS)
        return await self.run(view_numbers, self.actor, community, period), error, status


class NumbersPage(_PeriodPage):
    async def get(self, community: str) -> None:
        shown = await self.community(community)
        numbers, error, status = await self.found(community)
        self.draw(
            "numbers.html",
            status=status,
            community=shown,
            numbers=numbers,
            facts=facts_of(numbers, current_messages()),
            choice=choice_of(self.get_query_argument),
            zone=self.house.settings.zone,
            error=error,
        )


class ReportPage(_PeriodPage):
    """One sheet of paper for those who pay, in the language that they read."""

    async def get(self, community: str) -> None:
        shown = await self.community(community)
        numbers, error, status = await self.found(community)
        asked = self.get_query_argument("language", "")
        tag = asked if asked in offered() else current_messages().tag
        self.draw(
            "report.html",
            status=status,
            community=shown,
            sheet=Markup(self._sheet(numbers, tag)),
            choice=choice_of(self.get_query_argument),
            error=error,
            tag=tag,
            languages=[(messages_for(one).own_name, one) for one in offered()],
        )

    def _sheet(self, numbers: Numbers, tag: str) -> str:
        with use_language(tag):
            sheet: str = (
                self.settings["environment"]
                .get_template("report_sheet.html")
                .render(
                    community=numbers.community,
                    numbers=numbers,
                    facts=facts_of(numbers, current_messages(), hides_few=True),
                    listed=numbers.workshops[:MOST_LISTED],
                    others=max(0, len(numbers.workshops) - MOST_LISTED),
                    zone=self.house.settings.zone,
                    last=numbers.period.end - timedelta(seconds=1),
                    now=self.house.clock.now(),
                )
            )
        return sheet


_PLACE = r"communities/([a-z0-9-]+)"
API_HANDLERS: tuple[type[ApiHandler], ...] = (NumbersApi,)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_PLACE}/numbers", NumbersPage),
    (f"{_PLACE}/report", ReportPage),
]
