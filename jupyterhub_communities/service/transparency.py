"""What a community shows of itself, on its page and in the API: to its members, or to everybody."""

from __future__ import annotations

from http import HTTPStatus

from tornado.web import HTTPError

from ..application.transparency import set_named, set_public, view_openness
from ..domain.grants import NOBODY
from ..domain.refusals import NotFound
from ..pages.audit import action_in_words
from ..pages.language import current_messages, refine_language
from ..pages.quotas import quantity_in_words, resource_in_words, spent_in_words
from .base import NotSignedIn, ServiceHandler
from .handling import ApiHandler
from .operations import operation
from .outcome_models import PublicBody, Transparency
from .pages import PageHandler


async def let_strangers_look(handler: ServiceHandler) -> None:
    """As `prepare`, for who is not signed in too."""
    try:
        await ServiceHandler.prepare(handler)
    except NotSignedIn:
        if handler.request.method != "GET":
            raise
        handler.actor = NOBODY


class TransparencyApi(ApiHandler):
    paths = ("communities/{community}/transparency",)

    async def prepare(self) -> None:
        await let_strangers_look(self)

    @operation("What everybody may know of a community", answer=Transparency, is_for_strangers=True)
    async def get(self, community: str) -> Transparency:
        try:
            return Transparency.of(await self.run(view_openness, self.actor, community))
        except NotFound as error:
            if self.actor is not NOBODY:
                raise
            raise NotSignedIn from error  # as where there is none: a stranger learns nothing

    @operation("Shows it to everybody, or to members only", body=PublicBody, answer=Transparency)
    async def put(self, community: str, body: PublicBody) -> Transparency:
        await self.run(set_public, self.actor, community, is_public=body.public)
        return Transparency.of(await self.run(view_openness, self.actor, community))


class NamedApi(ApiHandler):
    paths = ("communities/{community}/transparency/me",)

    @operation("Names me there, as a champion", status=HTTPStatus.NO_CONTENT)
    async def put(self, community: str) -> None:
        await self.run(set_named, self.actor, community, is_named=True)

    @operation("Names me there no longer", status=HTTPStatus.NO_CONTENT)
    async def delete(self, community: str) -> None:
        await self.run(set_named, self.actor, community, is_named=False)


class TransparencyPage(PageHandler):
    """For who is not signed in too, where the community says so."""

    async def prepare(self) -> None:
        await let_strangers_look(self)
        if self.is_stale:
            await self.draw_stale(*self.path_args)

    async def get(self, slug: str) -> None:
        try:
            found = await self.run(view_openness, self.actor, slug)
        except NotFound:
            if self.actor is not NOBODY:
                raise
            self.redirect(self.get_login_url())
            return
        refine_language(community=found.community.language)
        messages = current_messages()
        self.draw(
            "transparency.html",
            community=found.community,
            found=found,
            is_member=self.actor.is_member(slug),
            spent=messages.listing(spent_in_words(*one, messages) for one in found.spent.items()),
            limits=[
                (resource_in_words(name, messages), quantity_in_words(name, most, messages))
                for name, most in found.limits.items()
            ],
            months=[
                (
                    messages.month(start),
                    sorted((action_in_words(action, messages), n) for action, n in counts.items()),
                )
                for start, counts in found.months.items()
            ],
        )

    async def post(self, slug: str) -> None:
        action = self.get_body_argument("action", "")
        if action in ("publish", "withdraw"):
            await self.run(set_public, self.actor, slug, is_public=action == "publish")
        elif action in ("name", "unname"):
            await self.run(set_named, self.actor, slug, is_named=action == "name")
        else:
            raise HTTPError(400)
        self.go(f"communities/{slug}/transparency")


API_HANDLERS: tuple[type[ApiHandler], ...] = (TransparencyApi, NamedApi)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (r"communities/([a-z0-9-]+)/transparency", TransparencyPage)
]
