"""One-time intents: what somebody began here before they went the way through upstream.

The intent stays in this process; the browser carries only its signed id, for a quarter of an hour.
Upstream's callback finds it again and takes it. It belongs to the browser that began it: by its
form's attempt, and where somebody was signed in by their session too.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from jupyterhub.handlers.base import BaseHandler

from ..domain.refusals import IntentExpired
from .attempts import COOKIE as ATTEMPT_COOKIE
from .attempts import LONGEST_DAYS

COOKIE = "communities-intent"
LASTS = 15 * 60  # seconds
MOST = 10_000  # intents at one time; the oldest give way


@dataclass(frozen=True, slots=True)
class JoinIntent:
    """To join with a code as the person whom upstream knows."""

    secret: str = field(repr=False)
    attempt: str = field(repr=False)
    language: str | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class LinkIntent:
    """To link whom upstream knows with the account that is signed in."""

    username: str
    session_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedIntent:
    """To sign in on a device that is shared."""

    is_shared: bool = True


Intent = JoinIntent | LinkIntent | SharedIntent


class Intents:
    """The intents of one Hub process."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, Intent]] = {}

    def begin(self, handler: BaseHandler, intent: Intent) -> None:
        """Keeps an intent for this browser, instead of an earlier one."""
        self._forget_old()
        name = secrets.token_urlsafe(16)
        self._held[name] = (time.monotonic() + LASTS, intent)
        handler._set_cookie(
            COOKIE, name, path=handler.hub.base_url, samesite="Lax", expires_days=LASTS / 86400
        )

    def take(self, handler: BaseHandler) -> Intent | None:
        """The browser's intent, once. Raises `IntentExpired` for one that is known no more."""
        value = handler.get_secure_cookie(COOKIE, max_age_days=1, min_version=2)
        if value is None:
            return None
        handler.clear_cookie(COOKIE, path=handler.hub.base_url)
        ends_at, intent = self._held.pop(value.decode(), (0.0, None))
        if intent is None or time.monotonic() >= ends_at or not _is_of(handler, intent):
            raise IntentExpired
        return intent

    def _forget_old(self) -> None:
        now = time.monotonic()
        for name, (ends_at, _) in list(self._held.items()):  # the oldest come first
            if ends_at > now and len(self._held) < MOST:
                return
            del self._held[name]


def _is_of(handler: BaseHandler, intent: Intent) -> bool:
    if isinstance(intent, LinkIntent):
        user = handler.current_user
        session = handler.get_session_cookie()
        return user is not None and (user.name, session) == (intent.username, intent.session_id)
    if isinstance(intent, JoinIntent):
        attempt = handler.get_secure_cookie(
            ATTEMPT_COOKIE, max_age_days=LONGEST_DAYS, min_version=2
        )
        return attempt is not None and attempt.decode() == intent.attempt
    return True
