"""The live board's pages: the list alone, its stream of events, one person, and what is done there."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

from tornado.httpclient import HTTPError as FetchError
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from ..application.board import Board, BoardRow, HandUp, Seen, Sight, sight_of
from ..application.board_pages import BoardPage, page_of_board
from ..application.hands import (
    end_access,
    end_hand,
    give_access,
    lower_hand,
    raise_hand,
    take_hand,
)
from ..application.live import Look
from ..application.servers import take_servers
from ..application.workshops import WorkshopView, view_workshop
from ..domain.grants import Actor
from ..domain.hands import LONGEST_QUESTION
from ..domain.refusals import NotFound, PermissionDenied, Refusal, StorageUnreachable
from ..pages.language import current_messages
from ..pages.refusals import status_of
from .base import NotSignedIn, ServiceHandler
from .board_views import asked_view, drawn_values
from .live import MOST_STREAMS, LiveBoards, TooManyStreams, Watched
from .pages import PageHandler, WorkshopPage

KEEP_ALIVE = 15.0  # seconds; the session is asked about as often
_FIRST_LOOK = 10.0  # seconds that the first one may take
_SLOWEST = 30.0  # seconds that a reader may take for what is sent
_RETRY = 5000  # milliseconds, after which a browser comes back
_KEY = f"xsrf-{secrets.token_hex(8)}"  # stands in what is drawn once for all


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A page of a board that somebody was sent."""

    version: int  # of the look
    minute: int  # hands tell how long they have been up
    page: BoardPage
    text: str


async def seen_of(handler: ServiceHandler) -> Seen:
    boards: LiveBoards = handler.settings["boards"]
    return await boards.seen()


async def view_of(handler: ServiceHandler, community: str, slug: str) -> WorkshopView:
    """A workshop with its board, of who sees one. Raises `PermissionDenied` for all others."""
    seen = await seen_of(handler)
    view = await handler.run(view_workshop, handler.actor, community, slug, seen=seen)
    if view.live is None:
        raise PermissionDenied(needs="helper")
    return view


class BoardPart(PageHandler):
    """The board alone, for the page's script: the same people that the page lists."""

    async def get(self, community: str, slug: str) -> None:
        view = await view_of(self, community, slug)
        assert view.live is not None
        self.draw(
            "board.html",
            workshop=view.workshop,
            now=self.house.clock.now(),
            **drawn_values(view.live, asked_view(self)),
        )


