"""Workshops in the API beyond opening and closing: changed, cloned, attendance, the staff's message."""

from __future__ import annotations

import re
from datetime import date
from http import HTTPStatus
from typing import Any

from pydantic import Field

from ..application.attendance import Attendance, attendance
from ..application.changing import WorkshopChange, change_workshop, view_to_change
from ..application.cloning import CloneChoice, clone_workshop
from ..application.issuing import KEEP
from ..application.messages import set_message
from ..domain.grants import Verb, may
from ..domain.refusals import WorkshopClosed
from ..domain.versions import Expected
from ..domain.workshops import MOST_SESSIONS, Session
from ..pages.tables import attendance_csv
from . import models
from .api import ApiHandler, WorkshopApi
from .usage import asked_format, send

_TAG = re.compile(r'"([^"]*)"')


class WorkshopChangeBody(models.Body):
    """`PATCH communities/{c}/workshops/{w}`: what is left out stays."""

    title: str = Field("", min_length=1, max_length=500)
    language: models.Language = ""
    zone: str = Field("", max_length=64)
    profile: str | None = Field(None, max_length=64)
    seats: models.Seats | None = None
    sessions: list[models.SessionBody] = Field([], min_length=1, max_length=MOST_SESSIONS)
    reserved: bool = False

    def change(self) -> WorkshopChange:
        def said(name: str) -> Any:
            return getattr(self, name) if name in self.model_fields_set else KEEP

        sessions = said("sessions")
        if sessions is not KEEP:
            sessions = tuple(Session(one.starts_at, one.ends_at) for one in sessions)
        return WorkshopChange(
            title=said("title"),
            language=said("language"),
            zone=said("zone"),
            profile=said("profile"),
            seats=said("seats"),
            sessions=sessions,
            is_reserved=said("reserved"),
        )


class CloneBody(models.Body):
    """`POST communities/{c}/workshops/{w}/clone`: what is left out is as it was."""

    first_day: date
    title: str | None = Field(None, min_length=1, max_length=500)
    reserved: bool | None = None


class MessageBody(models.Body):
    """`PUT communities/{c}/workshops/{w}/message`."""

    message: str = Field(max_length=5000)


class ChangeableWorkshopApi(WorkshopApi):
    """A workshop, changed. Who may do that finds its version in `ETag`, for `If-Match`."""

    _version = ""

    async def get(self, community: str, slug: str) -> None:
        if may(self.actor, Verb.CHANGE_WORKSHOP, community, slug):
            try:
                workshop = await self.run(view_to_change, self.actor, community, slug)
            except WorkshopClosed:
                pass  # nobody changes it any more
            else:
                self._version = workshop.version
        await super().get(community, slug)

    async def patch(self, community: str, slug: str) -> None:
        change = self.body(WorkshopChangeBody).change()
        place = (self.actor, community, slug)
        await self.run(change_workshop, *place, change, expected=self._expected())
        await self.get(community, slug)

    def _expected(self) -> Expected:
        header = self.request.headers.get("If-Match")
        if header is None or header.strip() == "*":
            return None
        return frozenset(tag.partition(".")[0] for tag in _TAG.findall(header))

    def compute_etag(self) -> str | None:
        """With the version first: others who join change the answer, but not what a change is
        about."""
        whole = super().compute_etag()
        if whole is None or not self._version:
            return whole
        return f'"{self._version}.{whole.strip(chr(34))}"'


class CloneApi(ApiHandler):
    async def post(self, community: str, slug: str) -> None:
        body = self.body(CloneBody)
        choice = CloneChoice(body.first_day, body.title, body.reserved)
        opened = await self.run(clone_workshop, self.actor, community, slug, choice)
        workshop = opened.workshop
        path = f"communities/{community}/workshops/{workshop.slug}"
        self.set_header("Location", f"{self.settings['prefix']}api/v1/{path}")
        self.answer(
            {
                **models.workshop_json(workshop, self.house.clock.now()),
                "invite": self.issued(opened.learner_invite),
            },
            status=HTTPStatus.CREATED,
        )


class AttendanceApi(ApiHandler):
    """Who joined, as JSON, or CSV by `format=csv`."""

    async def get(self, community: str, slug: str) -> None:
        kind = asked_format(self.get_query_argument)
        found = await self.run(attendance, self.actor, community, slug)
        send(
            self, kind, f"attendance-{slug}", attendance_json(found), lambda: attendance_csv(found)
        )


class MessageApi(ApiHandler):
    async def put(self, community: str, slug: str) -> None:
        text = self.body(MessageBody).message
        workshop = await self.run(set_message, self.actor, community, slug, text)
        self.answer({"message": workshop.message})

    async def delete(self, community: str, slug: str) -> None:
        await self.run(set_message, self.actor, community, slug, "")
        self.set_status(HTTPStatus.NO_CONTENT)


def attendance_json(found: Attendance) -> models.Json:
    """Times are those of UTC."""
    return {
        "workshop": found.workshop.slug,
        "people": [
            {
                "username": one.account.username,
                "display_name": one.account.display_name,
                "role": one.role.label,
                "site": one.site,
                "joined_at": one.joined_at.isoformat(),
                "first_start": one.first_start.isoformat() if one.first_start else None,
                "last_start": one.last_start.isoformat() if one.last_start else None,
                "server_time": one.server_time,
            }
            for one in found.people
        ],
    }


_PLACE = r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)"
API_ROUTES: list[tuple[str, type[ApiHandler]]] = [
    (_PLACE, ChangeableWorkshopApi),
    (f"{_PLACE}/clone", CloneApi),
    (f"{_PLACE}/attendance", AttendanceApi),
    (f"{_PLACE}/message", MessageApi),
]
