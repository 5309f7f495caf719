"""Quotas and usage in the API: read, divided, tried on the past days, exported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..application.communities import quota_lines
from ..application.dividing import QuotaView, ScopeView, set_quota, view_quota
from ..application.house import House
from ..application.simulating import Outcome, carry_out, prepare_trial, tell
from ..application.usage import (
    BYS,
    MOST_DAYS,
    PAGE,
    UsageTable,
    read_ended,
    read_running,
    together,
    usage_table,
)
from ..domain.grants import Actor
from ..domain.leases import Lease
from ..domain.refusals import LimitUnknown, PeriodInvalid, Refusal
from ..domain.units import write_amount
from ..domain.windows import write_window
from ..pages.language import current_messages, refine_language
from ..pages.quotas import violation_in_words
from ..pages.refusals import status_of
from ..pages.tables import usage_csv
from . import models
from .api import ApiHandler
from .pages import PageHandler


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
    changes: Mapping[str, object],
    days: int,
) -> Outcome:
    trial = await house.run(prepare_trial, actor, community, workshop, changes, days)
    history = await read_history(house, trial.reads, trial.since)
    found = await house.compute(carry_out, trial, history)
    return await house.run(tell, trial, found)


class QuotasApi(ApiHandler):
    """`communities/{c}/quotas` and `hub/quotas`."""

    async def get(self, community: str | None) -> None:
        workshop = self.get_query_argument("workshop", None)
        self.answer(view_json(await self.run(view_quota, self.actor, community, workshop)))

    async def put(self, community: str | None) -> None:
        body = self.body(models.QuotaBody)
        view = await self.run(set_quota, self.actor, community, body.workshop, body.limits)
        self.answer(view_json(view))


class SimulateApi(ApiHandler):
    async def post(self, community: str | None) -> None:
        body = self.body(models.SimulateBody)
        outcome = await simulate(
            self.house, self.actor, community, body.workshop, body.limits, body.days
        )
        self.answer(outcome_json(outcome))


class UsageApi(ApiHandler):
    """`communities/{c}/usage` and `hub/usage`: JSON, or CSV by `format=csv`."""

    async def get(self, community: str | None) -> None:
        by = self.get_query_argument("by", "day")
        if by not in BYS:
            raise PeriodInvalid(most=MOST_DAYS)
        start, end = (self._time(name) for name in ("from", "to"))
        table = await self.run(usage_table, self.actor, community, start, end, by)
        if self.get_query_argument("format", "json") != "csv":
            self.answer(usage_json(table))
            return
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="usage.csv"')
        self.finish("\ufeff" + usage_csv(table))

    def _time(self, name: str) -> datetime | None:
        """A day in the hub's zone, `to` with its end; or a time with its offset."""
        text = self.get_query_argument(name, "")
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
            day = date.fromisoformat(text) + timedelta(days=name == "to")
            zone = ZoneInfo(self.house.settings.zone)
            return datetime.combine(day, time(), zone).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise PeriodInvalid(most=MOST_DAYS) from error


def view_json(view: QuotaView) -> dict[str, Any]:
    return {
        **scope_json(view.here),
        "declared": view.is_declared,
        "below": [scope_json(one) for one in view.below],
    }


def scope_json(view: ScopeView) -> dict[str, Any]:
    """Amounts are whole base units; `limits` are as the file writes them."""
    return {
        "community": view.scope.community,
        "workshop": view.scope.workshop,
        "limits": quota_lines(view.quota),
        "held": {
            row.resource: {
                "limit": row.most,
                "held": row.held,
                "reserved": row.reserved,
                "borrowed": row.borrowed,
                "lent": row.lent,
                "left": row.left,
            }
            for row in view.held
        },
        "spent": [
            {
                "resource": row.spending.resource,
                "window": write_window(row.spending.allowance.window),
                "each": row.spending.is_each,
                "limit": row.spending.allowance.limit,
                "spent": row.spent,
                "left": row.left,
            }
            for row in view.spent
        ],
    }


