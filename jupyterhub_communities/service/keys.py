"""The service's pages about people's keys: a new one approved, a double retired, a notice read."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

from tornado.httpclient import HTTPError as FetchError
from tornado.web import HTTPError

from ..application.doubles import retire_double, view_double
from ..application.key_requests import approve_key, find_to_approve, people_to_approve
from ..application.notices import put_notice_away
from ..application.workshops import name_workshop
from ..domain.accounts import Account
from ..domain.refusals import KeyRequestUnknown, Refusal
from ..pages.refusals import status_of
from .base import ServiceHandler
from .pages import ALWAYS, PageHandler

WRONG_NUMBER_SECONDS = 1.0
_LONGEST = 40  # characters of a number that are drawn again
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


async def approve(
    handler: ServiceHandler, community: str, workshop: str | None, username: str, number: str
) -> Account:
    """Asks the Hub whether the person has a role there, and approves.

    Whoever approves tries one number after another, each wrong one for a second: at most 900 of the
    million within the quarter of an hour that a number lives.
    """
    async with _turn_of(handler.username):
        place = (handler.actor, community, workshop, username)
        await handler.run(find_to_approve, *place)  # nobody learns by us whom the Hub knows
        try:
            has_hub_role = await handler.hub_api.has_role(username)
        except (FetchError, OSError) as error:
            raise HTTPError(502) from error
        try:
            return await handler.run(approve_key, *place, number, has_hub_role=has_hub_role)
        except KeyRequestUnknown:
            await asyncio.sleep(WRONG_NUMBER_SECONDS)
            raise


def _turn_of(username: str) -> asyncio.Lock:
    turn = _turns.get(username)
    if turn is None:
        turn = _turns[username] = asyncio.Lock()
    return turn


class KeysPage(PageHandler):
    """Who lost their key, and the number that they see. With a workshop or for the community."""

    asks_again = ALWAYS

    async def get(self, community: str, workshop: str | None = None) -> None:
        await self._draw_form(community, workshop, username=self.get_query_argument("for", ""))

    async def post(self, community: str, workshop: str | None = None) -> None:
        username = self.get_body_argument("username", "")
        number = self.get_body_argument("number", "")
        try:
            approved = await approve(self, community, workshop, username, number)
        except KeyRequestUnknown as refusal:
            await self._draw_form(
                community,
                workshop,
                status=status_of(refusal),
                username=username,
                number=number,
                number_error=self.say(refusal),
            )
        except Refusal as refusal:
            await self._draw_form(
                community,
                workshop,
                status=status_of(refusal),
                username=username,
                number=number,
                form_error=self.say(refusal),
            )
        else:
            await self._draw_form(community, workshop, approved=approved)

    async def draw_stale(self, *path: str) -> None:
        self.redirect(self.request.path, status=303)

    async def _draw_form(
        self,
        community: str,
        workshop: str | None,
        *,
        status: int = 200,
        username: str = "",
        number: str = "",
        **values: Any,
    ) -> None:
        shown = await self.community(community)
        held, people = await self.run(people_to_approve, self.actor, community, workshop)
        self.draw(
            "keys.html",
            status=status,
            **{
                "community": shown,
                "workshop": held,
                "people": people,
                "username": username,
                "number": number[:_LONGEST],
                "approved": None,
                "number_error": None,
                "form_error": None,
                **values,
            },
        )


class RetirePage(PageHandler):
    """Asks once, then retires the empty one of two accounts."""

    async def get(self, community: str, workshop: str, username: str) -> None:
        shown = await self.community(community)
        held = await self.run(name_workshop, self.actor, community, workshop)
        account = await self.run(view_double, self.actor, community, workshop, username)
        self.draw("retire.html", community=shown, workshop=held, account=account)

    async def post(self, community: str, workshop: str, username: str) -> None:
        await self.run(retire_double, self.actor, community, workshop, username)
        await self.push_groups(username)
        self.go(f"communities/{community}/workshops/{workshop}")

    async def draw_stale(self, *path: str) -> None:
        self.redirect(self.request.path, status=303)


class NoticesPage(PageHandler):
    """A notice was read."""

    async def post(self) -> None:
        await self.run(put_notice_away, self.username, self.get_body_argument("notice", ""))
        self.go()

    async def draw_stale(self, *path: str) -> None:
        self.go()
