"""Our pages inside the Hub: drawing one, refusing on one, and fitting them into the Hub."""

from __future__ import annotations

import gc
import logging
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from jinja2 import Environment, TemplateError, meta
from jupyterhub.handlers.base import BaseHandler
from tornado.web import GZipContentEncoding

from ..application.house import House
from ..application.people import Person
from ..application.warming import warm_up
from ..domain.refusals import FormTooLong, Refusal
from ..i18n.messages import read_formats, use_zone
from ..pages.headers import page_headers
from ..pages.language import current_messages
from ..pages.refusals import sentence_of, status_of
from ..pages.templates import Site, asset_handlers, install_hub_templates
from .lookups import read_collections_once
from .refused import SignInRefused, SpawnRefused

# The argument `code` of an address, also of one that stands quoted in another's argument.
_CODE_ARGUMENT = re.compile(
    r"""((?:[?&]|%(?:25)*(?:3F|26))code(?:=|%(?:25)*3D))(?!\[secret\])[^&\s"']+""",
    re.IGNORECASE,
)

LONGEST_FORM = 1_000_000  # bytes
# What a learner sees first, in the environment that draws it.
_FIRST_PAGES = {
    "jinja2_env_sync": ("login.html", "join.html", "welcome.html", "home.html"),
    "jinja2_env": ("spawn_pending.html",),
}

__all__ = ["PageMixin", "asset_handlers", "install_pages"]


class PageMixin(BaseHandler):
    """A page of ours, drawn with the Hub's template environment."""

    person: Person | None = None  # who has just signed in by this request

    @property
    def house(self) -> House:
        house: House = self.authenticator._house
        return house

    @property
    def language_paths(self) -> tuple[str, str]:
        """Where the cookies of language go: to both doors, and to nobody's server."""
        return self.hub.base_url, f"{self.base_url}services/communities/"

    async def prepare(self) -> None:
        await super().prepare()
        if len(self.request.body) > LONGEST_FORM and not self._finished:
            await self.draw_refusal(FormTooLong())

    async def draw(self, template: str, *, status: int = 200, **values: Any) -> None:
        """Answers with a page. Ours are never stored by a browser or a proxy. They wait for
        nothing while they are drawn, and go without what that would cost."""
        self.set_status(status)
        for name, value in page_headers().items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        values.setdefault("page_path", self.request.path)
        self.finish(self.render_template(template, sync=True, **values))

    async def draw_refusal(self, refusal: Refusal, **values: Any) -> None:
        await self.draw(
            "refused.html", status=status_of(refusal), message=self.say(refusal), **values
        )

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Whatever the bytes: tornado's refusal is a bare 400, and tells them in the log."""
        return value.decode("utf-8", "replace")

    def typed(self, name: str) -> str:
        """A field of the form exactly as it was typed; tornado would clean it silently."""
        values = self.request.body_arguments.get(name)
        return values[-1].decode("utf-8", "replace") if values else ""

    def say(self, refusal: Refusal) -> str:
        return sentence_of(refusal, current_messages())

    def is_form_of_session(self) -> bool:
        """Was the form drawn for who is signed in now? By the Hub's own token, compared by us."""
        sent = self.get_body_argument("_xsrf", "")
        return secrets.compare_digest(sent.encode(), self.xsrf_token)

    @property
    def upstream_url(self) -> str:
        """Where the upstream's own way in begins."""
        url: str = self.authenticator.login_url(self.hub.base_url)
        return url

    @property
    def upstream_has_form(self) -> bool:
        """Does upstream take a name and a password, in the login page's own form?"""
        return self.upstream_url == f"{self.hub.base_url}login"

    @property
    def upstream_has_button(self) -> bool:
        """Can one go to upstream's sign-in from here? From a course one can only come."""
        authenticator = self.authenticator
        return authenticator.upstream is not None and not authenticator.upstream_is_launched

    def go(self, path: str) -> None:
        """Redirects after a form; `path` lies below the Hub's address."""
        self.redirect(self.hub.base_url + path, status=303)


def install_pages(app: Any, house: House) -> None:
    """Fits our templates, languages and compression into the Hub, and our rules into its log."""
    settings = app.tornado_settings
    hub_url = app.hub.base_url
    site = Site(
        hub_url=hub_url,
        service_url=f"{app.base_url}services/communities/",
        asset_url=f"{hub_url}communities/static/",
    )
    install_hub_templates(settings, site=site, hub_language=house.settings.language)
    for environment, pages in _FIRST_PAGES.items():
        _compile(settings[environment], pages)
    use_zone(house.settings.zone)
    read_formats()
    warm_up(house)
    settings["transforms"].append(GZipContentEncoding)
    # Also the Hub's own pages: after sign-out, Back shows nothing that a browser has kept.
    settings.setdefault("headers", {}).setdefault("Cache-Control", "no-store")
    clean_logs(app.log)
    read_collections_once(app.db)
    # What has been loaded by now stays: no collection of garbage need look through it again.
    gc.collect()
    gc.freeze()


def _compile(environment: Environment, names: Iterable[str | None]) -> None:
    """These templates with all that they include and extend, now instead of while the first learner
    waits."""
    for name in names:
        with suppress(TemplateError):  # in an operator's own: its page says so
            if name is None or environment.loader is None:
                continue  # which one it is, is known when it is drawn
            source, *_ = environment.loader.get_source(environment, name)
            _compile(environment, meta.find_referenced_templates(environment.parse(source)))
            environment.get_template(name)


def clean_logs(log: logging.Logger) -> None:
    """Keeps codes and refusals' tracebacks out of the Hub's log.

    The filters sit on its handlers: tornado's loggers hand their records to the Hub's log too.
    """
    for handler in log.handlers:
        handler.addFilter(without_refusal_traceback)
        handler.addFilter(without_codes)
    # A start that is refused after its page was answered ends in a task that nobody awaits.
    logging.getLogger("asyncio").addFilter(lambda record: not is_refusal(record))


def is_refusal(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return isinstance(error, (SpawnRefused, SignInRefused))


def without_refusal_traceback(record: logging.LogRecord) -> bool:
    """The Hub logs every failed start with its traceback; a refusal is no accident."""
    if is_refusal(record):
        record.exc_info = None
        record.exc_text = None
        record.levelno, record.levelname = logging.INFO, "INFO"
    elif record.exc_info and record.exc_info[1] is None:
        record.exc_info = None  # JupyterHub 5 says "NoneType: None" of every refused start
    return True


def without_codes(record: logging.LogRecord) -> bool:
    """The Hub scrubs the argument `code` of an address, but not of an address within an argument."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError):
        return True  # its placeholders do not fit: logging itself says so
    scrubbed = _CODE_ARGUMENT.sub(r"\1[secret]", message)
    if scrubbed != message:
        record.msg, record.args = scrubbed, None
    return True
