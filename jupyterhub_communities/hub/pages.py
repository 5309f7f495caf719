"""Our pages inside the Hub: drawing one, refusing on one, and fitting them into the Hub."""

from __future__ import annotations

import logging
import re
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from tornado.web import GZipContentEncoding

from ..application.house import House
from ..domain.refusals import Refusal
from ..pages.headers import page_headers
from ..pages.language import current_messages
from ..pages.refusals import sentence_of, status_of
from ..pages.templates import Site, asset_handlers, install_hub_templates
from .refused import SpawnRefused

_CODE_ARGUMENT = re.compile(r"(\bcode(?:=|%3[dD]|%253[dD]))(?!\[secret\])[^&\s\"']+")

__all__ = ["PageMixin", "asset_handlers", "install_pages"]


class PageMixin(BaseHandler):
    """A page of ours, drawn with the Hub's template environment."""

    @property
    def house(self) -> House:
        house: House = self.authenticator._house
        return house

    async def draw(self, template: str, *, status: int = 200, **values: Any) -> None:
        """Answers with a page. Ours are never stored by a browser or a proxy."""
        self.set_status(status)
        for name, value in page_headers().items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        values.setdefault("page_path", self.request.path)
        self.finish(await self.render_template(template, **values))

    async def draw_refusal(self, refusal: Refusal) -> None:
        await self.draw("refused.html", status=status_of(refusal), message=self.say(refusal))

    def say(self, refusal: Refusal) -> str:
        return sentence_of(refusal, current_messages())

    def go(self, path: str) -> None:
        """Redirects after a form; `path` lies below the Hub's address."""
        self.redirect(self.hub.base_url + path, status=303)


def install_pages(app: Any, house: House) -> None:
    """Fits our templates, languages and compression into the Hub."""
    settings = app.tornado_settings
    hub_url = app.hub.base_url
    site = Site(
        hub_url=hub_url,
        service_url=f"{app.base_url}services/communities/",
        asset_url=f"{hub_url}communities/static/",
    )
    install_hub_templates(settings, site=site, hub_language=house.settings.language)
    settings["transforms"].append(GZipContentEncoding)
    app.log.addFilter(without_refusal_traceback)
    app.log.addFilter(without_codes)


def without_refusal_traceback(record: logging.LogRecord) -> bool:
    """The Hub logs every failed start with its traceback; a refusal is no accident."""
    if record.exc_info and isinstance(record.exc_info[1], SpawnRefused):
        record.exc_info = None
        record.exc_text = None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


def without_codes(record: logging.LogRecord) -> bool:
    """The Hub scrubs the argument `code` of an address, but not of an address within an argument."""
    message = record.getMessage()
    scrubbed = _CODE_ARGUMENT.sub(r"\1[secret]", message)
    if scrubbed != message:
        record.msg, record.args = scrubbed, None
    return True
