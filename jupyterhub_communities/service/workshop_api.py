"""Workshops in the API beyond opening and closing: cloned, what they would reserve, attendance, the staff's message."""

from __future__ import annotations

from http import HTTPStatus

from ..application.attendance import attendance
from ..application.changing import change_workshop
from ..application.cloning import CloneChoice, clone_workshop
from ..application.messages import set_message
from ..application.trying import try_out
from ..application.workshops import OpenedWorkshop, open_workshop
from ..pages.tables import attendance_csv
from . import answers, models
from .handling import ApiHandler, Table
from .operations import operation
from .usage import asked_format, csv_file


class CloneApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/clone",)

    @operation(
        "The same workshop once more, on other days",
        body=models.CloneBody,
        answer=answers.OpenedWorkshop,
        status=HTTPStatus.CREATED,
        refuses=(404, 409),
        is_once=True,
        asks_again=True,
    )
    async def post(self, community: str, workshop: str, body: models.CloneBody) -> None:
        def show(opened: OpenedWorkshop) -> answers.OpenedWorkshop:
            invite = self.issued(opened.learner_invite)
            return answers.OpenedWorkshop.opened(opened.workshop, self.house.clock.now(), invite)

        choice = CloneChoice(body.first_day, body.title, body.reserved)
        await self.make(
            lambda desk: clone_workshop(desk, self.actor, community, workshop, choice),
            show,
            body,
            at=lambda opened: f"communities/{community}/workshops/{opened.workshop.slug}",
        )


class ReservationApi(ApiHandler):
    paths = ("communities/{community}/reservation",)

    @operation(
        "What a new workshop would reserve, or why it cannot; nothing is kept",
        body=models.WorkshopBody,
        answer=answers.Reserved,
        refuses=(409,),
    )
    async def post(self, community: str, body: models.WorkshopBody) -> answers.Reserved:
        opened = await self.run(try_out, open_workshop, self.actor, community, body.wanted())
        return answers.Reserved.of(opened.workshop)


class ChangedReservationApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/reservation",)

    @operation(
        "What a workshop would reserve once it is changed, or why it cannot; nothing is kept",
        body=models.WorkshopChangeBody,
        answer=answers.Reserved,
        refuses=(409,),
    )
    async def post(
        self, community: str, workshop: str, body: models.WorkshopChangeBody
    ) -> answers.Reserved:
        actor, change = self.actor, body.change()
        changed = await self.run(try_out, change_workshop, actor, community, workshop, change)
        return answers.Reserved.of(changed)


class AttendanceApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/attendance",)

    @operation(
        "Who joined, also if they have left since",
        query=models.FormatQuery,
        answer=answers.Attendance,
        as_csv=True,
        asks_again=True,
    )
    async def get(self, community: str, workshop: str) -> answers.Attendance | Table:
        kind = asked_format(self.get_query_argument)
        found = await self.run(attendance, self.actor, community, workshop)
        if kind == "json":
            return answers.Attendance.of(found)
        return csv_file(self, f"attendance-{workshop}", attendance_csv(found))


class MessageApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/message",)

    @operation(
        "What the staff tell the workshop's people",
        body=models.MessageBody,
        answer=answers.Message,
        refuses=(409,),
    )
    async def put(self, community: str, workshop: str, body: models.MessageBody) -> answers.Message:
        changed = await self.run(set_message, self.actor, community, workshop, body.message)
        return answers.Message(message=changed.message)

    @operation("Takes the message away", status=HTTPStatus.NO_CONTENT)
    async def delete(self, community: str, workshop: str) -> None:
        await self.run(set_message, self.actor, community, workshop, "")


API_HANDLERS: tuple[type[ApiHandler], ...] = (
    CloneApi,
    ReservationApi,
    ChangedReservationApi,
    AttendanceApi,
    MessageApi,
)
