"""The code that somebody brought, kept in a signed cookie of the join pages while they join."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

from ..application.invites import JoinRequest, JoinView, is_link, open_join
from ..domain.codes import INVITE_CODE
from ..domain.refusals import InviteRedeemed, Refusal
from .arriving import ArrivingMixin
from .guessing import GuessingMixin

INVITE_COOKIE = "communities-invite"
LONGEST_SECRET = 200  # characters of what is kept in a cookie
_FOUND, _TYPED = "=", "?"  # before a kept code: was it looked up, so that it is no guess any more?


class KeptCodeMixin(GuessingMixin, ArrivingMixin):
    """For pages about a code that was looked up, or is to be."""

    def _keep_secret(self, secret: str, *, is_found: bool = False) -> None:
        self._set_cookie(
            INVITE_COOKIE,
            (_FOUND if is_found else _TYPED) + secret[:LONGEST_SECRET],
            path=self.hub.base_url + "join",
            samesite="Lax",
            expires_days=1,
        )

    def _kept_secret(self) -> str | None:
        """None also for an empty one: then there is a code to be asked for."""
        return self._cookie_secret()[1:] or None

    def _found_secret(self) -> str | None:
        """The kept one, where it was looked up before: looking again tells nobody anything new."""
        kept = self._cookie_secret()
        return kept[1:] if kept.startswith(_FOUND) else None

    def _cookie_secret(self) -> str:
        value = self.get_secure_cookie(INVITE_COOKIE, max_age_days=1, min_version=2)
        return value.decode("utf-8", "replace") if value else ""

    async def _look_up(
        self, secret: str, name: str = "", *, shows_sessions: bool = False
    ) -> JoinView:
        """What a code opens. A typed one waits for its turn, once: its cookie says that it did."""
        username = None if self.current_user is None else self.current_user.name

        def look() -> Awaitable[JoinView]:
            attempts = self._own_attempts()
            return self.house.look(
                open_join,
                secret,
                attempts,
                username=username,
                name=name,
                shows_sessions=shows_sessions,
            )

        if is_link(secret) or secret == self._found_secret():
            return await look()
        INVITE_CODE.parse(secret)  # a mistyped one waits for nobody
        view = await self.guess(look)
        self._keep_secret(secret, is_found=True)
        return view

    def _own_attempts(self) -> list[str]:
        """That of the form, and that of who is signed in: a device may be used by several."""
        attempt = self.page_attempt()
        if self.current_user is None:
            return [attempt]
        return [attempt, f"{attempt} {self.current_user.name}"]

    def _as_themselves(self, request: JoinRequest) -> JoinRequest:
        """Who is signed in joins as that. The device may have redeemed for somebody else before:
        each has an attempt of their own."""
        username = self.current_user.name
        return replace(request, attempt=f"{request.attempt} {username}", username=username)

    async def _draw_refused(self, refusal: Refusal) -> None:
        await self.draw_refusal(refusal, offer_key=isinstance(refusal, InviteRedeemed))
