"""The cookie that says when somebody has last shown who they are, for both doors.

What gives power away asks for it (appointing, approving keys, showing codes, erasing, linking,
exporting, making tokens). A page of somebody's server under the hub's own host can send whatever the
person could send; it cannot sign in as them, and it can neither read nor make this cookie: its value
is a digest under the package's key, of the person and the time.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from http.cookies import SimpleCookie

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from ..application.ports import Keyring
from ..domain.proofs import LASTS, is_recent

COOKIE = "communities-proof"
_PURPOSE = "proof"


def keep_proof(
    handler: RequestHandler, value: str, paths: tuple[str, ...], *, domain: str = ""
) -> None:
    """Gives the browser a proof, or takes it away where the value is empty.

    Writes the headers itself: tornado's `set_cookie` keeps one cookie of a name, whatever its path.
    """
    for path in paths:
        morsel = SimpleCookie({COOKIE: value})[COOKIE]
        morsel["path"] = path
        morsel["samesite"] = "Lax"  # the way back from upstream's sign-in comes from another site
        morsel["httponly"] = True
        morsel["secure"] = handler.request.protocol == "https"
        morsel["max-age"] = int(LASTS.total_seconds()) if value else 0
        if domain:
            morsel["domain"] = domain
        handler.add_header("Set-Cookie", morsel.OutputString())


def proof_of(username: str, now: datetime, keys: Keyring) -> str:
    seconds = str(int(now.timestamp()))
    return f"{seconds}.{_digest(username, seconds, keys)}"


def is_proved(request: HTTPServerRequest, username: str, now: datetime, keys: Keyring) -> bool:
    """Any cookie of the name will do: one that was planted beside ours takes nothing away."""
    header = ";".join(request.headers.get_list("Cookie"))
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return any(
        _is_good(value, username, now, keys) for name, _, value in pairs if name.strip() == COOKIE
    )


def _is_good(value: str, username: str, now: datetime, keys: Keyring) -> bool:
    seconds, _, digest = value.strip('"').partition(".")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 11):
        return False
    if not secrets.compare_digest(digest.encode(), _digest(username, seconds, keys).encode()):
        return False
    return is_recent(datetime.fromtimestamp(int(seconds), UTC), now)


def _digest(username: str, seconds: str, keys: Keyring) -> str:
    return keys.digest(_PURPOSE, f"{seconds} {username}")
