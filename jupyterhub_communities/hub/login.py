"""The Hub's login page with our two ways in, sign-out, and the language switch."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.login import LoginHandler as HubLoginHandler
from jupyterhub.handlers.login import LogoutHandler as HubLogoutHandler

from ..application.people import choose_language
from ..domain.refusals import Refusal
from ..i18n.messages import offered
from ..i18n.negotiation import closest
from ..pages.language import WORKSHOP_COOKIE, current_messages, keep_language, local_path
from ..pages.refusals import status_of
from . import attempts, devices
from .attempts import AttemptMixin
from .join import INVITE_COOKIE
from .pages import PageMixin
from .sign_in import SIGN_IN, KeySignIn

LONGEST_KEY = 200  # characters that are drawn again


class LoginHandler(AttemptMixin, PageMixin, HubLoginHandler):
    """*I have a code*, *I have been here before*, and the upstream's own way in."""

    def check_xsrf_cookie(self) -> None:
        """The return key's form carries an attempt; the upstream's form the Hub's own token."""
        if "return_key" not in self.request.body_arguments:
            HubLoginHandler.check_xsrf_cookie(self)

    async def get(self) -> None:
        if self.current_user is not None or self.authenticator.auto_login:
            await super().get()
        else:
            await self._draw_login()

    async def post(self) -> None:
        if "return_key" not in self.request.body_arguments:
            await self._sign_in_upstream()
            return
        typed = self.get_body_argument("return_key", "")
        if self.form_attempt() is None:
            await self._draw_login(
                return_key=typed,
                login_notice=current_messages().gettext("Please send the form once more."),
            )
            return
        self.device_is_shared = bool(self.get_body_argument("shared", ""))
        try:
            user = await self.login_user({SIGN_IN: KeySignIn(typed)})
        except Refusal as refusal:
            await self._draw_login(
                status=status_of(refusal), return_key=typed, key_error=self.say(refusal)
            )
            return
        if user is None:
            await self._draw_login(
                status=403,
                login_notice=current_messages().gettext("You may not sign in to this hub."),
            )
            return
        self._jupyterhub_user = user
        self.clear_attempt()
        self.remember_device()
        self.redirect(self.get_next_url(user), status=303)

    async def _sign_in_upstream(self) -> None:
        """The upstream's own form, with a failure told on our page."""
        data = {
            name: self.get_body_argument(name, strip=name == "username")
            for name in self.request.body_arguments
            if name != "_xsrf"
        }
        try:
            user = await self.login_user(data)
            message = current_messages().gettext("Wrong username or password.")
            status = 403
        except Refusal as refusal:
            user, message, status = None, self.say(refusal), status_of(refusal)
        if user is None:
            await self._draw_login(
                status=status, username=data.get("username", "")[:64], login_notice=message
            )
            return
        self._jupyterhub_user = user
        self.redirect(self.get_next_url(user), status=303)

    async def _draw_login(self, *, status: int = 200, **values: Any) -> None:
        authenticator = self.authenticator
        is_open_to_nobody = False
        try:
            is_open_to_nobody = await authenticator.is_open_to_nobody()
        except Refusal as refusal:
            status = status_of(refusal)
            values.setdefault("login_notice", self.say(refusal))
        upstream_url = authenticator.login_url(self.hub.base_url)
        values["return_key"] = values.get("return_key", "")[:LONGEST_KEY]
        await self.draw(
            "login.html",
            status=status,
            **{
                "attempt": self.attempt_field(),
                "key_error": None,
                "login_notice": None,
                "username": "",
                "next_url": self.get_argument("next", ""),
                "is_open_to_nobody": is_open_to_nobody,
                "has_upstream": authenticator.upstream is not None,
                "upstream_has_form": upstream_url == self.settings["login_url"],
                "upstream_url": upstream_url,
                "shared": bool(self.get_body_argument("shared", "")),
                **values,
            },
        )

    def render_template(self, name: str, *args: Any, **values: Any) -> Any:
        # The Hub's handler turns an error page after a POST into its own login form: ours is drawn
        # above, so an error stays an error page.
        return PageMixin.render_template(self, name, *args, **values)


class LogoutHandler(PageMixin, HubLogoutHandler):
    """Sign-out also forgets the forms of this device: *Back* signs nobody in again."""

    async def handle_logout(self) -> None:
        keep_language(self, "", self.language_paths, cookie=WORKSHOP_COOKIE, days=0)
        for cookie in (attempts.COOKIE, devices.COOKIE):
            self.clear_cookie(cookie, path=self.hub.base_url)
        self.clear_cookie(INVITE_COOKIE, path=self.hub.base_url + "join")


class LanguageHandler(PageMixin):
    """Keeps the language that the reader chose: on this device, and with the account, where other
    devices find it."""

    async def get(self) -> None:
        tag = closest(self.get_query_argument("to", ""), offered())
        if tag is not None:
            keep_language(self, tag, self.language_paths)
            if self.current_user is not None:
                try:
                    await self.house.run(choose_language, self.current_user.name, tag)
                except Refusal:
                    pass  # the cookie has it; the account learns it another time
        self.set_header("Cache-Control", "no-store")
        self.redirect(local_path(self.get_query_argument("next", ""), default=self.hub.base_url))
