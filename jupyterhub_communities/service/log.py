"""One line for each request, as the Hub's log has it: `jupyterhub.log` brings half of the Hub along, and
the service would take twice as long to start."""

from __future__ import annotations

import json
import logging
from http.cookies import CookieError, SimpleCookie
from typing import Any

from tornado.log import access_log
from tornado.web import HTTPError, RequestHandler, StaticFileHandler

# What of an address nobody may read in a log: arguments whose name has one of these in it.
_SECRET = ("token", "auth", "key", "code", "state", "_xsrf")
_SLOW = 1000.0  # milliseconds


def log_request(handler: RequestHandler) -> None:
    status = handler.get_status()
    request = handler.request
    milliseconds = 1000.0 * request.request_time()
    if status >= 500 and status not in (502, 503):
        access_log.log(logging.ERROR, json.dumps(_scrubbed_headers(handler), indent=2))
    location = handler._headers.get("Location") if status in (301, 302) else None
    access_log.log(
        _level(handler, status, milliseconds),
        "%d %s %s%s (%s@%s) %.2fms",
        status,
        request.method,
        scrubbed(request.uri or ""),
        f" -> {scrubbed(location)}" if location else "",
        _username(handler),
        request.remote_ip,
        milliseconds,
    )


def _level(handler: RequestHandler, status: int, milliseconds: float) -> int:
    if status == 304 or (status < 300 and isinstance(handler, StaticFileHandler)):
        return logging.DEBUG if milliseconds < _SLOW else logging.INFO
    if status < 400:
        return logging.INFO
    return logging.WARNING if status < 500 else logging.ERROR


def _username(handler: RequestHandler) -> str:
    try:
        user: dict[str, Any] | None = handler.current_user
    except (HTTPError, RuntimeError):
        return ""
    return user["name"] if user else ""


def scrubbed(address: str) -> str:
    """Without what would let somebody in."""
    path, mark, query = address.partition("?")
    return path + mark + "&".join(_scrubbed_pair(pair) for pair in query.split("&"))


def _scrubbed_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}=[secret]" if equals and any(each in name for each in _SECRET) else pair


def _scrubbed_headers(handler: RequestHandler) -> dict[str, str]:
    headers = dict(handler.request.headers)
    if "Authorization" in headers:
        kind, blank, _ = headers["Authorization"].partition(" ")
        headers["Authorization"] = f"{kind if blank else ''} [secret]"
    if "Cookie" in headers:
        try:
            names = list(SimpleCookie(headers["Cookie"]))
        except CookieError as error:
            headers["Cookie"] = f"Invalid Cookie: {error}"
        else:
            headers["Cookie"] = "; ".join(f"{name}=[secret]" for name in names)
    return headers
