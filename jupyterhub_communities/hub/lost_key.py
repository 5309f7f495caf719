"""`/hub/lost-key`: a number to tell a helper, and the way in once they have approved it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jupyterhub.handlers.base import BaseHandler

from ..application.key_requests import AskedKey, ask_for_key, view_asked_key
from ..domain.refusals import KeyRequestUnknown, Refusal
from ..pages.language import current_messages, refine_language
from .arriving import ArrivingMixin
from .attempts import AttemptMixin
from .sign_in import SIGN_IN, KeyRequestSignIn

COOKIE = "communities-lost-key"
_SECONDS = 5  # after which the page asks again by itself
_LONGEST_DAYS = 1


def asking_browser(handler: BaseHandler) -> str | None:
    """The secret of the browser that lost a key; None where this one asked for nothing."""
    value = handler.get_secure_cookie(COOKIE, max_age_days=_LONGEST_DAYS, min_version=2)
    return value.decode() if value else None


def keep_browser(handler: BaseHandler, browser: str) -> None:
    """Until the browser is closed: the device may be shared."""
    handler._set_cookie(
        COOKIE, browser, path=handler.hub.base_url, samesite="Lax", expires_days=None
    )


def forget_browser(handler: BaseHandler) -> None:
    handler.clear_cookie(COOKIE, path=handler.hub.base_url)


class LostKeyHandler(AttemptMixin, ArrivingMixin):
    """`GET` never consumes anything: it shows the number, or who approved it and for whom."""

    async def get(self) -> None:
        try:
            asked = await self._asked()
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return
        if asked is not None and asked.request.used_at is not None and self._is_in_as(asked):
            self.go("welcome")
            return
        await self._draw(asked)

    async def post(self) -> None:
        try:
            if self.form_attempt() is None:
                notice = current_messages().gettext("Please send the form once more.")
                await self._draw(await self._asked(), form_notice=notice)
            elif self.typed("action") == "use":
                await self._sign_in()
            else:
                await self._ask()
        except KeyRequestUnknown:
            self.go("lost-key")  # which says that it is over
        except Refusal as refusal:
            await self.draw_refusal(refusal)

    async def _ask(self) -> None:
        """A new number, unless the one that this browser has still waits to be told."""
        asked = await self._asked()
        if asked is None or not asked.is_alive or asked.account is not None:
            browser = self.house.chance.token()
            await self.house.run(ask_for_key, browser)
            keep_browser(self, browser)
        self.go("lost-key")

    async def _sign_in(self) -> None:
        browser = asking_browser(self)
        if browser is None:
            raise KeyRequestUnknown
        self.device_is_shared = bool(self.typed("shared"))
        user = await self.login_user({SIGN_IN: KeyRequestSignIn(browser)})
        if user is None:
            message = current_messages().gettext("You may not sign in to this hub.")
            await self.draw("refused.html", status=403, message=message)
            return
        self._jupyterhub_user = user
        self.clear_attempt()
        await self.remember_language(user.name)
        self.go("welcome")

    async def _asked(self) -> AskedKey | None:
        browser = asking_browser(self)
        return None if browser is None else await self.house.run(view_asked_key, browser)

    def _is_in_as(self, asked: AskedKey) -> bool:
        user, account = self.current_user, asked.account
        return user is not None and account is not None and user.name == account.username

    async def _draw(self, asked: AskedKey | None, **values: Any) -> None:
        now = self.house.clock.now()
        is_alive = asked is not None and asked.is_alive
        minutes = 0
        if asked is not None and is_alive:
            minutes = -((now - asked.request.ends_at) // timedelta(minutes=1))
            if asked.account is not None:
                refine_language(stored=asked.account.language)
        await self.draw(
            "lost_key.html",
            **{
                "asked": asked if is_alive else None,
                "is_over": asked is not None and not is_alive,
                "minutes": minutes,
                "seconds": _SECONDS,
                "attempt": self.attempt_field(),
                "shared": bool(self.typed("shared")),
                "form_notice": None,
                **values,
            },
        )
