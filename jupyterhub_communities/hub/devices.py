"""*This device is shared*: the sign-in ends with the browser, and after eight hours at most.

The Hub signs its login cookie together with the time, and refuses one that is older than
`cookie_max_age_days`. The cookie of a shared device is dated back, so that this very check ends it
after eight hours on every page of the Hub, whatever the browser keeps. The tokens by which servers
and services know the person carry the sign-in's session id: that of a shared device tells when it
began, and `end_shared_sessions` takes its tokens away.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User
from tornado.web import create_signed_value

from .proving import prove

LONGEST_SECONDS = 8 * 3600
SWEEP_SECONDS = 300
_DAY = 24 * 3600
_PREFIX = "shared-"


class DeviceMixin(BaseHandler):
    """For handlers that sign people in: cookies follow what was said of the device."""

    device_is_shared = False
    has_proved_who = True  # by what signs them in here
    _signed_in_at: float | None = None  # of a sign-in that goes on; None: it begins now

    def set_login_cookie(self, user: User) -> None:
        """Signs in. What somebody else, or an unshared sign-in, opened here before ends."""
        before = self.get_current_user_cookie()
        if self.device_is_shared or (before is not None and before.id != user.id):
            self.clear_login_cookie()
            self._session_id = shared_session_id() if self.device_is_shared else uuid4().hex
            self.set_session_cookie()
        super().set_login_cookie(user)
        if self.device_is_shared:
            self.set_hub_cookie(user)  # the Hub leaves the cookie of somebody signed in as it is
        if self.has_proved_who:
            prove(self, user)

    def renew_login_cookie(self, user: User) -> None:
        """The same sign-in goes on, after the person's cookies were all made void."""
        session_id = self.get_session_cookie()
        self.device_is_shared = is_shared_session(session_id)
        if self.device_is_shared:
            self._signed_in_at = _began(session_id)
        self.set_hub_cookie(user)

    def _set_cookie(self, key: str, value: Any, encrypted: bool = True, **overrides: Any) -> None:
        """The Hub's way to every cookie, without an expiry date on a shared device."""
        if self.device_is_shared:
            overrides["expires_days"] = None
            if key == self.hub.cookie_name:
                value, encrypted = self._dated_back(key, value), False
        super()._set_cookie(key, value, encrypted=encrypted, **overrides)

    def _dated_back(self, key: str, value: str) -> bytes:
        spare = max(0, self.cookie_max_age_days * _DAY - LONGEST_SECONDS)
        secret = self.application.settings["cookie_secret"]
        began = time.time() if self._signed_in_at is None else self._signed_in_at
        return create_signed_value(secret, key, value, clock=lambda: began - spare)


def shared_session_id() -> str:
    return f"{_PREFIX}{int(time.time())}-{uuid4().hex}"


def is_shared_session(session_id: str | None) -> bool:
    return session_id is not None and session_id.startswith(_PREFIX)


def end_shared_sessions(app: Any) -> None:
    """Takes away the tokens of shared sign-ins that are over. The Hub calls it now and then."""
    tokens = app.db.query(orm.APIToken).filter(orm.APIToken.session_id.startswith(_PREFIX)).all()
    over = [token for token in tokens if _began(token.session_id) < time.time() - LONGEST_SECONDS]
    for token in over:
        app.db.delete(token)
    if over:
        app.db.commit()


def _began(session_id: str) -> float:
    """When it began; long ago where somebody has changed the cookie."""
    seconds = session_id.removeprefix(_PREFIX).split("-")[0]
    return float(seconds) if seconds.isdigit() and len(seconds) < 15 else 0.0
