"""Where servers are started: the Hub's own pages and API, with a line for who cannot start yet.

While nobody waits a start goes as ever, and costs no more: who is refused for a moment, by the Hub's
limits or a quota, takes a ticket. While somebody waits a ticket comes first.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import SpawnHandler as HubSpawnHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from jupyterhub.utils import maybe_future, url_escape_path, url_path_join
from tornado.web import HTTPError, authenticated

from ..domain.leases import ServerKey
from ..domain.line import Place
from ..domain.refusals import OthersInLine, QuotaExceeded, Refusal, StorageUnreachable
from ..pages.language import current_messages
from .client import RESTART
from .home import PendingHandler
from .line import LINE, Line, is_momentary, keeps_place
from .pages import PageMixin
from .refused import RETRY_AFTER, SpawnRefused
from .spawner import CommunitySpawnerMixin

# JupyterHub 6 has the name that is displayed before the spawner.
_NAMES_SERVERS = (
    "display_name" in inspect.signature(HubSpawnHandler._wrap_spawn_single_user).parameters
)


class _LineMixin(BaseHandler):
    @property
    def line(self) -> Line:
        line: Line = self.settings[LINE]
        return line

    def _line_url(self, pending_url: str) -> str:
        """Instead of the page of progress: with the same query, for where to go afterwards."""
        rest = pending_url.removeprefix(url_path_join(self.hub.base_url, "spawn-pending"))
        return f"{self.hub.base_url}communities/line{rest}"

    async def _take_ticket(
        self, spawner: CommunitySpawnerMixin, options: dict[str, Any] | None
    ) -> bool:
        """False: there is no line now, and starts go on without. Raises the refusal for what was asked
        wrongly, as a start does."""
        try:
            json.dumps(options)
        except (TypeError, ValueError):  # a file in an operator's own form
            raise HTTPError(429) from None
        try:
            await self.line.take(await spawner.request_for(options), options)
        except Refusal as refusal:
            if isinstance(refusal, StorageUnreachable) and self.line.is_open_without_storage:
                return False
            raise SpawnRefused(refusal, current_messages()) from None
        return True


class SpawnHandler(_LineMixin, HubSpawnHandler):
    """The Hub's page, where forms and links start servers."""

    async def _wrap_spawn_single_user(self, user: User, server_name: str, *rest: Any) -> Any:
        spawner = next(one for one in rest if isinstance(one, Spawner))
        if not isinstance(spawner, CommunitySpawnerMixin):
            return await super()._wrap_spawn_single_user(user, server_name, *rest)
        if await self.line.lets_pass():
            try:
                return await super()._wrap_spawn_single_user(user, server_name, *rest)
            except HTTPError as error:
                if not is_momentary(error, user.spawners[server_name]):
                    raise
        pending_url, *options = rest[rest.index(spawner) + 1 :]
        if not await self._take_ticket(spawner, options[0] if options else None):
            return await super()._wrap_spawn_single_user(user, server_name, *rest)
        return self.redirect(self._line_url(pending_url), status=303)


class SpawnPendingHandler(_LineMixin, PendingHandler):
    """The page of progress. A start that was slow to be refused leads from here into the line."""

    @authenticated
    @needs_scope("servers")
    async def get(self, user_name: str, server_name: str = "") -> None:
        user = self.find_user(user_name)
        spawner = None if user is None else dict(user.spawners).get(server_name)
        if isinstance(spawner, CommunitySpawnerMixin) and await self._is_to_wait(spawner):
            self.redirect(self._line_url(self.request.uri), status=303)
            return
        await maybe_future(super().get(user_name, server_name))

    async def _is_to_wait(self, spawner: CommunitySpawnerMixin) -> bool:
        if not spawner._failed:
            return False
        error = spawner._spawn_future.exception()
        if self.line.has(spawner.server_key):
            return keeps_place(error, spawner)
        if not is_momentary(error, spawner) or spawner.was_in_line:
            return False  # or has left it
        spawner.was_in_line = True
        return await self._take_ticket(spawner, dict(spawner.user_options))


