"""The Hub's home page with what the person should know of, until they put it away."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.pages import HomeHandler as HubHomeHandler
from tornado.web import authenticated

from ..application.notices import list_notices, put_notice_away
from ..domain.refusals import Refusal
from ..pages.language import current_messages
from ..pages.notices import ShownNotice, shown_notices
from .pages import PageMixin


class HomeHandler(PageMixin, HubHomeHandler):
    notices: tuple[ShownNotice, ...] = ()

    @authenticated
    async def get(self) -> None:
        try:
            notices = await self.house.run(list_notices, self.current_user.name)
            self.notices = shown_notices(notices, current_messages())
        except Refusal:
            pass  # they wait; the server's buttons need not
        await super().get()

    def render_template(self, name: str, *args: Any, **values: Any) -> Any:
        return super().render_template(name, *args, notices=self.notices, **values)


class NoticesHandler(PageMixin):
    """A notice was read."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form leads back instead of a bare 403."""

    async def post(self) -> None:
        is_good = self.get_body_argument("_xsrf", "") == self.xsrf_token.decode("ascii")
        if self.current_user is not None and is_good:
            try:
                await self.house.run(put_notice_away, self.current_user.name, self.typed("notice"))
            except Refusal as refusal:
                await self.draw_refusal(refusal)
                return
        self.go("home")
