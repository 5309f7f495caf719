"""The language of whoever reads the page that is being made.

A ContextVar holds the reader's wishes for the length of a request, also in the tasks that it
starts, such as a server's start. A handler that learns more (a stored preference, the workshop)
refines them; the order of the wishes stays the one of `i18n.negotiation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tornado.httputil import HTTPServerRequest
from tornado.web import OutputTransform, RequestHandler

from ..i18n.messages import Messages, messages_for, offered
from ..i18n.negotiation import Wishes, negotiate

LANGUAGE_COOKIE = "communities-language"  # what the reader chose
WORKSHOP_COOKIE = "communities-workshop-language"  # that of the workshop they are in
_KEPT_DAYS = 400
_NEVER_KEPT = ("code", "key", "lang", "token", "_xsrf")  # arguments of an address

_NOTHING_KNOWN = Wishes()
_wishes: ContextVar[Wishes] = ContextVar("wishes", default=_NOTHING_KNOWN)
_address: ContextVar[str] = ContextVar("address", default="")


def current_messages() -> Messages:
    """The reader's sentences and formats."""
    return messages_for(_tag_for(_wishes.get(), offered()))


@lru_cache(maxsize=256)
def _tag_for(wishes: Wishes, offered: tuple[str, ...]) -> str:
    """Looked up once for a page's many sentences, and for the next reader who wishes the same."""
    return negotiate(wishes, offered)


def language_transform(hub_language: str) -> type[OutputTransform]:
    """A transform for tornado's `transforms`: made anew for each request, before its handler runs,
    it is the one place that sees every request of the Hub."""

    class LanguageTransform(OutputTransform):
        def __init__(self, request: HTTPServerRequest):
            super().__init__(request)
            _wishes.set(wishes_of(request, hub_language))
            _address.set(address_of(request))

    return LanguageTransform


def current_address() -> str:
    """Where the language switch comes back to; empty outside requests."""
    return _address.get()


def address_of(request: HTTPServerRequest) -> str:
    """The address of a page that may be loaded again: without secrets, and without what would send
    a form or start a server (the Hub takes the arguments of its spawn page for options)."""
    if request.method != "GET" or "/spawn" in request.path:
        return request.path
    kept = [
        (name, value)
        for name, value in parse_qsl(request.query)
        if name not in _NEVER_KEPT and not any(f"{secret}=" in value for secret in _NEVER_KEPT)
    ]
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def wishes_of(request: HTTPServerRequest, hub_language: str | None = None) -> Wishes:
    """What a request alone says about language."""
    query = request.query_arguments.get("lang")
    return Wishes(
        cookie=_cookie(request, LANGUAGE_COOKIE),
        query=query[-1].decode("ascii", "replace") if query else None,
        workshop=_cookie(request, WORKSHOP_COOKIE),
        accept=request.headers.get("Accept-Language"),
        hub=hub_language,
    )


def _cookie(request: HTTPServerRequest, name: str) -> str | None:
    cookie = request.cookies.get(name)
    return None if cookie is None else cookie.value


def refine_language(
    *, stored: str | None = None, workshop: str | None = None, community: str | None = None
) -> Messages:
    """Adds what a handler learned about the reader, for the rest of the request."""
    known = _wishes.get()
    _wishes.set(
        replace(
            known,
            stored=stored or known.stored,
            workshop=workshop or known.workshop,
            community=community or known.community,
        )
    )
    return current_messages()


@contextmanager
def use_language(tag: str) -> Iterator[Messages]:
    """One language for a block of code, outside requests."""
    token = _wishes.set(Wishes(cookie=tag))
    try:
        yield current_messages()
    finally:
        _wishes.reset(token)


def keep_language(
    handler: RequestHandler,
    tag: str,
    paths: tuple[str, ...],
    *,
    cookie: str = LANGUAGE_COOKIE,
    days: float | None = _KEPT_DAYS,
) -> None:
    """Has the browser tell the language from now on; `days` None: until it is closed, 0: no more.

    Writes the headers itself: tornado's `set_cookie` keeps one cookie of a name, whatever its path.
    """
    for path in paths:
        morsel = SimpleCookie({cookie: tag})[cookie]
        morsel["path"] = path
        morsel["samesite"] = "Lax"
        morsel["httponly"] = True
        morsel["secure"] = handler.request.protocol == "https"
        if domain := _shared_domain(handler):
            morsel["domain"] = domain
        if days is not None:
            morsel["max-age"] = int(days * 24 * 3600)
        handler.add_header("Set-Cookie", morsel.OutputString())


def _shared_domain(handler: RequestHandler) -> str:
    """Where the service has a host of its own, below the Hub's."""
    settings = handler.application.settings
    domain: str = settings["domain"] if settings.get("subdomain_host") else ""
    return domain


def local_path(wanted: str, *, default: str) -> str:
    """`wanted` where it is a plain path on this host, else `default`."""
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_path and wanted.isprintable() and "\\" not in wanted else default


class ReaderProxy:
    """The current reader's `Messages`, as a template global."""

    def __getattr__(self, name: str) -> Any:
        return getattr(current_messages(), name)
