"""How a request to the API is read and answered: bodies, pages, versions, repeated requests, and
problem documents (RFC 9457)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError

from ..application.invites import IssuedInvite
from ..application.ports import Desk
from ..application.repeating import Request, find_answer, once
from ..domain.paging import MOST_ENTRIES, USUAL_ENTRIES, Key, Page, Part
from ..domain.refusals import PageInvalid, ProofNeeded, VersionOutdated
from ..domain.versions import Expected
from ..pages.language import current_messages
from . import answers
from .base import ServiceHandler
from .operations import Method, Operation, operations_of

Body = TypeVar("Body", bound=BaseModel)
T = TypeVar("T")

ROOT = "api/v1/"  # under the service's address
_TAG = re.compile(r'(W/)?"([^"]*)"')
_KEY = re.compile(r"[!-~]{1,255}")  # of `Idempotency-Key`


class InvalidBody(Exception):
    """The body does not have the shape that is expected."""

    def __init__(self, errors: list[dict[str, Any]]):
        super().__init__("invalid body")
        self.errors = errors


class Table(str):
    """CSV."""

    __slots__ = ()


class ApiHandler(ServiceHandler):
    """Answers in JSON; tokens of the Hub, or the page's session with its form token."""

    paths: tuple[str, ...] = ()  # under `api/v1`
    # Of what is looked at or was changed: the first part of its `ETag`.
    version: str | None = None
    said: Operation
    _shown: Any = None  # an answer that has passed its model already

    async def perform(self, said: Operation, method: Method, path: Mapping[str, str]) -> None:
        """Calls the method of an operation, and answers as it declares."""
        self.said = said
        # A change that nobody compares is not made for a version.
        if not said.is_versioned and self.request.method != "GET" and self.expected is not None:
            raise VersionOutdated
        if said.asks_again:
            self.need_proof()
        more: dict[str, Any] = {}
        if said.body is not None:
            is_left_out = said.is_body_optional and not self.request.body
            more["body"] = said.body() if is_left_out else self.body(said.body)
        self.set_status(said.status)
        found = await method(self, **path, **more)
        if self._finished:
            return  # a file, written as it was read
        if said.answer is None:
            self.clear_header("Content-Type")
        elif isinstance(found, Table):
            self.set_header("Content-Type", "text/csv; charset=utf-8")
            self.finish(found)
        elif isinstance(found, Part):
            self._link_to_next(found)
            self.answer(said.plain(list(found.entries)))
        elif self._shown is not None:
            self.answer(self._shown)
        else:
            self.answer(said.plain(found))

    def answer(self, data: Any) -> None:
        text = json.dumps(data, ensure_ascii=False)
        self.set_header("Content-Type", "application/json")
        if self.version is not None and self.request.method != "GET":
            self.set_header("Etag", self._tag_of(text.encode()))
        self.finish(text)

    def body(self, model: type[Body]) -> Body:
        """The request's body. Raises what `write_error` tells with each wrong field."""
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            return model.model_validate_json(self.request.body)
        except ValidationError as error:
            raise InvalidBody(
                [
                    {"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]}
                    for e in error.errors(include_url=False, include_input=False)
                ]
            ) from error

    def issued(self, issued: IssuedInvite) -> answers.IssuedInvite:
        return answers.IssuedInvite.showing(issued, self.join_link(issued.link))

    def address(self, path: str) -> str:
        return f"{self.settings['prefix']}{ROOT}{path}"

    # Versions

    @property
    def expected(self) -> Expected:
        """The versions for which a change is made, by `If-Match`; None: whichever there is.

        A version is the first part of a tag. The rest tells representations apart, for
        `If-None-Match`: with a seat that is taken it is another one, and a change is still as good.
        """
        said = self.request.headers.get("If-Match")
        if said is None or said.strip() == "*":
            return None
        strong = (tag for weak, tag in _TAG.findall(said) if not weak)
        return frozenset(tag.partition(".")[0] for tag in strong)

    def compute_etag(self) -> str | None:
        """tornado asks for it, and answers 304 where it is known already."""
        return self._tag_of(b"".join(self._write_buffer))

    def _tag_of(self, text: bytes) -> str:
        digest = sha256(text).hexdigest()[:32]
        return f'"{digest}"' if self.version is None else f'"{self.version}.{digest}"'

    # Pages

    @property
    def page(self) -> Page:
        """What is asked for. Raises `PageInvalid`."""
        limit = self.get_query_argument("limit", str(USUAL_ENTRIES))
        after = self.get_query_argument("after", None)
        if not (limit.isascii() and limit.isdecimal() and len(limit) <= 9):
            raise PageInvalid(most=MOST_ENTRIES)
        if not 1 <= int(limit) <= MOST_ENTRIES:
            raise PageInvalid(most=MOST_ENTRIES)
        return Page(int(limit), None if after is None else self.place_of(after))

    def _link_to_next(self, part: Part[Any]) -> None:
        if part.after is not None:
            others = {name: self.get_query_argument(name) for name in self.request.query_arguments}
            others["limit"] = str(self.page.limit)
            self.set_header("Link", self._next(self.request.path, part.after, others))

    def _next(self, path: str, after: Key, others: Mapping[str, str]) -> str:
        query = urlencode({**others, "after": self.sealed(after, path)})
        return f'<{path}?{query}>; rel="next"'

    # Requests that may be sent twice

    async def make(
        self,
        verb: Callable[[Desk], T],
        show: Callable[[T], Any],
        body: BaseModel | None = None,
        *,
        at: Callable[[T], str] | None = None,
    ) -> None:
        """Answers with what the verb makes, `at` its address; once only for an `Idempotency-Key`. Of
        a long list with the first page."""

        def act(desk: Desk) -> str:
            made = verb(desk)
            shown, headers = show(made), {}
            if at is not None:
                headers["Location"] = self.address(at(made))
            if isinstance(shown, Part):
                if shown.after is not None:
                    others = {"limit": str(USUAL_ENTRIES)}
                    headers["Link"] = self._next(headers["Location"], shown.after, others)
                shown = list(shown.entries)
            return json.dumps({"shown": self.said.plain(shown), "headers": headers})

        request = self._repeatable(body)
        if request is None:
            self._show(await self.run(act))
        else:
            self._show(await self.run(once, request, act))

    async def is_repeated(self, body: BaseModel) -> bool:
        """Whether the request was answered before, and so it is now: asked before what takes long."""
        request = self._repeatable(body)
        text = None if request is None else await self.run(find_answer, request)
        if text is not None:
            self._show(text)
        return text is not None

    def _show(self, text: str) -> None:
        answer = json.loads(text)
        for name, value in answer["headers"].items():
            self.set_header(name, value)
        self._shown = answer["shown"]

    def _repeatable(self, body: BaseModel | None) -> Request | None:
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise HTTPError(HTTPStatus.BAD_REQUEST)
        asked = f"{self.request.method} {self.request.path}\n"
        return Request(
            username=self.username,
            account_id=self.actor.account_id,
            key=key,
            asked=asked + ("" if body is None else body.model_dump_json()),
        )

    # What is wrong

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        more: dict[str, Any] = {}
        if isinstance(error, InvalidBody):
            status, code = 422, "body.invalid"
            sentence = current_messages().gettext("Some fields are missing or wrong.")
            more = {"errors": error.errors}
        else:
            status, code, sentence = self.error_of(status_code, **kwargs)
        if isinstance(error, ProofNeeded) and self._is_opened():
            self.redirect(self.again_address(), status=303)
            return
        self.set_status(status)
        if status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", "Bearer")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(operations_of(type(self))))
        self.set_header("Content-Type", "application/problem+json")
        problem = answers.Problem(
            type="about:blank",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=sentence,
            code=code,
            **more,
        )
        self.finish(json.dumps(problem.model_dump(exclude_unset=True), ensure_ascii=False))

    def _is_opened(self) -> bool:
        """By a link, such as that of a file: somebody looks at what comes."""
        mode = self.request.headers.get("Sec-Fetch-Mode", "navigate")
        return self.request.method == "GET" and mode == "navigate"

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, InvalidBody):
            super().log_exception(typ, value, tb)
