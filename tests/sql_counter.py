"""Counts SQL inside a real hub: what a request made the Hub's engine and ours do.

A hub's configuration calls `install(c)`. Statements of the Hub's engine count where the request
carries the header `X-Counted`; those of ours all count, for nothing else in the Hub's process uses
it. `GET /hub/counted` answers with what was counted since it was last asked.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from pathlib import Path

from sqlalchemy import Connection, Engine, event
from tornado.httputil import HTTPServerRequest
from tornado.web import OutputTransform, RequestHandler

OURS = "communities.sqlite"
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(\w+)", re.IGNORECASE)
_INNERMOST = re.compile(r"\([^()]*\)")

_request: ContextVar[str] = ContextVar("request", default="")
_counted: list[dict[str, str]] = []


class RequestTransform(OutputTransform):
    """Made anew for each request, before its handler runs."""

    def __init__(self, request: HTTPServerRequest):
        super().__init__(request)
        is_counted = "X-Counted" in request.headers
        _request.set(f"{request.method} {request.path}" if is_counted else "")


class CountedHandler(RequestHandler):
    def get(self) -> None:
        self.write(json.dumps(_counted))
        _counted.clear()


def install(c) -> None:
    c.JupyterHub.tornado_settings = {"transforms": [RequestTransform]}
    c.JupyterHub.extra_handlers = [("/counted", CountedHandler)]
    event.listen(Engine, "before_cursor_execute", _statement)
    event.listen(Engine, "commit", _committed)


def _is_ours(connection: Connection) -> bool:
    return Path(connection.engine.url.database or "").name == OURS


def _note(connection: Connection, what: str, statement: str = "") -> None:
    if _is_ours(connection) or _request.get():
        _counted.append(
            {
                "whose": "ours" if _is_ours(connection) else "hub",
                "what": what,
                "statement": " ".join(statement.split()),
                "request": _request.get(),
            }
        )


def _statement(connection, cursor, statement, parameters, context, executemany) -> None:
    verb = statement.split(None, 1)[0]
    if statement.startswith("BEGIN"):
        _note(connection, "write" if "IMMEDIATE" in statement else "read")
    elif verb in ("SELECT", "INSERT", "UPDATE", "DELETE") and statement != "SELECT 1":
        # SELECT 1 is the Hub's ping: whether one is due depends on who came before.
        table = _TABLE.search(_outer(statement)) or _TABLE.search(statement)
        _note(connection, f"{verb} {table[1] if table else '?'}", statement)
        connection.info["wrote"] = connection.info.get("wrote") or verb != "SELECT"


def _outer(statement: str) -> str:
    """Without what stands in brackets."""
    shorter = _INNERMOST.sub("", statement)
    return statement if shorter == statement else _outer(shorter)


def _committed(connection: Connection) -> None:
    """The Hub's transactions that wrote; it commits, and so begins, for reading too."""
    if not _is_ours(connection) and connection.info.pop("wrote", False):
        _note(connection, "write")
