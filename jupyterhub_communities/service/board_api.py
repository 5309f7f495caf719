"""The board in the API: who is in, what is done for them, and help."""

from __future__ import annotations

from http import HTTPStatus

from ..application.doubles import retire_double
from ..application.hands import end_hand, lower_hand, my_help, raise_hand, take_hand
from ..domain.paging import Part, part_of_all
from . import board_answers, models
from .board import act_on_servers, close_server, open_server, view_of
from .handling import ApiHandler
from .operations import operation

ACCEPTED, NO_CONTENT = HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT
_PERSON = "communities/{community}/workshops/{workshop}/board/{username}"


class BoardApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/board",)

    @operation("Who is in a workshop, in the order of joining", answer=list[board_answers.BoardRow])
    async def get(self, community: str, workshop: str) -> Part[board_answers.BoardRow]:
        board = (await view_of(self, community, workshop)).live
        assert board is not None
        hands = {up.account.id: up for up in board.hands}
        part = part_of_all(
            board.rows, lambda row: (row.joined_at.isoformat(), row.account.id), self.page
        )
        return part.map(lambda row: board_answers.BoardRow.of(row, hands.get(row.account.id)))


class RetireApi(ApiHandler):
    paths = (f"{_PERSON}/retire",)

    @operation(
        "Retires the empty account of somebody who joined twice",
        status=NO_CONTENT,
        refuses=(409,),
    )
    async def post(self, community: str, workshop: str, username: str) -> None:
        await self.run(retire_double, self.actor, community, workshop, username)
        await self.push_groups(username)


class RestartApi(ApiHandler):
    paths = (f"{_PERSON}/restart",)

    @operation("Restarts somebody's server", status=ACCEPTED, refuses=(409,))
    async def post(self, community: str, workshop: str, username: str) -> None:
        await act_on_servers(self, community, workshop, username, "restart")


class StopApi(ApiHandler):
    paths = (f"{_PERSON}/stop",)

    @operation("Stops somebody's server", status=NO_CONTENT, refuses=(409, 502))
    async def post(self, community: str, workshop: str, username: str) -> None:
        await act_on_servers(self, community, workshop, username, "stop")


class TakeHandApi(ApiHandler):
    paths = (f"{_PERSON}/help",)

    @operation(
        "Says that I come to whoever asks for help", answer=board_answers.Hand, refuses=(409,)
    )
    async def put(self, community: str, workshop: str, username: str) -> board_answers.Hand:
        place = (community, workshop, username)
        up = await self.run(take_hand, self.actor, self.username, *place)
        return board_answers.Hand.of(up)

    @operation("Says that somebody has been helped", status=NO_CONTENT)
    async def delete(self, community: str, workshop: str, username: str) -> None:
        await self.run(end_hand, self.actor, community, workshop, username)
        await self.settings["sharing"].carry_out()


class HelpApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/help",)

    @operation("My raised hand, and who comes", answer=board_answers.Help)
    async def get(self, community: str, workshop: str) -> board_answers.Help:
        up = await self.run(my_help, self.actor, community, workshop)
        offers = self.house.settings.are_servers_apart
        return board_answers.Help.of(up, offers_access=offers)

    @operation(
        "Asks for help",
        body=models.HelpBody,
        is_body_optional=True,
        answer=board_answers.Help,
        refuses=(400, 409),
    )
    async def put(self, community: str, workshop: str, body: models.HelpBody) -> board_answers.Help:
        place = (community, workshop, body.question)
        up = await self.run(raise_hand, self.actor, self.username, *place)
        offers = self.house.settings.are_servers_apart
        return board_answers.Help.of(up, offers_access=offers)

    @operation("Needs no help any more", status=NO_CONTENT)
    async def delete(self, community: str, workshop: str) -> None:
        await self.run(lower_hand, self.actor, community, workshop)
        await self.settings["sharing"].carry_out()


class HelpAccessApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/help/access",)

    @operation(
        "Lets who comes into my server for a time",
        body=models.AccessBody,
        status=NO_CONTENT,
        refuses=(409, 502),
    )
    async def put(self, community: str, workshop: str, body: models.AccessBody) -> None:
        await open_server(self, community, workshop, body.minutes)

    @operation("Takes that back", status=NO_CONTENT)
    async def delete(self, community: str, workshop: str) -> None:
        await close_server(self, community, workshop)


API_HANDLERS: tuple[type[ApiHandler], ...] = (
    BoardApi,
    RetireApi,
    RestartApi,
    StopApi,
    TakeHandApi,
    HelpApi,
    HelpAccessApi,
)
