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

_CODE_ARGUMENT = re.compile(r"(code(?:=|%3d|%253d))(?!\[secret\])[^&%\s\"']+", re.IGNORECASE)

__all__ = ["PageMixin", "asset_handlers", "install_pages"]


class PageMixin(BaseHandler):
    """A page of ours, drawn with the Hub's template environment."""

    @property
    def house(self) -> House:
        house: House = self.authenticator._house
        return house

    @property
    def language_paths(self) -> tuple[str, str]:
        """Where cookies about language are read: by the Hub and by the service."""
        return (self.hub.base_url, f"{self.base_url}services/communities/")

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
    clean_logs(app.log)


def clean_logs(log: logging.Logger) -> None:
    """Keeps codes and refusals' tracebacks out of the Hub's log.

    The filters sit on its handlers: tornado's loggers hand their records to the Hub's log too.
    """
    for handler in log.handlers:
        handler.addFilter(without_refusal_traceback)
        handler.addFilter(without_codes)
    # On a slow start nobody waits for the answer any more; the progress page shows the refusal.
    logging.getLogger("asyncio").addFilter(is_no_refusal)


def is_no_refusal(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], SpawnRefused))


def without_refusal_traceback(record: logging.LogRecord) -> bool:
    """The Hub logs every failed start with its traceback; a refusal is no accident."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None or isinstance(error, SpawnRefused):
        # JupyterHub 5 also logs a traceback where there is none to log: `NoneType: None`.
        record.exc_info = record.exc_text = None
    return True


def without_codes(record: logging.LogRecord) -> bool:
    """The Hub scrubs the argument `code` of an address, but not of an address within an argument."""
    message = record.getMessage()
    scrubbed = _CODE_ARGUMENT.sub(r"\1[secret]", message)
    if scrubbed != message:
        record.msg, record.args = scrubbed, None
    return True
