"""Ends of access in the API: my data, erasure, and what the operator does at once."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from ..application.ending import (
    block_person,
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
from . import answers, models
from .api import MeApi
from .handling import ApiHandler
from .operations import operation

STILL_STOPPING = {HTTPStatus.ACCEPTED: "It has begun, and servers are still stopping"}


class MyAccountApi(MeApi):
    """`me`, with its end."""

    paths = ("me",)

    @operation(
        "Erases me and all that is held about me",
        body=models.ErasureBody,
        status=HTTPStatus.NO_CONTENT,
        also=STILL_STOPPING,
        refuses=(409,),
        is_versioned=True,
        asks_again=True,
    )
    async def delete(self, body: models.ErasureBody) -> None:
        account = await self.run(erase_me, self.username, body.username, expected=self.expected)
        self.set_status(await self.erase(account))


class MyExportApi(ApiHandler):
    paths = ("me/export",)

    @operation(
        "All that is held about me, by table",
        answer=dict[str, list[dict[str, Any]]],
        asks_again=True,
    )
    async def get(self) -> dict[str, Any]:
        found: dict[str, Any] = plain(await self.run(export_me, self.username))
        self.set_header("Content-Disposition", 'attachment; filename="my-data.json"')
        return found


class MyErasureApi(ApiHandler):
    """A planned erasure, stopped by the person."""

    paths = ("me/erasure",)

    @operation("Stops my planned erasure", status=HTTPStatus.NO_CONTENT)
    async def delete(self) -> None:
        await self.run(stop_erasure, self.username)


class MemberErasureApi(ApiHandler):
    paths = ("communities/{community}/members/{username}/erasure",)

    @operation(
        "Plans to erase somebody, who is told and can stop it",
        answer=answers.Erasure,
        status=HTTPStatus.ACCEPTED,
        refuses=(409,),
        asks_again=True,
    )
    async def put(self, community: str, username: str) -> answers.Erasure:
        account = await self.run(plan_erasure, self.actor, community, username)
        return answers.Erasure.of(account)

    @operation("Withdraws a planned erasure", status=HTTPStatus.NO_CONTENT)
    async def delete(self, community: str, username: str) -> None:
        await self.run(withdraw_erasure, self.actor, community, username)


class SuspendApi(ApiHandler):
    paths = ("communities/{community}/suspend",)

    @operation("Suspends a community", body=models.ReasonBody, answer=answers.Community)
    async def post(self, community: str, body: models.ReasonBody) -> answers.Community:
        found = await self.run(suspend_community, self.actor, community, body.because)
        self.settings["endings"].wake()
        return answers.Community.of(found)


class ResumeApi(ApiHandler):
    paths = ("communities/{community}/resume",)

    @operation("Resumes a suspended community", answer=answers.Community)
    async def post(self, community: str) -> answers.Community:
        return answers.Community.of(await self.run(resume_community, self.actor, community))


class BlockApi(ApiHandler):
    paths = ("hub/people/{username}/block",)

    @operation("Blocks a person", answer=answers.Block)
    async def put(self, username: str) -> answers.Block:
        account = await self.run(block_person, self.actor, username)
        await self.push_groups(username)
        return answers.Block.of(account)

    @operation("Lets a blocked person in again", answer=answers.Block)
    async def delete(self, username: str) -> answers.Block:
        account = await self.run(unblock_person, self.actor, username)
        await self.push_groups(username)
        return answers.Block.of(account)


class PersonApi(ApiHandler):
    paths = ("hub/people/{username}",)

    @operation(
        "Erases somebody and all that is held about them",
        status=HTTPStatus.NO_CONTENT,
        also=STILL_STOPPING,
        refuses=(409,),
        asks_again=True,
    )
    async def delete(self, username: str) -> None:
        account = await self.run(erase_person, self.actor, username)
        self.set_status(await self.erase(account))


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


API_HANDLERS: tuple[type[ApiHandler], ...] = (
    MyAccountApi,
    MyExportApi,
    MyErasureApi,
    MemberErasureApi,
    SuspendApi,
    ResumeApi,
    PersonApi,
    BlockApi,
)
