"""The operator's pages and operations: all communities against the machine, founded, suspended,
archived; a champion where none acts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from tornado.httpclient import HTTPError as FetchError
from tornado.web import HTTPError

from ..application.asking import open_asks
from ..application.ending import (
    block_person,
    blocked_people,
    require_operator,
    resume_community,
    suspend_community,
    unblock_person,
)
from ..application.operating import (
    CommunityRow,
    HubView,
    NewCommunity,
    appoint_champion,
    archive_community,
    champions_missing,
    create_community,
    view_hub,
    view_one,
)
from ..domain.asks import LONGEST_REASON
from ..domain.communities import group_name, is_slug
from ..domain.refusals import LanguageInvalid, Refusal
from ..i18n.negotiation import is_language_tag
from ..pages.language import current_messages
from ..pages.quotas import quantity_in_words, resource_in_words, window_in_words
from ..pages.refusals import status_of
from . import answers, community_models
from .api import CommunitiesApi
from .base import ServiceHandler
from .forms import language_options
from .handling import ApiHandler
from .operations import operation
from .pages import ALWAYS, PageHandler


async def has_group_of(handler: ServiceHandler, slug: str) -> bool:
    """Has the Hub a group of the name that the community's would have?"""
    require_operator(handler.actor)
    if not is_slug(slug):
        return False
    try:
        return await handler.hub_api.has_group(
            group_name(handler.house.settings.group_prefix, slug)
        )
    except (FetchError, OSError) as error:
        raise HTTPError(HTTPStatus.BAD_GATEWAY) from error


async def push_champions(handler: ServiceHandler, wanted: NewCommunity) -> None:
    for username in wanted.champions:
        await handler.push_groups(username.strip())


class HubPage(PageHandler):
    """All communities, whether the clock's work is done, and who is blocked."""

    async def get(self) -> None:
        await self._draw()

    async def post(self) -> None:
        action, name = (self.get_body_argument(key, "") for key in ("action", "name"))
        if action in ("block", "unblock") and name:
            verb = block_person if action == "block" else unblock_person
            await self.run(verb, self.actor, name)
            await self.push_groups(name)
        self.go("hub")

    async def _draw(self) -> None:
        began = time.monotonic()
        view: HubView = await self.run(view_hub, self.actor)
        took = timedelta(seconds=time.monotonic() - began)
        messages, zone = current_messages(), self.house.settings.zone
        self.draw(
            "hub.html",
            view=view,
            missing=champions_missing(view.rows),
            took=took,
            blocked=await self.run(blocked_people, self.actor),
            overbooked=await self.overbooked(None),
            asked=await self.run(open_asks, self.actor),
            zone=zone,
            **_words(messages, zone),
        )


def _words(messages: Any, zone: str) -> dict[str, Any]:
    """Amounts and what they are of, for a template."""
    return {
        "resource": lambda name: resource_in_words(name, messages),
        "amount": lambda name, n: "–" if n is None else quantity_in_words(name, n, messages),
        "window": lambda row: window_in_words(row.spending.allowance.window, zone, messages),
    }


@dataclass(frozen=True, slots=True)
class _Form:
    """What was typed, and what is wrong with it."""

    values: dict[str, str]
    errors: dict[str, str]


class NewCommunityPage(PageHandler):
    """The form for a community that the file does not declare."""

    asks_again = ALWAYS
    keeps_typed = True

    async def get(self) -> None:
        require_operator(self.actor)
        language = self.house.settings.language
        self._draw({"language": language})

    async def post(self) -> None:
        require_operator(self.actor)
        values = self._fields()
        champions = tuple(values["champions"].split())
        wanted = NewCommunity(
            slug=values["slug"],
            names={values["language"]: values["name"]},
            language=values["language"],
            contact=values["contact"],
            champions=champions,
        )
        try:
            if not is_language_tag(values["language"]):
                raise LanguageInvalid(tag=values["language"])
            has_group = await has_group_of(self, wanted.slug)
            community = await self.run(create_community, self.actor, wanted, has_group=has_group)
        except Refusal as refusal:
            fields = {
                "community.slug": "slug",
                "slug.taken": "slug",
                "group.taken": "slug",
                "community.names": "name",
                "language.unknown": "language",
                "community.contact": "contact",
                "community.last_champion": "champions",
                "username.invalid": "champions",
            }
            errors = {fields.get(refusal.code, "form"): self.say(refusal)}
            self._draw(values, errors, status=status_of(refusal))
            return
        await push_champions(self, wanted)
        self.go(f"hub/communities/{community.slug}")

    async def draw_stale(self, *path: str) -> None:
        require_operator(self.actor)
        sentence = current_messages().gettext("Please send the form once more.")
        self._draw(self._fields(), {"form": sentence})

    def _fields(self) -> dict[str, str]:
        return {name: self.get_body_argument(name, "").strip()[:1000] for name in _FIELDS}

    def _draw(
        self, values: dict[str, str], errors: dict[str, str] | None = None, *, status: int = 200
    ) -> None:
        form = _Form({**dict.fromkeys(_FIELDS, ""), **values}, errors or {})
        self.draw("new_community.html", status=status, form=form, languages=language_options())


