"""Attempts: what makes a form safe to send twice, and from another address.

A signed id stands in the form, hidden, and in a cookie that scripts cannot read. Where both agree,
the form was drawn for this browser: that takes the place of the Hub's own check, whose token for
people who are not signed in hashes the address and lives an hour.
"""

from __future__ import annotations

import secrets

from tornado.web import create_signed_value, decode_signed_value

from .devices import DeviceMixin

COOKIE = "communities-attempt"
FIELD = "attempt"
LONGEST_DAYS = 1


class AttemptMixin(DeviceMixin):
    """For handlers with a form that people send before they are signed in."""

    _attempt: str | None = None

    def check_xsrf_cookie(self) -> None:
        """Nothing here: `form_attempt` decides, and a form that fails is drawn again."""

    def page_attempt(self) -> str:
        """The attempt of the form that is being drawn: the browser's, while it is valid."""
        if self._attempt is None:
            self._attempt = self.held_attempt() or self.new_attempt()
        return self._attempt

    def new_attempt(self) -> str:
        """Somebody else begins on this device."""
        self._attempt = secrets.token_urlsafe(16)
        self._set_cookie(
            COOKIE,
            self._attempt,
            path=self.hub.base_url,
            samesite="Lax",
            expires_days=LONGEST_DAYS,
        )
        return self._attempt

    def attempt_field(self) -> str:
        """The value of the form's hidden field."""
        signed = create_signed_value(self._secret, FIELD, self.page_attempt())
        return signed.decode("ascii")

    def form_attempt(self) -> str | None:
        """The attempt of the form that was sent; None if it was not drawn for this browser."""
        sent = decode_signed_value(
            self._secret,
            FIELD,
            self.get_body_argument(FIELD, ""),
            max_age_days=LONGEST_DAYS,
            min_version=2,
        )
        held = self.held_attempt()
        if sent is None or held is None or not secrets.compare_digest(sent.decode(), held):
            return None
        return held

    def clear_attempt(self) -> None:
        self.clear_cookie(COOKIE, path=self.hub.base_url)

    def held_attempt(self) -> str | None:
        """The browser's attempt, whatever form it sends."""
        value = self.get_secure_cookie(COOKIE, max_age_days=LONGEST_DAYS, min_version=2)
        return None if value is None else value.decode()

    @property
    def _secret(self) -> bytes:
        secret: bytes = self.application.settings["cookie_secret"]
        return secret
