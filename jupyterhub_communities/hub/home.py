"""The Hub's home page, with what somebody must know whose access has ended."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.pages import HomeHandler as HubHomeHandler

from ..application.people import find_person
from ..domain.refusals import Refusal
from ..pages.language import current_messages
from ..pages.refusals import grace_sentence
from .pages import PageMixin


class HomeHandler(PageMixin, HubHomeHandler):
    grace_notice = ""

    async def get(self) -> None:
        if self.current_user is not None:
            try:
                until = (await self.house.run(find_person, self.current_user.name)).grace_until
                if until is not None:
                    self.grace_notice = grace_sentence(until, current_messages())
            except Refusal:
                pass  # the server's buttons need not wait for it
        await super().get()

    def render_template(self, name: str, *args: Any, **values: Any) -> Any:
        return super().render_template(name, *args, grace_notice=self.grace_notice, **values)