def usage_json(table: UsageTable) -> dict[str, Any]:
    return {
        "from": table.start.isoformat(),
        "to": table.end.isoformat(),
        "by": table.by,
        "rows": [
            {"key": row.key, "name": row.name, "amounts": dict(row.amounts)} for row in table.rows
        ],
    }


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "days": outcome.days,
        "limits": dict(outcome.lines),
        "starts": outcome.starts,
        "refused": outcome.refused,
        "first": [
            {
                "at": one.at.isoformat(),
                "username": one.username,
                "name": one.name,
                "exceeded": [
                    {
                        "scope": v.scope,
                        "name": v.name,
                        "resource": v.resource,
                        "limit": v.limit,
                        "used": v.held,
                        "wanted": v.wanted,
                        "reserved": v.reserved,
                    }
                    for v in one.violations
                ],
                "would_fit": dict(one.would_fit) if one.would_fit else None,
            }
            for one in outcome.shown
        ],
    }


class QuotaPage(PageHandler):
    """Limits and what is held and spent; for those who may, other limits set, or tried first."""

    async def get(self, community: str | None, workshop: str | None = None) -> None:
        await self._draw(community, workshop)

    async def post(self, community: str | None, workshop: str | None = None) -> None:
        typed = self.get_body_argument("lines", "")[:4000]
        days = self.get_body_argument("days", "")
        place = (self.actor, community, workshop)
        try:
            lines = _read_typed(typed)
            if self.get_body_argument("action", "") == "set":
                await self.run(set_quota, *place, lines)
                self.go(self.request.path.removeprefix(self.settings["prefix"]))
                return
            known = quota_lines((await self.run(view_quota, *place)).here.quota)
            changes = {**dict.fromkeys(known), **lines}  # what is not there any more is taken away
            number = int(days[:3]) if days.isdecimal() else 0
            outcome = await simulate(self.house, *place, changes, number)
            await self._draw(community, workshop, typed, days, outcome=outcome)
        except Refusal as refusal:
            status, error = status_of(refusal), self.say(refusal)
            await self._draw(community, workshop, typed, days, error=error, status=status)

    async def draw_stale(self, *path: str) -> None:
        typed = self.get_body_argument("lines", "")[:4000]
        error = current_messages().gettext("Please send the form once more.")
        await self._draw(path[0], path[1] if len(path) > 1 else None, typed, error=error)

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
    ) -> None:
        view = await self.run(view_quota, self.actor, community, workshop)
        if view.here.community is not None:
            refine_language(community=view.here.community.language)
        now = quota_lines(view.here.quota)
        messages = current_messages()
        self.draw(
            "quota.html",
            status=status,
            view=view,
            base="hub" if community is None else f"communities/{community}",
            lines="\n".join(f"{k} = {v}" for k, v in now.items()) if typed is None else typed,
            days=days if days.isdecimal() else "30",
            error=error,
            outcome=outcome,
            zone=self.house.settings.zone,
            amount=lambda resource, n: "–" if n is None else write_amount(resource, n),
            window=lambda row: (
                write_window(row.spending.allowance.window)
                + (" each" if row.spending.is_each else "")
            ),
            violated=lambda violation: violation_in_words(violation, messages),
        )


def _read_typed(text: str) -> dict[str, object]:
    """Lines such as `memory = 64Gi`; what has no `=` is a limit that there is not."""
    lines: dict[str, object] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not equals:
            raise LimitUnknown(name=line.strip()[:60])
        if line.strip():
            lines[" ".join(name.split())] = value.strip()
    return lines


_PLACE = r"(?:communities/([a-z0-9-]+)|hub)"
API_ROUTES: list[tuple[str, type[ApiHandler]]] = [
    (f"{_PLACE}/quotas", QuotasApi),
    (f"{_PLACE}/quotas/simulate", SimulateApi),
    (f"{_PLACE}/usage", UsageApi),
]
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_PLACE}/quota", QuotaPage),
    (r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)/quota", QuotaPage),
]
