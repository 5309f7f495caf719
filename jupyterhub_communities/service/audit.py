"""The audit trail on its page and in the API: filtered, page by page, and all of it as a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from tornado.web import HTTPError

from ..application.trail import Trail, view_summary, view_trail
from ..domain.audit import WHOLE_TRAIL, TrailFilter
from ..domain.grants import Verb, may
from ..domain.paging import Part, part_of_all
from ..domain.refusals import ChoiceInvalid, Refusal
from ..pages.audit import (
    COLUMNS,
    OF_THE_HUB,
    SENTENCES,
    action_in_words,
    entry_json,
    entry_row,
    shown_entries,
)
from ..pages.language import current_messages
from ..pages.refusals import status_of
from ..pages.tables import csv_text
from . import answers, models
from .base import ServiceHandler
from .handling import ApiHandler
from .operations import operation
from .outcome_models import Month
from .pages import PageHandler
from .usage import FORMATS, read_time

MOST = 1000  # entries that are read at once for a file
_LONGEST = 200  # characters of a field that are looked for, and drawn again
_FIELDS = ("from", "to", "action", "person", "subject")
_HIGHEST = 2**31 - 1  # of an id


def asked_fields(handler: ServiceHandler) -> dict[str, str]:
    """What was asked for, as it was typed."""
    asked = {
        name: handler.get_query_argument(name, "").strip()[:_LONGEST].replace("\0", "")
        for name in _FIELDS
    }
    return {name: text for name, text in asked.items() if text}


def asked_filter(handler: ServiceHandler) -> TrailFilter:
    """What it means. Raises `DateInvalid`."""
    asked = asked_fields(handler)
    zone = ZoneInfo(handler.house.settings.zone)
    return TrailFilter(
        start=read_time(asked.get("from", ""), zone),
        end=read_time(asked.get("to", ""), zone, is_last=True),
        action=asked.get("action"),
        person=asked.get("person"),
        subject=asked.get("subject"),
    )


def asked_place(handler: ServiceHandler) -> dict[str, int]:
    """Where in the trail: `before` or `after` an id."""
    for name in ("before", "after"):
        if text := handler.get_query_argument(name, ""):
            return {name: _id(text)}
    return {}


def _id(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text[:12]) > _HIGHEST:
        raise HTTPError(400)
    return int(text[:12])


class AuditApi(ApiHandler):
    paths = ("communities/{community}/audit", "hub/audit")

    @operation(
        "What was changed, newest first; with `format` all that is found, as a file",
        query=models.AuditQuery,
        answer=list[answers.AuditEntry],
        as_csv=True,
    )
    async def get(self, community: str | None = None) -> Part[answers.AuditEntry] | None:
        wanted, page = asked_filter(self), self.page
        if kind := self.get_query_argument("format", ""):
            self.need_proof()
            if kind not in FORMATS:
                raise ChoiceInvalid(name="format", choices=FORMATS)
            await send_all(self, community, wanted, kind)
            return None
        before = None if page.after is None else page.after[0]
        trail = await self.run(
            view_trail, self.actor, community, wanted, before=before, limit=page.limit
        )
        messages = current_messages()
        shown = [
            answers.AuditEntry(**entry_json(entry, trail, messages)) for entry in trail.entries
        ]
        return Part(tuple(shown), None if trail.older is None else (trail.older,))


class AuditSummaryApi(ApiHandler):
    """For every member."""

    paths = ("communities/{community}/audit/summary",)

    @operation(
        "How often each thing was done in each month, newest first; null for fewer than five",
        answer=list[Month],
    )
    async def get(self, community: str) -> Part[Month]:
        summary = await self.run(view_summary, self.actor, community)
        part = part_of_all(summary.items(), lambda one: (-int(one[0].timestamp()),), self.page)
        return part.map(lambda one: Month(start=one[0], actions=dict(one[1])))


async def send_all(
    handler: ServiceHandler, community: str | None, wanted: TrailFilter, kind: str
) -> None:
    """All that the filter finds, newest first, as it is read: it may be more than fits in memory."""
    parts = _parts(handler, community, wanted)
    trail = await anext(parts)  # a refusal comes before the first byte
    messages = current_messages()
    types = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
    handler.set_header("Content-Type", types[kind])
    handler.set_header("Content-Disposition", f'attachment; filename="audit.{kind}"')
    # The mark tells spreadsheets that it is UTF-8.
    handler.write("\ufeff" + csv_text([COLUMNS]) if kind == "csv" else "[")
    is_first = True
    while True:
        if kind == "csv":
            handler.write(csv_text(entry_row(entry, trail, messages) for entry in trail.entries))
        for entry in trail.entries if kind == "json" else ():
            text = json.dumps(entry_json(entry, trail, messages), ensure_ascii=False)
            handler.write(("\n" if is_first else ",\n") + text)
            is_first = False
        await handler.flush()
        try:
            trail = await anext(parts)
        except StopAsyncIteration:
            break
    handler.finish("" if kind == "csv" else "\n]\n")


async def _parts(
    handler: ServiceHandler, community: str | None, wanted: TrailFilter
) -> AsyncIterator[Trail]:
    before: int | None = None
    while True:
        trail = await handler.run(
            view_trail, handler.actor, community, wanted, before=before, limit=MOST
        )
        yield trail
        if trail.older is None:
            return
        before = trail.older


class AuditPage(PageHandler):
    """For champions the trail, for the other members what was done how often."""

    async def get(self, community: str | None) -> None:
        shown = None if community is None else await self.community(community)
        if community is not None and not may(self.actor, Verb.VIEW_AUDIT, community):
            await self._draw_summary(community, shown)
            return
        messages, zone = current_messages(), self.house.settings.zone
        status, error, place = 200, "", asked_place(self)
        try:
            wanted = asked_filter(self)
        except Refusal as refusal:
            status, error, wanted = status_of(refusal), self.say(refusal), WHOLE_TRAIL
        trail = await self.run(view_trail, self.actor, community, wanted, **place)
        asked = asked_fields(self)
        actions = SENTENCES.keys() - (() if community is None else OF_THE_HUB)
        self.draw(
            "audit.html",
            status=status,
            community=shown,
            base="hub" if community is None else f"communities/{community}",
            entries=shown_entries(trail, messages, zone),
            trail=trail,
            asked=asked,
            error=error,
            zone=zone,
            actions=sorted(
                ((action, action_in_words(action, messages)) for action in actions),
                key=lambda pair: pair[1],
            ),
            query=lambda **more: urlencode({**asked, **more}),
        )

    async def _draw_summary(self, community: str, shown: Any) -> None:
        summary = await self.run(view_summary, self.actor, community)
        messages = current_messages()
        self.draw(
            "audit_summary.html",
            community=shown,
            months=[
                (
                    messages.month(start),
                    sorted((action_in_words(action, messages), n) for action, n in counts.items()),
                )
                for start, counts in summary.items()
            ],
        )


_PLACE = r"(?:communities/([a-z0-9-]+)|hub)"
API_HANDLERS: tuple[type[ApiHandler], ...] = (AuditApi, AuditSummaryApi)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [(f"{_PLACE}/audit", AuditPage)]
