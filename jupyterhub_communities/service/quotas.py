"""Quotas on their page and in the API: read, divided, tried on the past days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from ..application.communities import quota_lines
from ..application.dividing import QuotaView, once_each, set_quota, view_quota
from ..application.histories import spent_in
from ..application.house import House
from ..application.simulating import Outcome, carry_out, prepare_trial, tell
from ..application.usage import PAGE, last_days, read_ended, read_running, together
from ..domain.grants import Actor, Verb, may
from ..domain.leases import Lease
from ..domain.refusals import LimitUnknown, Refusal, VersionOutdated
from ..domain.units import SERVER_TIME
from ..i18n.messages import Messages
from ..pages.language import current_messages, refine_language
from ..pages.quotas import (
    quantity_in_words,
    resource_in_words,
    spent_in_words,
    violation_in_a_table,
    window_in_words,
)
from ..pages.refusals import status_of
from . import answers, models
from .handling import ApiHandler
from .operations import operation
from .pages import PageHandler
from .usage import HeldApi, PicturePage, UsageApi, asked_period, choice_of


async def read_history(house: House, community: str | None, since: datetime) -> list[Lease]:
    """In pieces, so that nobody waits for it."""
    running = await house.run(read_running, community)
    ended: list[Lease] = []
    while True:
        page = await house.run(read_ended, community, since, ended[-1] if ended else None)
        ended += page
        if len(page) < PAGE:
            return together(running, ended)


async def simulate(
    house: House,
    actor: Actor,
    community: str | None,
    workshop: str | None,
    lines: Mapping[str, object],
    days: int,
    *,
    are_all: bool = False,
) -> Outcome:
    place = (actor, community, workshop)
    trial = await house.run(prepare_trial, *place, lines, days, are_all=are_all)
    history = await read_history(house, trial.reads, trial.since)
    found = await house.compute(carry_out, trial, history)
    return await house.run(tell, trial, found)


class QuotasApi(ApiHandler):
    paths = ("communities/{community}/quotas", "hub/quotas")

    @operation(
        "Limits of a place, with what it holds and spent",
        query=models.PlaceQuery,
        answer=answers.Quotas,
        refuses=(404,),
        is_versioned=True,
    )
    async def get(self, community: str | None = None) -> answers.Quotas:
        workshop = self.get_query_argument("workshop", None)
        return self.shown(await self.run(view_quota, self.actor, community, workshop))

    @operation(
        "Sets all limits of a place",
        body=models.QuotaBody,
        answer=answers.Quotas,
        refuses=(404, 409),
        is_versioned=True,
    )
    async def put(self, body: models.QuotaBody, community: str | None = None) -> answers.Quotas:
        place = (self.actor, community, body.workshop)
        return self.shown(await self.run(set_quota, *place, body.limits, expected=self.expected))

    def shown(self, view: QuotaView) -> answers.Quotas:
        self.version = view.here.version
        return answers.Quotas.viewed(view)


class SimulateApi(ApiHandler):
    paths = ("communities/{community}/quotas/simulate", "hub/quotas/simulate")

    @operation(
        "Tries other limits on the past days, which changes nothing",
        body=models.SimulateBody,
        answer=answers.Outcome,
        refuses=(404,),
    )
    async def post(
        self, body: models.SimulateBody, community: str | None = None
    ) -> answers.Outcome:
        outcome = await simulate(
            self.house, self.actor, community, body.workshop, body.limits, body.days
        )
        return answers.Outcome.of(outcome)


class QuotaPage(PageHandler):
    """Limits and what is held and spent; for those who may, other limits set, or tried first."""

    async def get(self, community: str | None, workshop: str | None = None) -> None:
        await self._draw(community, workshop)

    async def post(self, community: str | None, workshop: str | None = None) -> None:
        typed = self.get_body_argument("lines", "")[:4000]
        days = self.get_body_argument("days", "")
        version = self.get_body_argument("version", "")
        place = (self.actor, community, workshop)
        try:
            lines = _read_typed(typed)
            if self.get_body_argument("action", "") == "set":
                await self.run(set_quota, *place, lines, expected={version})
                self.go(self.request.path.removeprefix(self.settings["prefix"]))
                return
            number = int(days[:3]) if days.isdecimal() else 0
            outcome = await simulate(self.house, *place, lines, number, are_all=True)
            await self._draw(community, workshop, typed, days, outcome=outcome, version=version)
        except VersionOutdated as refusal:
            # With the version as it is now: they see what stands, and the next time counts.
            status = status_of(refusal)
            await self._draw(community, workshop, typed, days, is_outdated=True, status=status)
        except Refusal as refusal:
            status, error = status_of(refusal), self.say(refusal)
            await self._draw(
                community, workshop, typed, days, error=error, status=status, version=version
            )

    async def draw_stale(self, *path: str) -> None:
        typed = self.get_body_argument("lines", "")[:4000]
        error = current_messages().gettext("Please send the form once more.")
        workshop = path[1] if len(path) > 1 else None
        version = self.get_body_argument("version", "")
        await self._draw(path[0], workshop, typed, error=error, version=version)

    async def _draw(
        self,
        community: str | None,
        workshop: str | None,
        typed: str | None = None,
        days: str = "30",
        *,
        status: int = 200,
        error: str = "",
        outcome: Outcome | None = None,
        version: str | None = None,
        is_outdated: bool = False,
    ) -> None:
        """`version`: of the limits when the form was drawn first; None: as they are now."""
        place = (self.actor, community, workshop)
        view = await self.run(view_quota, *place)
        if view.here.community is not None:
            refine_language(community=view.here.community.language)
        now = quota_lines(view.here.quota)
        messages, zone = current_messages(), self.house.settings.zone
        choice, period_error = choice_of(self.get_query_argument) or {"days": "30"}, ""
        try:
            period = asked_period(self.get_query_argument, self.house)
        except Refusal as refusal:
            status, period_error = status_of(refusal), self.say(refusal)
            period = last_days(self.house.clock.now(), 30)
        spent = {} if period_error else await self.run(spent_in, *place, period)
        known = "\n".join(f"{k} = {v}" for k, v in now.items())
        limited = {SERVER_TIME, *(row.spending.resource for row in view.here.spent)}
        is_used = bool(spent) or any(row.held for row in view.here.held)
        self.draw(
            "quota.html",
            status=status,
            view=view,
            place=_path(community, workshop),
            base=_path(community, None),
            lines=known if typed is None else typed,
            version=view.here.version if version is None else version,
            stands=known if is_outdated else None,
            days=days if days.isdecimal() else "30",
            error=error,
            outcome=outcome,
            zone=zone,
            period=period,
            period_error=period_error,
            choice=choice,
            presets=PRESETS,
            spent=messages.listing(spent_in_words(*one, messages) for one in spent.items()),
            held_shown=[row.resource for row in view.here.held] if is_used else [],
            spent_shown=[name for name in spent if name in limited],
            bys=_bys(self.actor, community, workshop, messages),
            resource=lambda name: resource_in_words(name, messages),
            amount=lambda name, n: "–" if n is None else quantity_in_words(name, n, messages),
            window=lambda row: window_in_words(row.spending.allowance.window, zone, messages),
            violated=lambda violation: violation_in_a_table(violation, messages),
            query=lambda **more: urlencode({**choice, **more, "lang": messages.tag}),
        )


PRESETS = (1, 7, 30, 90)  # days that can be looked at with one click


def _path(community: str | None, workshop: str | None) -> str:
    if community is None:
        return "hub"
    return f"communities/{community}" + (f"/workshops/{workshop}" if workshop else "")


def _bys(
    actor: Actor, community: str | None, workshop: str | None, messages: Messages
) -> dict[str, str]:
    """What the rows of the exported table can be, as far as the place has it."""
    names = {
        "day": messages.gettext("Day"),
        # TRANSLATORS: A table of usage can have one row for each.
        "hour": messages.gettext("Hour"),
        # TRANSLATORS: A table of usage can have one row for each.
        "month": messages.gettext("Month"),
        # TRANSLATORS: A table of usage can have one row for each.
        "profile": messages.gettext("Profile"),
    }
    if community is None:
        # TRANSLATORS: A table of usage can have one row for each.
        names["community"] = messages.gettext("Community")
    elif workshop is None:
        # TRANSLATORS: A table of usage can have one row for each.
        names["workshop"] = messages.gettext("Workshop")
    if community is None or may(actor, Verb.VIEW_USAGE_OF_PEOPLE, community):
        # TRANSLATORS: A table of usage can have one row for each.
        names["person"] = messages.gettext("Person")
    return names


def _read_typed(text: str) -> dict[str, object]:
    """Lines such as `memory = 64Gi`; what has no `=` is a limit that there is not."""
    lines: list[tuple[str, object]] = []
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not (equals and name.strip()):
            raise LimitUnknown(name=line.strip()[:60])
        if line.strip():
            lines.append((" ".join(name.split()), value.strip()))
    return once_each(lines)


_PLACE = r"(?:communities/([a-z0-9-]+)|hub)"
_NAMED = r"(?:hub|communities/(?P<community>[a-z0-9-]+)(?:/workshops/(?P<workshop>[a-z0-9-]+))?)"
_WORKSHOP = r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)"
API_HANDLERS: tuple[type[ApiHandler], ...] = (QuotasApi, SimulateApi, UsageApi, HeldApi)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_PLACE}/quota", QuotaPage),
    (f"{_WORKSHOP}/quota", QuotaPage),
    (f"{_NAMED}/(?P<what>held|spent)\\.svg", PicturePage),
]
