"""Pages of the service, asked for as a browser would that somebody has signed in with."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPResponse


class Visitor:
    """Comes with a token: the same pages as with the cookie, without the redirects of a sign-in."""

    def __init__(
        self, service: str, page: str = "", *, who: str | None = "champion", language: str = "en"
    ):
        """What is asked for unless told otherwise: `page`, as `who`, in `language`."""
        self._service = service
        self._page = page
        self._who = who
        self._language = language

    async def __call__(
        self,
        path: str | None = None,
        *,
        who: str | None = "",
        language: str = "",
        data: Mapping[str, Any] | None = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> HTTPResponse:
        """A GET; with `data`, or a `body` that is encoded already, a POST. `who`: None for nobody."""
        if data is not None:
            body = urlencode(data, doseq=True)
        known = self._who if who == "" else who
        return await AsyncHTTPClient().fetch(
            self._service + (self._page if path is None else path),
            method="GET" if body is None else "POST",
            body=body,
            headers={
                **({"Authorization": f"token {known}"} if known else {}),
                "Accept-Language": language or self._language,
                **dict(headers),
            },
            raise_error=False,
            follow_redirects=False,
        )

    async def read(self, path: str | None = None, **more: Any) -> tuple[int, str]:
        """The status, and the page with its tags, as a browser understands it."""
        answer = await self(path, **more)
        return answer.code, html.unescape(answer.body.decode())


def text_of(answer: HTTPResponse) -> str:
    """What a page says, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.body.decode())).split())
