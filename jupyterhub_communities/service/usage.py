"""Usage over time: the period that is asked for, tables as JSON and CSV, and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..application.histories import (
    HeldHistory,
    held_history,
    plan_held,
    read_changes,
    spent_history,
)
from ..application.house import House
from ..application.usage import (
    BYS,
    MOST_DAYS,
    By,
    Period,
    last_days,
    period_of,
    usage_table,
)
from ..domain.grants import Actor
from ..domain.refusals import ChoiceInvalid, DateInvalid, PeriodInvalid
from ..domain.times import in_utc
from ..pages.headers import image_headers
from ..pages.language import current_messages
from ..pages.tables import held_csv, usage_csv
from . import answers, models
from .handling import ApiHandler, Table
from .operations import operation
from .pages import PageHandler

FORMATS = ("json", "csv")
Argument = Callable[[str, str], str]


def asked_period(argument: Argument, house: House) -> Period:
    """`days=7`, or `from` and `to`; by default the last 30 days. `days` goes first, for a form
    sends its fields with every button."""
    now = house.clock.now()
    if days := argument("days", ""):
        if not (days.isascii() and days.isdecimal()):
            raise PeriodInvalid(most=MOST_DAYS)
        return last_days(now, int(days[:9]))
    zone = ZoneInfo(house.settings.zone)
    first, last = argument("from", "").strip(), argument("to", "").strip()
    return period_of(now, read_time(first, zone), read_time(last, zone, is_last=True))


def choice_of(argument: Argument) -> dict[str, str]:
    """What was asked for, to be asked for again."""
    asked = {name: argument(name, "").strip()[:40] for name in ("days", "from", "to")}
    if asked["days"]:
        return {"days": asked["days"]}
    return {name: text for name, text in asked.items() if text}


def read_time(text: str, zone: ZoneInfo, *, is_last: bool = False) -> datetime | None:
    """A day in the hub's zone, the last one with its end; or a time with its offset. Raises
    `DateInvalid` for a year that nobody means too."""
    if not text:
        return None
    try:
        # In an address a plus sign is a space.
        found = datetime.fromisoformat(text.replace(" ", "+"))
        if found.tzinfo is None:
            day = date.fromisoformat(text) + timedelta(days=is_last)
            found = datetime.combine(day, time(), zone)
        return in_utc(found)
    except (ValueError, OverflowError) as error:
        raise DateInvalid(text=text[:40]) from error


def _choice(argument: Argument, name: str, choices: Sequence[str], default: str) -> Any:
    chosen = argument(name, default)
    if chosen not in choices:
        raise ChoiceInvalid(name=name, choices=tuple(choices))
    return chosen


def asked_format(argument: Argument) -> str:
    kind: str = _choice(argument, "format", FORMATS, "json")
    return kind


async def read_held(
    house: House,
    actor: Actor,
    community: str | None,
    workshop: str | None,
    resource: str,
    period: Period,
) -> HeldHistory:
    """In pieces, so that nobody waits for it."""
    plan = await house.run(plan_held, actor, community, workshop, resource, period)
    found = [await house.run(read_changes, plan, *piece) for piece in plan.pieces()]
    return await house.compute(held_history, plan, found)


class UsageApi(ApiHandler):
    paths = ("communities/{community}/usage", "hub/usage")

    @operation(
        "What was spent",
        query=models.UsageQuery,
        answer=answers.Usage,
        refuses=(404,),
        as_csv=True,
    )
    async def get(self, community: str | None = None) -> answers.Usage | Table:
        argument = self.get_query_argument
        by: By = _choice(argument, "by", BYS, "day")
        kind = asked_format(argument)
        period = asked_period(argument, self.house)
        workshop = argument("workshop", None)
        table = await self.run(
            usage_table, self.actor, community, period.start, period.end, by, workshop
        )
        return (
            answers.Usage.of(table) if kind == "json" else csv_file(self, "usage", usage_csv(table))
        )


class HeldApi(ApiHandler):
    paths = ("communities/{community}/held", "hub/held")

    @operation(
        "What was held of one resource over time",
        query=models.HeldQuery,
        answer=answers.HeldHistory,
        refuses=(404,),
        as_csv=True,
    )
    async def get(self, community: str | None = None) -> answers.HeldHistory | Table:
        argument = self.get_query_argument
        kind = asked_format(argument)
        period = asked_period(argument, self.house)
        workshop = argument("workshop", None)
        resource = argument("resource", "servers")
        place = (self.actor, community, workshop)
        history = await read_held(self.house, *place, resource, period)
        if kind == "json":
            return answers.HeldHistory.of(history)
        return csv_file(self, "held", held_csv(history, self.house.clock.now()))


def csv_file(handler: ApiHandler, name: str, csv: str) -> Table:
    handler.set_header("Content-Disposition", f'attachment; filename="{name}.csv"')
    return Table("\ufeff" + csv)


class PicturePage(PageHandler):
    """What was held or spent of one resource, as SVG."""

    async def get(self, what: str, community: str | None, workshop: str | None = None) -> None:
        from ..pages.pictures import draw_held, draw_spent  # pygal: not before somebody looks

        argument = self.get_query_argument
        period = asked_period(argument, self.house)
        place = (self.actor, community, workshop, argument("resource", ""), period)
        messages, zone = current_messages(), self.house.settings.zone
        size = {"is_narrow": argument("size", "") == "narrow"}
        if what == "held":
            held, now = await read_held(self.house, *place), self.house.clock.now()
            picture = await self.house.compute(draw_held, held, messages, zone, now, **size)
        else:
            spent = await self.run(spent_history, *place)
            picture = await self.house.compute(draw_spent, spent, messages, zone, **size)
        for name, value in image_headers().items():
            self.set_header(name, value)
        self.finish(picture)