class LineHandler(_LineMixin, PageMixin, HubSpawnHandler):
    """The page of somebody in line. It asks again by itself, and starts the server in its turn."""

    @authenticated
    @needs_scope("servers")
    async def get(self, user_name: str, server_name: str = "") -> None:
        user = self.find_user(user_name)
        if user is None:
            raise HTTPError(404)
        server = ServerKey(user.name, server_name)
        if self._goes_on(user, server_name):
            return
        if self.line.tell_failure(server):  # a script does not show what it was answered
            self.redirect(self._get_pending_url(user, server_name))
            return
        if server_name and server_name not in user.orm_spawners:
            await self.line.leave([server])  # the server has been deleted
        try:
            place = await self.line.ask(server)
        except StorageUnreachable as refusal:
            await self.draw_refusal(refusal)
            return
        if place is not None and place.is_turn:
            place = await self._start(place, user)
            if self._finished:
                return
        await self._draw(place, user, server_name)

    def _goes_on(self, user: User, server_name: str) -> bool:
        """Leads to a server that is under way or runs, also by another page of the same person."""
        is_active = server_name in user.spawners and user.spawners[server_name].active
        if is_active:
            self.redirect(self._get_pending_url(user, server_name))
        return is_active

    async def _start(self, place: Place, user: User) -> Place | None:
        """Starts the server. Whoever is refused for a moment keeps their place."""
        ticket, name = place.ticket, place.ticket.server.server_name
        spawner = user.get_spawner(name, replace_failed=True)
        displayed = [spawner.orm_spawner.display_name] if _NAMES_SERVERS else []
        options = None if ticket.options is None else dict(ticket.options)
        if options is None:
            await user.spawners[name].get_options_form()  # which notes that there is none
        if self._goes_on(user, name):
            return None
        if self.line.is_starting(ticket):  # by another page, a moment ago
            return place
        self.line.begin(ticket, user.spawners[name])
        try:
            await self._wrap_spawn_single_user(
                user, name, *displayed, spawner, self._get_pending_url(user, name), options
            )
        except Exception as error:
            if not await self.line.settle(ticket, error):
                raise
            return await self.line.ask(ticket.server)
        await self.line.settle(ticket)
        return None

    async def _draw(self, place: Place | None, user: User, server_name: str) -> None:
        escaped = (user.escaped_name, url_escape_path(server_name))
        await self.draw(
            "in_line.html",
            place=place,
            server_user=user.name,
            server_name=server_name,
            start_url=url_path_join(self.hub.base_url, "spawn", *escaped),
        )


class LeaveLineHandler(_LineMixin, PageMixin):
    """Gives up a place, from a form."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form leads back instead of a bare 403."""

    async def post(self) -> None:
        if self.current_user is not None and self.is_form_of_session():
            await self._leave(self.typed("user"), self.typed("server"))
        self.go("home")

    @needs_scope("servers")
    async def _leave(self, user_name: str, server_name: str) -> None:
        await self.line.leave([ServerKey(user_name, server_name)])


class ServerApiHandler(_LineMixin, UserServerAPIHandler):
    """The Hub's API stands in no line, and does not get past those who do."""

    async def spawn_single_user(
        self, user: User, server_name: str = "", *rest: Any, **named: Any
    ) -> None:
        spawner = user.spawners[server_name]
        is_ours = isinstance(spawner, CommunitySpawnerMixin)
        if is_ours and not self._is_restart and not await self.line.is_empty():
            try:
                request = await spawner.request_for(named.get("options"))
                if await self.line.would_wait(request):
                    raise OthersInLine
            except Refusal as refusal:
                is_open = self.line.is_open_without_storage
                if not (isinstance(refusal, StorageUnreachable) and is_open):
                    raise SpawnRefused(refusal, current_messages()) from None
        try:
            await super().spawn_single_user(user, server_name, *rest, **named)
        except HTTPError as error:
            if is_ours and self._is_restart and is_momentary(error, user.spawners[server_name]):
                await self._keep_place(spawner, error)
            if error.status_code == 429 and not getattr(error, "headers", None):
                error.headers = {"Retry-After": str(RETRY_AFTER)}  # type: ignore[attr-defined]
            raise

    @property
    def _is_restart(self) -> bool:
        """The person had a place until a moment ago, and gets it back. Nobody says so of themselves."""
        by_service = getattr(self.current_user, "kind", None) == "service"
        return by_service and RESTART in self.request.query_arguments

    async def _keep_place(self, spawner: CommunitySpawnerMixin, error: HTTPError) -> None:
        """Somebody else has taken it meanwhile: the person stands in line instead, for as long as
        anybody does who does not look; and who helps can see why there is no server."""
        if isinstance(getattr(error, "refusal", None), QuotaExceeded):
            await spawner._note_trouble(QuotaExceeded.code)
        await self._take_ticket(spawner, dict(spawner.user_options))


START_HANDLERS: list[tuple[str, type[Any]]] = [
    (r"/spawn", SpawnHandler),
    (r"/spawn/([^/]+)", SpawnHandler),
    (r"/spawn/([^/]+)/([^/]+)", SpawnHandler),
    (r"/spawn-pending/([^/]+)", SpawnPendingHandler),
    (r"/spawn-pending/([^/]+)/([^/]+)", SpawnPendingHandler),
    (r"/communities/line/([^/]+)", LineHandler),
    (r"/communities/line/([^/]+)/([^/]+)", LineHandler),
    (r"/communities/leave-line", LeaveLineHandler),
    (r"/api/users/([^/]+)/server", ServerApiHandler),
    (r"/api/users/([^/]+)/servers/([^/]*)", ServerApiHandler),
]
