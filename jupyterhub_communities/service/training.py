"""Training of trainers on its pages and in the API: promised, given, looked at."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus

from tornado.web import HTTPError

from ..application.training import (
    give_promised,
    list_trainings,
    promise_role,
    view_training,
)
from ..domain.grants import Role
from ..domain.paging import Part
from ..domain.refusals import Refusal
from ..pages.language import current_messages
from ..pages.refusals import status_of
from . import answers
from .handling import ApiHandler
from .operations import operation
from .outcome_models import GiveBody, Given, PromiseBody, Trainee, Training
from .pages import ALWAYS, ON_A_PAGE, PageHandler

_LONGEST = 255  # characters that are looked for
_CHOICES = {"": None, "helper": Role.HELPER, "instructor": Role.INSTRUCTOR}


class PromiseApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/promise",)

    @operation(
        "What those get who complete the workshop",
        body=PromiseBody,
        asks_again=True,
        answer=answers.Workshop,
    )
    async def put(self, community: str, workshop: str, body: PromiseBody) -> answers.Workshop:
        place = (self.actor, community, workshop)
        promising = await self.run(promise_role, *place, Role.from_label(body.role))
        return answers.Workshop.of(promising, self.house.clock.now())

    @operation("Promises nothing any more; what was given stays", status=HTTPStatus.NO_CONTENT)
    async def delete(self, community: str, workshop: str) -> None:
        await self.run(promise_role, self.actor, community, workshop, None)


class TrainingApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/training",)

    @operation("Who may be given what the workshop promises, by name", answer=list[Trainee])
    async def get(self, community: str, workshop: str) -> Part[Trainee]:
        view = await self.run(view_training, self.actor, community, workshop, self.page)
        return view.people.map(Trainee.of)

    @operation(
        "Gives the promised role to those who completed the workshop",
        body=GiveBody,
        asks_again=True,
        answer=Given,
        refuses=(409,),
    )
    async def post(self, community: str, workshop: str, body: GiveBody) -> Given:
        place = (self.actor, community, workshop)
        given = await self.run(give_promised, *place, body.usernames)
        for account in given:
            await self.push_groups(account.username)
        return Given(given=[account.username for account in given])


class TrainingsApi(ApiHandler):
    paths = ("communities/{community}/trainings",)

    @operation("Who trained whom, newest first", answer=list[Training])
    async def get(self, community: str) -> Part[Training]:
        found = await self.run(list_trainings, self.actor, community, self.page)
        return found.map(Training.of)


class TrainingPage(PageHandler):
    """A box for each person of the workshop, for those who completed it."""

    asks_again = ALWAYS
    keeps_typed = True

    async def get(self, community: str, slug: str) -> None:
        await self._draw(community, slug)

    async def post(self, community: str, slug: str) -> None:
        place = (self.actor, community, slug)
        chosen = self.get_body_arguments("person")
        try:
            if self.get_body_argument("action", "") == "promise":
                role = self.get_body_argument("role", "")
                if role not in _CHOICES:
                    raise HTTPError(HTTPStatus.BAD_REQUEST)
                await self.run(promise_role, *place, _CHOICES[role])
            else:
                given = await self.run(give_promised, *place, chosen)
                for account in given:
                    await self.push_groups(account.username)
        except Refusal as refusal:
            status, error = status_of(refusal), self.say(refusal)
            await self._draw(community, slug, chosen, error=error, status=status)
            return
        query = f"?{self.request.query}" if self.request.query else ""  # the page of the list
        self.go(f"communities/{community}/workshops/{slug}/training{query}")

    async def draw_stale(self, *path: str) -> None:
        error = current_messages().gettext("Please send the form once more.")
        await self._draw(path[0], path[1], self.get_body_arguments("person"), error=error)

    async def _draw(
        self,
        community: str,
        slug: str,
        chosen: Collection[str] = (),
        *,
        error: str = "",
        status: int = 200,
    ) -> None:
        shown = await self.community(community)
        sought = self.get_query_argument("q", "")[:_LONGEST]
        page = self.asked_page(ON_A_PAGE)
        view = await self.run(view_training, self.actor, community, slug, page, sought)
        self.draw(
            "training.html",
            status=status,
            community=shown,
            workshop=view.workshop,
            view=view,
            chosen=set(chosen),
            sought=sought,
            is_later=page.after is not None,
            is_long=view.joined > ON_A_PAGE,
            more=self.next_query(view.people, q=sought),
            error=error,
        )


class TrainingsPage(PageHandler):
    """Who trained whom."""

    async def get(self, community: str) -> None:
        shown = await self.community(community)
        page = self.asked_page(ON_A_PAGE)
        found = await self.run(list_trainings, self.actor, community, page)
        self.draw(
            "trainings.html",
            community=shown,
            trainings=found.entries,
            is_later=page.after is not None,
            more=self.next_query(found),
            zone=self.house.settings.zone,
        )


_WORKSHOP = r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)"
API_HANDLERS: tuple[type[ApiHandler], ...] = (PromiseApi, TrainingApi, TrainingsApi)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_WORKSHOP}/training", TrainingPage),
    (r"communities/([a-z0-9-]+)/trainings", TrainingsPage),
]