_FIELDS = ("slug", "name", "language", "contact", "champions")


class OneCommunityPage(PageHandler):
    """What the operator decides about one community."""

    asks_again = ("POST",)

    async def get(self, slug: str) -> None:
        await self._draw(slug)

    async def post(self, slug: str) -> None:
        action = self.get_body_argument("action", "")
        username = self.get_body_argument("username", "").strip()
        because = self.get_body_argument("because", "")[: 4 * LONGEST_REASON]
        try:
            if action == "suspend":
                await self.run(suspend_community, self.actor, slug, because)
                self.settings["endings"].wake()
            elif action == "resume":
                await self.run(resume_community, self.actor, slug)
            elif action == "archive":
                await self.run(archive_community, self.actor, slug)
                self.settings["endings"].wake()
            elif action == "appoint":
                await self.run(appoint_champion, self.actor, slug, username)
                await self.push_groups(username)
        except Refusal as refusal:
            await self._draw(slug, refusal, username=username[:255], because=because)
            return
        self.go(f"hub/communities/{slug}")

    async def draw_stale(self, *path: str) -> None:
        self.redirect(self.request.path, status=303)

    async def _draw(
        self,
        slug: str,
        refusal: Refusal | None = None,
        *,
        username: str = "",
        because: str = "",
    ) -> None:
        row: CommunityRow = await self.run(view_one, self.actor, slug)
        zone = self.house.settings.zone
        self.draw(
            "hub_community.html",
            status=200 if refusal is None else status_of(refusal),
            row=row,
            community=row.community,
            error="" if refusal is None else self.say(refusal),
            username=username,
            because=because,
            zone=zone,
            **_words(current_messages(), zone),
        )


class FoundingApi(CommunitiesApi):
    """`communities`, with their beginning."""

    paths = ("communities",)

    @operation(
        "Founds a community, beside those of the operator's file",
        body=community_models.NewCommunityBody,
        asks_again=True,
        answer=answers.Community,
        status=HTTPStatus.CREATED,
        refuses=(409, 502),
        is_once=True,
    )
    async def post(self, body: community_models.NewCommunityBody) -> None:
        wanted = body.wanted()
        has_group = await has_group_of(self, wanted.slug)
        await self.make(
            lambda desk: create_community(desk, self.actor, wanted, has_group=has_group),
            answers.Community.of,
            body,
            at=lambda community: f"communities/{community.slug}",
        )
        await push_champions(self, wanted)


class ArchiveApi(ApiHandler):
    paths = ("communities/{community}/archive",)

    @operation(
        "Archives a community, which suspends it; resuming brings it back",
        answer=answers.Community,
        refuses=(409,),
    )
    async def post(self, community: str) -> answers.Community:
        archived = await self.run(archive_community, self.actor, community)
        self.settings["endings"].wake()
        return answers.Community.of(archived)


class ChampionApi(ApiHandler):
    paths = ("communities/{community}/champions/{username}",)

    @operation("Appoints somebody of the hub a champion", answer=answers.Member, asks_again=True)
    async def put(self, community: str, username: str) -> answers.Member:
        member = await self.run(appoint_champion, self.actor, community, username)
        await self.push_groups(username)
        return answers.Member.of(member)


class HubApi(ApiHandler):
    paths = ("hub",)

    @operation("All communities against the machine, and its timers", answer=community_models.Hub)
    async def get(self) -> community_models.Hub:
        view = await self.run(view_hub, self.actor)
        return community_models.Hub.of(view, await self.run(open_asks, self.actor))


API_HANDLERS: tuple[type[ApiHandler], ...] = (FoundingApi, ArchiveApi, ChampionApi, HubApi)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    ("hub", HubPage),
    ("hub/communities/new", NewCommunityPage),
    ("hub/communities/([a-z0-9-]+)", OneCommunityPage),
]
