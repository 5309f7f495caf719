"""The Hub's home page with what the person should know of: notices, ends of access and servers, a link.

And its forms: putting a notice away, stopping a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.pages import HomeHandler as HubHomeHandler
from jupyterhub.handlers.pages import SpawnPendingHandler as HubPendingHandler
from tornado.web import authenticated

from ..application.identities import is_link_of_use
from ..application.news import news_of, progress_of
from ..application.notices import put_notice_away
from ..domain.refusals import Refusal
from ..pages.language import current_messages
from ..pages.notices import shown_notices
from ..pages.refusals import grace_sentence
from ..pages.stops import ShownStop, shown_stops
from ..pages.templates import is_ours
from .options import left_at
from .pages import PageMixin


class HomeHandler(PageMixin, HubHomeHandler):
    _news: Mapping[str, Any] = MappingProxyType({})

    @authenticated
    async def get(self) -> None:
        try:
            self._news = await self._what_is_new(self.current_user.name)
        except Refusal:
            pass  # it waits; the server's buttons need not
        await super().get()

    async def _what_is_new(self, username: str) -> dict[str, Any]:
        messages = current_messages()
        has_server = any(one.active for one in self.current_user.spawners.values())
        news = await self.house.look(news_of, username, has_server=has_server)
        until = news.person.grace_until
        return {
            "left": [left_at(place, messages) for place in news.left],
            "notices": shown_notices(news.notices, messages),
            "workshop_messages": news.messages,
            "asked": news.asked,
            "stops": shown_stops(news.stops, messages),
            "grace_notice": "" if until is None else grace_sentence(until, messages),
            "offers_link": self.upstream_has_button
            and await self.house.run(is_link_of_use, news.person),
        }

    def render_template(self, name: str, sync: bool = False, **values: Any) -> Any:
        """Ours waits for nothing while it is drawn, and goes without what that costs; an operator's own
        may have to."""
        values = {**self._news, **values}
        if sync or not is_ours(self.get_template(name, sync=True)):
            return super().render_template(name, sync=sync, **values)
        return _to_be_awaited(super().render_template(name, sync=True, **values))


async def _to_be_awaited(page: str) -> str:
    return page


class PendingHandler(PageMixin, HubPendingHandler):
    """The page of a start that is under way, with what is left beside it and when the server stops, as
    far as that is known."""

    _stops: tuple[ShownStop, ...] = ()
    _left = ""

    @authenticated
    async def get(self, for_user: str, server_name: str = "") -> None:
        if for_user == self.current_user.name:
            try:
                progress = await self.house.look(progress_of, for_user, server_name)
            except Refusal:
                pass  # the start goes on without
            else:
                self._stops = shown_stops(progress.stops, current_messages())
                if progress.left is not None:
                    self._left = left_at(progress.left, current_messages())
        await super().get(for_user, server_name)

    def render_template(self, name: str, *args: Any, **values: Any) -> Any:
        return super().render_template(name, *args, stops=self._stops, left=self._left, **values)


class NoticesHandler(PageMixin):
    """A notice was read."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form leads back instead of a bare 403."""

    async def post(self) -> None:
        if self.current_user is not None and self.is_form_of_session():
            try:
                await self.house.run(put_notice_away, self.current_user.name, self.typed("notice"))
            except Refusal as refusal:
                await self.draw_refusal(refusal)
                return
        self.go("home")


class StopHandler(PageMixin):
    """Stops a server, or its start, from a form: the Hub's own pages do it by script only."""

    # The Hub's own way: scopes, a start that is under way, a server that has died.
    _stop = UserServerAPIHandler.delete

    def get_json_body(self) -> None:
        """What the API may be asked beside; a form asks for nothing."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form leads back instead of a bare 403."""

    async def post(self) -> None:
        if self.current_user is not None and self.is_form_of_session():
            await self._stop(self.typed("user"), self.typed("server"))
        self.go("home")
