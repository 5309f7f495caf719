"""A workshop's rehearsal, on its page and in the API."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from tornado.web import HTTPError

from ..application.rehearsals import (
    Rehearsal,
    begin_rehearsal,
    end_rehearsal,
    tick,
    view_rehearsal,
)
from ..domain.refusals import NotFound
from . import board_answers, models
from .base import ServiceHandler
from .handling import ApiHandler
from .operations import operation
from .pages import PageHandler


async def end(handler: ServiceHandler, community: str, slug: str) -> None:
    for username in await handler.run(end_rehearsal, handler.actor, community, slug):
        await handler.push_groups(username)


class RehearsalPage(PageHandler):
    """Begun, ticked off and ended from the workshop's page."""

    async def get(self, community: str, slug: str) -> None:
        self.go(f"communities/{community}/workshops/{slug}")

    async def post(self, community: str, slug: str) -> None:
        place = (self.actor, community, slug)
        action = self.get_body_argument("action", "")
        if action == "begin":
            await self.run(begin_rehearsal, *place)
        elif action == "end":
            await end(self, community, slug)
        elif action in ("lesson", "language"):
            await self.run(tick, *place, action)
        else:
            raise HTTPError(HTTPStatus.BAD_REQUEST)
        self.go(f"communities/{community}/workshops/{slug}#rehearsal")

    async def draw_stale(self, *path: str) -> None:
        self.go(f"communities/{path[0]}/workshops/{path[1]}")


class RehearsalApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/rehearsal",)

    @operation("The rehearsal that goes on", answer=board_answers.Rehearsal)
    async def get(self, community: str, workshop: str) -> board_answers.Rehearsal:
        found = await self.run(view_rehearsal, self.actor, community, workshop)
        if found is None:
            raise NotFound(kind="rehearsal")
        return self._shown_as(found)

    @operation(
        "Begins a rehearsal, or gets the one that goes on",
        answer=board_answers.Rehearsal,
        refuses=(409,),
    )
    async def put(self, community: str, workshop: str) -> board_answers.Rehearsal:
        return self._shown_as(await self.run(begin_rehearsal, self.actor, community, workshop))

    @operation(
        "Ticks off what only a person can see",
        body=models.TickBody,
        answer=board_answers.Rehearsal,
    )
    async def patch(
        self, community: str, workshop: str, body: models.TickBody
    ) -> board_answers.Rehearsal:
        return self._shown_as(await self.run(tick, self.actor, community, workshop, body.step))

    @operation("Ends the rehearsal, and what it gave", status=HTTPStatus.NO_CONTENT)
    async def delete(self, community: str, workshop: str) -> None:
        await end(self, community, workshop)

    def _shown_as(self, found: Rehearsal) -> board_answers.Rehearsal:
        if not self.has_proved:
            found = replace(found, issued=None)
        link = None if found.issued is None else self.join_link(found.issued.link)
        return board_answers.Rehearsal.of(found, link)


API_HANDLERS: tuple[type[ApiHandler], ...] = (RehearsalApi,)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)/rehearsal", RehearsalPage),
]
