"""Ends of access on pages and in the API: my data, erasure, and what the operator does at once."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from ..application.communities import my_memberships
from ..application.ending import (
    block_person,
    blocked_people,
    resume_community,
    suspend_community,
    unblock_person,
)
from ..application.erasure import (
    erase_me,
    erase_person,
    export_me,
    plan_erasure,
    stop_erasure,
    withdraw_erasure,
)
from ..application.people import find_person
from ..domain.refusals import NotConfirmed, Refusal
from ..pages.refusals import status_of
from . import models
from .api import ApiHandler, MeApi
from .pages import PageHandler


class MyAccountApi(MeApi):
    """`me`, with its end."""

    async def delete(self) -> None:
        body = self.body(models.ErasureBody)
        account = await self.run(erase_me, self.username, body.username)
        self.set_status(await self.erase(account))


class MyExportApi(ApiHandler):
    async def get(self) -> None:
        found = await self.run(export_me, self.username)
        self.set_header("Content-Disposition", 'attachment; filename="my-data.json"')
        self.answer(plain(found))


class MyErasureApi(ApiHandler):
    """A planned erasure, stopped by the person."""

    async def delete(self) -> None:
        await self.run(stop_erasure, self.username)
        self.set_status(HTTPStatus.NO_CONTENT)


class MemberErasureApi(ApiHandler):
    async def put(self, slug: str, username: str) -> None:
        account = await self.run(plan_erasure, self.actor, slug, username)
        self.answer(models.erasure_json(account), status=HTTPStatus.ACCEPTED)

    async def delete(self, slug: str, username: str) -> None:
        await self.run(withdraw_erasure, self.actor, slug, username)
        self.set_status(HTTPStatus.NO_CONTENT)


class SuspendApi(ApiHandler):
    async def post(self, slug: str) -> None:
        because = self.body(models.ReasonBody).because
        community = await self.run(suspend_community, self.actor, slug, because)
        self.settings["endings"].wake()
        self.answer(models.community_json(community))


class ResumeApi(ApiHandler):
    async def post(self, slug: str) -> None:
        self.answer(models.community_json(await self.run(resume_community, self.actor, slug)))


class BlockApi(ApiHandler):
    async def put(self, username: str) -> None:
        account = await self.run(block_person, self.actor, username)
        await self.push_groups(username)
        self.answer(models.block_json(account))

    async def delete(self, username: str) -> None:
        account = await self.run(unblock_person, self.actor, username)
        await self.push_groups(username)
        self.answer(models.block_json(account))


class PersonApi(ApiHandler):
    async def delete(self, username: str) -> None:
        account = await self.run(erase_person, self.actor, username)
        self.set_status(await self.erase(account))


class MyDataPage(PageHandler):
    """My communities, what is held about me, and erasing it."""

    async def get(self) -> None:
        await self._draw()

    async def post(self) -> None:
        if self.get_body_argument("action", "") == "stop":
            await self.run(stop_erasure, self.username)
            self.go("me")
            return
        try:
            account = await self.run(
                erase_me, self.username, self.get_body_argument("username", "")
            )
        except NotConfirmed as refusal:
            await self._draw(refusal)
            return
        is_done = await self.erase(account) is HTTPStatus.NO_CONTENT
        self.draw("erased.html", is_done=is_done)

    async def _draw(self, refusal: Refusal | None = None) -> None:
        self.person = await self.run(find_person, self.username)
        self.draw(
            "me.html",
            status=200 if refusal is None else status_of(refusal),
            username=self.username,
            account=self.person.account,
            memberships=await self.run(my_memberships, self.person.actor()),
            error="" if refusal is None else self.say(refusal),
        )


class HubPage(PageHandler):
    """The operator's: communities suspended and resumed, people blocked and let in again."""

    async def get(self) -> None:
        blocked = await self.run(blocked_people, self.actor)
        memberships = await self.run(my_memberships, self.actor)
        overbooked = await self.overbooked(None)
        self.draw("hub.html", memberships=memberships, blocked=blocked, overbooked=overbooked)

    async def post(self) -> None:
        action, name = (self.get_body_argument(key, "") for key in ("action", "name"))
        if action == "suspend":
            because = self.get_body_argument("because", "")[: models.LONGEST_REASON]
            await self.run(suspend_community, self.actor, name, because)
            self.settings["endings"].wake()
        elif action == "resume":
            await self.run(resume_community, self.actor, name)
        elif action in ("block", "unblock") and name:
            await self.run(block_person if action == "block" else unblock_person, self.actor, name)
            await self.push_groups(name)
        self.go("hub")


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


_SLUG = r"([a-z0-9-]+)"
API_ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("me", MyAccountApi),
    ("me/export", MyExportApi),
    ("me/erasure", MyErasureApi),
    (f"communities/{_SLUG}/members/([^/]+)/erasure", MemberErasureApi),
    (f"communities/{_SLUG}/suspend", SuspendApi),
    (f"communities/{_SLUG}/resume", ResumeApi),
    ("hub/people/([^/]+)", PersonApi),
    ("hub/people/([^/]+)/block", BlockApi),
]
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [("me", MyDataPage), ("hub", HubPage)]