class BoardEvents(PageHandler):
    """The same whenever something has changed, as server-sent events: one look at the workshop for all
    who watch it, of which each is sent the page that they look at.

    Ends when the reader's session does, or the right to see it: then the event `end` is sent, and the
    browser is not to come back.
    """

    draws_stale_forms = False
    _cached_hub_user: Any  # by HubAuth

    async def prepare(self) -> None:
        await ServiceHandler.prepare(self)  # a stream leads to no page for signing in

    async def get(self, community: str, slug: str) -> None:
        boards: LiveBoards = self.settings["boards"]
        self._gone, self._view = asyncio.Event(), asked_view(self)
        self._sent = self.request.headers.get("Last-Event-ID", "")
        place, account = (community, slug), self.actor.account_id
        if self.actor.role_at(*place) is None:
            raise NotFound(kind="workshop")
        if sight_of(self.actor, *place) is None:
            raise PermissionDenied(needs="helper")
        try:
            with boards.stream(self.username):
                async with boards.watch(place, account) as watched:
                    await self._stream(watched)
        except TooManyStreams:
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
            self.set_header("Retry-After", "60")
        except (StreamClosedError, TimeoutError):
            pass  # nobody reads any more

    def on_connection_close(self) -> None:
        if hasattr(self, "_gone"):
            self._gone.set()

    async def _stream(self, watched: Watched) -> None:
        await watched.wait(0, _FIRST_LOOK)
        if watched.version == 0:
            raise StorageUnreachable
        if watched.look is None:
            raise NotFound(kind="workshop")
        self._token = self.xsrf_token.decode("ascii")
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("X-Accel-Buffering", "no")  # nginx would hold it back
        await self._send(f"retry: {_RETRY}\n\n")
        version, asked_at = -1, time.monotonic()
        while not self._gone.is_set():
            if watched.version != version:
                version = watched.version
                if not await self._show(watched.look, version):
                    break
            if time.monotonic() - asked_at >= KEEP_ALIVE:
                asked_at = time.monotonic()
                await self._send(": still here\n\n")
                if not await self._is_signed_in():
                    break
            await self._wait(watched, version)
        if not self._gone.is_set():
            await self._send("event: end\ndata: \n\n")

    @staticmethod
    def _place(look: Look) -> tuple[str, str]:
        return look.workshop.community, look.workshop.slug

    async def _wait(self, watched: Watched, version: int) -> None:
        gone = asyncio.ensure_future(self._gone.wait())
        news = asyncio.ensure_future(watched.wait(version, KEEP_ALIVE))
        try:
            await asyncio.wait([gone, news], return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            news.cancel()

    async def _show(self, look: Look | None, version: int) -> bool:
        """Sends the board, if it is another one than before. False: it is not for them any more."""
        if look is None:
            return False
        sight = look.sight_of(self.actor)
        if sight is None:
            return False
        drawn = self._drawn(look, version, sight)
        digest = sha256(drawn.encode()).hexdigest()[:32]
        if digest != self._sent:
            self._sent = digest
            page = drawn.replace(_KEY, self._token)
            await self._send(f"id: {digest}\nevent: board\ndata: {json.dumps(page)}\n\n")
        return True

    def _drawn(self, look: Look, version: int, sight: Sight) -> str:
        """Once for all who read the same page of it in this language, and again when it has changed."""
        cache: dict[Any, _Drawn] = self.settings["drawn_boards"]
        key = (*self._place(look), current_messages().tag, sight, self._view)
        now = self.house.clock.now()
        minute = int(now.timestamp()) // 60 if look.board.hands else 0
        before = cache.pop(key, None)
        if before is not None and (before.version, before.minute) == (version, minute):
            cache[key] = before
            return before.text
        page = page_of_board(look.board.within(sight), self._view)
        if before is not None and (before.page, before.minute) == (page, minute):
            text = before.text
        else:
            template = self.settings["environment"].get_template("board.html")
            values = drawn_values(page, self._view)
            text = template.render(workshop=look.workshop, now=now, xsrf=_KEY, **values)
        cache[key] = _Drawn(version, minute, page, text)
        while len(cache) > MOST_STREAMS:
            del cache[next(iter(cache))]
        return text

    async def _send(self, text: str) -> None:
        self.write(text)
        await asyncio.wait_for(self.flush(), _SLOWEST)

    async def _is_signed_in(self) -> bool:
        """Asks the Hub once more; while it does not answer, what it said last holds."""
        del self._cached_hub_user  # else it is the answer from the beginning
        try:
            model = await self.hub_auth.get_user(self, sync=False)
        except (HTTPError, FetchError, OSError):
            self._cached_hub_user = None
            return True
        if model is None or model.get("name") != self.username:
            return False
        return bool(model.get("admin")) or not self.actor.is_operator

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if self._headers_written:
            self.finish()
            return
        status, _, sentence = self.error_of(status_code, **kwargs)
        self.set_status(401 if isinstance(error, NotSignedIn) else status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(sentence)


class PersonPage(PageHandler):
    """One person of a workshop, and what its staff may do for them."""

    async def get(self, community: str, slug: str, username: str) -> None:
        await self._draw_person(community, slug, username)

    async def post(self, community: str, slug: str, username: str) -> None:
        place, action = (community, slug), self.get_body_argument("action", "")
        back = f"communities/{community}/workshops/{slug}"
        try:
            if action in ("restart", "stop"):
                await act_on_servers(self, *place, username, action)  # type: ignore[arg-type]
                back = f"{back}/people/{quote(username, safe='')}"
            elif action == "take":
                await self.run(take_hand, self.actor, self.username, *place, username)
            elif action == "done":
                await self.run(end_hand, self.actor, *place, username)
                await self.settings["sharing"].carry_out()
            else:
                raise HTTPError(HTTPStatus.BAD_REQUEST)
        except Refusal as refusal:
            await self._draw_person(*place, username, refusal)
            return
        self.go(back)

    async def draw_stale(self, *path: str) -> None:
        self.redirect(self.request.path, status=303)

    async def _draw_person(
        self, community: str, slug: str, username: str, refusal: Refusal | None = None
    ) -> None:
        shown = await self.community(community)
        try:
            view = await view_of(self, community, slug)
        except Refusal as not_seen:
            raise (refusal or not_seen) from None
        assert view.live is not None
        row, up = _of_person(view.live, username)
        if row is None:
            raise refusal or NotFound(kind="member")
        self.draw(
            "participant.html",
            status=200 if refusal is None else status_of(refusal),
            community=shown,
            workshop=view.workshop,
            row=row,
            up=up,
            is_mine=up is not None
            and up.helper is not None
            and up.helper.id == self.actor.account_id,
            error="" if refusal is None else self.say(refusal),
            now=self.house.clock.now(),
        )


def _of_person(board: Board, username: str) -> tuple[BoardRow | None, HandUp | None]:
    row = next((one for one in board.rows if one.account.username == username), None)
    up = next((one for one in board.hands if one.account.username == username), None)
    return row, up


async def act_on_servers(
    handler: ServiceHandler,
    community: str,
    slug: str,
    username: str,
    action: Literal["restart", "stop"],
) -> None:
    """Stops somebody's servers at once, or has them stopped and started again."""
    actor: Actor = handler.actor
    servers = await handler.run(take_servers, actor, community, slug, username, action)
    if action == "restart":
        handler.settings["restarts"].restart(servers)
        return
    try:
        await handler.settings["restarts"].stop(servers)
    except (FetchError, OSError) as error:
        raise HTTPError(HTTPStatus.BAD_GATEWAY) from error


async def open_server(handler: ServiceHandler, community: str, slug: str, minutes: int) -> None:
    """Gives access, and takes it back where the Hub cannot be told."""
    access = await handler.run(give_access, handler.actor, community, slug, minutes)
    sharing = handler.settings["sharing"]
    try:
        await sharing.share(access)
    except (FetchError, OSError) as error:
        await handler.run(end_access, handler.actor, community, slug)
        await sharing.carry_out()
        raise HTTPError(HTTPStatus.BAD_GATEWAY) from error
    await sharing.carry_out()  # what was given before


async def close_server(handler: ServiceHandler, community: str, slug: str) -> None:
    await handler.run(end_access, handler.actor, community, slug)
    await handler.settings["sharing"].carry_out()


class HelpPage(WorkshopPage):
    """A learner's hand on the workshop's page: raised, lowered, and the server opened for who comes."""

    async def get(self, community: str, slug: str) -> None:
        self.go(f"communities/{community}/workshops/{slug}")

    async def post(self, community: str, slug: str) -> None:
        place = (community, slug)
        action = self.get_body_argument("action", "")
        typed = self.get_body_argument("question", "")
        try:
            if action == "raise":
                await self.run(raise_hand, self.actor, self.username, *place, typed)
            elif action == "lower":
                await self.run(lower_hand, self.actor, *place)
                await self.settings["sharing"].carry_out()
            elif action == "open":
                minutes = self.get_body_argument("minutes", "")
                is_number = minutes.isascii() and minutes.isdecimal() and len(minutes) < 5
                await open_server(self, *place, int(minutes) if is_number else 0)
            elif action == "close":
                await close_server(self, *place)
            else:
                raise HTTPError(HTTPStatus.BAD_REQUEST)
        except Refusal as refusal:
            if isinstance(refusal, (NotFound, PermissionDenied)):
                raise
            kept = typed[: 4 * LONGEST_QUESTION]
            await self.draw_workshop(
                *place, status=status_of(refusal), question=kept, help_error=self.say(refusal)
            )
            return
        self.go(f"communities/{community}/workshops/{slug}")

    async def draw_stale(self, *path: str) -> None:
        sentence = current_messages().gettext("Please send the form once more.")
        typed = self.get_body_argument("question", "")[: 4 * LONGEST_QUESTION]
        await self.draw_workshop(path[0], path[1], question=typed, help_error=sentence)


_PLACE = r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)"
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_PLACE}/people", BoardPart),
    (f"{_PLACE}/board/events", BoardEvents),
    (f"{_PLACE}/people/([^/]+)", PersonPage),
    (f"{_PLACE}/help", HelpPage),
]
