"""The Hub's login page with our two ways in, sign-out, and the language switch."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from jupyterhub.handlers.login import LoginHandler as HubLoginHandler
from jupyterhub.handlers.login import LogoutHandler as HubLogoutHandler
from tornado.web import HTTPError

from ..application.people import choose_language
from ..domain.codes import RETURN_KEY
from ..domain.refusals import Refusal, StorageUnreachable
from ..i18n.messages import offered
from ..i18n.negotiation import closest
from ..pages.language import WORKSHOP_COOKIE, current_messages, keep_language, local_path
from ..pages.refusals import status_of
from . import attempts
from .arriving import ArrivingMixin
from .guessing import GuessingMixin
from .intents import SharedIntent
from .kept_code import INVITE_COOKIE
from .line import LINE
from .lost_key import forget_browser
from .pages import PageMixin
from .proving import forget_proof
from .sign_in import SIGN_IN, KeySignIn

LONGEST_KEY = 200  # characters that are drawn again
LONGEST_USERNAME = 64
_OUR_FIELDS = {"_xsrf", attempts.FIELD, "action", "next", "shared"}
LONGEST_NEXT = 2000


class LoginHandler(GuessingMixin, ArrivingMixin, HubLoginHandler):
    """*I have a code*, *I have been here before*, and the upstream's own way in."""

    async def get(self) -> None:
        if self.current_user is None and self.authenticator.auto_login and self.upstream_has_form:
            # Upstream knows people by the request itself, such as by a header of a proxy.
            self._jupyterhub_user = await self.login_user()
        if self.current_user is None:
            await self._draw_login()
        elif "again" in self.request.query_arguments:
            notice = current_messages().gettext("Please show once more who you are: sign in again.")
            await self._draw_login(login_notice=notice)
        else:
            await super().get()

    async def post(self) -> None:
        typed = self.typed("return_key")
        username = self.typed("username")
        if not self._is_form_good():
            notice = current_messages().gettext("Please send the form once more.")
            await self._draw_login(return_key=typed, username=username, login_notice=notice)
            return
        self.device_is_shared = bool(self.typed("shared"))
        if self.typed("action") == "upstream":
            self._go_to_upstream()
            return
        messages = current_messages()
        try:
            if "return_key" in self.request.body_arguments:
                RETURN_KEY.parse(typed)  # a mistyped one waits for nobody
                user = await self.guess(lambda: self.login_user({SIGN_IN: KeySignIn(typed)}))
                message = messages.gettext("You may not sign in to this hub.")
            else:
                user = await self.login_user(self._upstream_fields())
                message = messages.gettext("Wrong username or password.")
        except Refusal as refusal:
            is_about_key = typed and not isinstance(refusal, StorageUnreachable)
            field = "key_error" if is_about_key else "login_notice"
            await self._draw_login(
                status=status_of(refusal),
                return_key=typed,
                username=username,
                **{field: self.say(refusal)},
            )
            return
        if user is None:
            await self._draw_login(status=403, username=username, login_notice=message)
            return
        self._jupyterhub_user = user
        self.clear_attempt()
        await self.remember_language(user.name)
        self.redirect(self.get_next_url(user), status=303)

    def _go_to_upstream(self) -> None:
        if self.device_is_shared:
            self.authenticator.intents.begin(self, SharedIntent())
        target = self.typed("next")
        query = f"?{urlencode({'next': target})}" if target else ""
        self.redirect(self.upstream_url + query, status=303)

    def _validate_next_url(self, next_url: str) -> str:
        """The Hub's answer, where it has one: line breaks and half addresses are a 500 there."""
        if len(next_url) > LONGEST_NEXT or not next_url.isprintable():
            return ""
        try:
            valid: str = super()._validate_next_url(next_url)
        except ValueError:
            return ""
        return valid

    def _is_form_good(self) -> bool:
        """Drawn for this browser: by its attempt, or by the Hub's own token."""
        if self.form_attempt() is not None:
            return True
        try:
            HubLoginHandler.check_xsrf_cookie(self)
        except HTTPError:
            return False
        return True

    def _upstream_fields(self) -> dict[str, str]:
        return {
            name: self.get_body_argument(name, strip=name == "username")
            for name in self.request.body_arguments
            if name not in _OUR_FIELDS
        }

    async def _draw_login(self, *, status: int = 200, **values: Any) -> None:
        authenticator = self.authenticator
        is_open_to_nobody = False
        try:
            if status != HTTPStatus.SERVICE_UNAVAILABLE:  # then nobody waits for it a second time
                is_open_to_nobody = await authenticator.is_open_to_nobody()
        except Refusal as refusal:
            status = status_of(refusal)
            values.setdefault("login_notice", self.say(refusal))
        values["return_key"] = values.get("return_key", "")[:LONGEST_KEY]
        values["username"] = values.get("username", "")[:LONGEST_USERNAME]
        await self.draw(
            "login.html",
            status=status,
            **{
                "attempt": self.attempt_field(),
                "key_error": None,
                "login_notice": None,
                "next_url": self._validate_next_url(self.get_argument("next", "")),
                "is_open_to_nobody": is_open_to_nobody,
                "has_upstream": authenticator.upstream is not None,
                "upstream_has_button": self.upstream_has_button,
                "upstream_has_form": self.upstream_has_form,
                "shared": bool(self.typed("shared")),
                **values,
            },
        )

    def render_template(self, name: str, *args: Any, **values: Any) -> Any:
        # The Hub's handler turns an error page after a POST into its own login form: ours is drawn
        # above, so an error stays an error page.
        return PageMixin.render_template(self, name, *args, **values)


class LogoutHandler(PageMixin, HubLogoutHandler):
    """Sign-out also forgets the forms of this device: *Back* signs nobody in again. A place in line
    for a server is given up."""

    async def handle_logout(self) -> None:
        if self.current_user is not None:
            await self.settings[LINE].leave_all(self.current_user.name)
        hub_url: str = self.hub.base_url
        self.clear_cookie(attempts.COOKIE, path=hub_url)
        self.clear_cookie(INVITE_COOKIE, path=hub_url + "join")
        forget_browser(self)
        forget_proof(self)
        keep_language(self, "", self.language_paths, cookie=WORKSHOP_COOKIE, days=0)


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
