"""Attempts: what makes a form safe to send twice, and from another address.

A signed id stands in the form, hidden, and in a cookie that scripts cannot read. Where both agree,
the form was drawn for this browser: that takes the place of the Hub's own check, whose token for
people who are not signed in hashes the address and lives an hour.

The field also says who was signed in when the form was drawn, so that nobody can send it in the
name of somebody else. A page that a person's server shows may plant cookies of these names: forms
that come from another host are not taken, and two cookies of one name count for none.
"""

from __future__ import annotations

import secrets
from functools import cached_property

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
        if len(self._sent_cookies()) > 1:
            self._clear_planted()
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
        value = f"{self.page_attempt()} {self._person()}"
        return create_signed_value(self._secret, FIELD, value).decode("ascii")

    def form_attempt(self, *, by_anybody: bool = False) -> str | None:
        """The attempt of the form that was sent; None if it was not drawn for this browser, or not
        for who is signed in now (unless `by_anybody`)."""
        if self.request.headers.get("Sec-Fetch-Site") in ("same-site", "cross-site"):
            return None
        sent, held = self._sent, self.held_attempt()
        if sent is None or held is None:
            return None
        attempt, _, person = sent.partition(" ")
        if not secrets.compare_digest(attempt, held):
            return None
        return held if by_anybody or person == self._person() else None

    def clear_attempt(self) -> None:
        self.clear_cookie(COOKIE, path=self.hub.base_url)

    def held_attempt(self) -> str | None:
        """The browser's attempt, whatever form it sends."""
        return self._held

    @cached_property
    def _held(self) -> str | None:
        if len(self._sent_cookies()) > 1:
            return None
        value = self.get_secure_cookie(COOKIE, max_age_days=LONGEST_DAYS, min_version=2)
        return None if value is None else value.decode()

    @cached_property
    def _sent(self) -> str | None:
        """What the form's hidden field says."""
        field = self.get_body_argument(FIELD, "")
        value = decode_signed_value(
            self._secret, FIELD, field, max_age_days=LONGEST_DAYS, min_version=2
        )
        return None if value is None else value.decode()

    def _person(self) -> str:
        return "" if self.current_user is None else self.current_user.name

    def _sent_cookies(self) -> list[str]:
        header = ";".join(self.request.headers.get_list("Cookie"))
        pairs = (pair.strip().partition("=") for pair in header.split(";"))
        return [value for name, _, value in pairs if name == COOKIE]

    def _clear_planted(self) -> None:
        """Every cookie of our name that reaches this page, whoever set it."""
        parts = self.request.path.split("/")
        prefixes = {"/".join(parts[:end]) for end in range(1, len(parts) + 1)}
        paths = {path or "/" for path in prefixes} | {prefix + "/" for prefix in prefixes}
        labels = self.request.host_name.split(".")
        domains = [".".join(labels[start:]) for start in range(len(labels))]
        for path in sorted(paths):
            for domain in ("", *domains):
                where = f"; Domain={domain}" if domain else ""
                self.add_header("Set-Cookie", f"{COOKIE}=; Path={path}; Max-Age=0{where}")

    @property
    def _secret(self) -> bytes:
        secret: bytes = self.application.settings["cookie_secret"]
        return secret
