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
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import OutputTransform, RequestHandler

from ..i18n.messages import Messages, messages_for, offered
from ..i18n.negotiation import Wishes, closest, negotiate

LANGUAGE_COOKIE = "communities-language"
_KEPT_DAYS = 400

_NO_WISHES = Wishes()
_wishes: ContextVar[Wishes] = ContextVar("wishes", default=_NO_WISHES)


def current_messages() -> Messages:
    """The reader's sentences and formats."""
    return messages_for(negotiate(_wishes.get(), offered()))


def language_transform(hub_language: str) -> type[OutputTransform]:
    """A transform for tornado's `transforms`: made anew for each request, before its handler runs,
    it is the one place that sees every request of the Hub."""

    class LanguageTransform(OutputTransform):
        def __init__(self, request: HTTPServerRequest):
            super().__init__(request)
            _wishes.set(wishes_of(request, hub_language))

    return LanguageTransform


def wishes_of(request: HTTPServerRequest, hub_language: str | None = None) -> Wishes:
    """What a request alone says about language."""
    cookie = request.cookies.get(LANGUAGE_COOKIE)
    query = request.query_arguments.get("lang")
    return Wishes(
        cookie=None if cookie is None else cookie.value,
        query=query[-1].decode("ascii", "replace") if query else None,
        accept=request.headers.get("Accept-Language"),
        hub=hub_language,
    )


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


def keep_language(handler: RequestHandler, path: str) -> str | None:
    """Keeps the language that was chosen (`to`) in a cookie of `path`. The tag, or None where it
    is not offered."""
    tag = closest(handler.get_query_argument("to", ""), offered())
    if tag is not None:
        handler.set_cookie(
            LANGUAGE_COOKIE,
            tag,
            path=path,
            expires_days=_KEPT_DAYS,
            httponly=True,
            samesite="Lax",
            secure=handler.request.protocol == "https",
        )
    return tag


def local_path(wanted: str, *, default: str) -> str:
    """`wanted` where it is a plain path on this host, else `default`."""
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_path and wanted.isprintable() and "\\" not in wanted else default


class ReaderProxy:
    """The current reader's `Messages`, as a template global."""

    def __getattr__(self, name: str) -> Any:
        return getattr(current_messages(), name)
