"""`/hub/welcome`: the return key, until the person confirms having kept it."""

from __future__ import annotations

from urllib.parse import urlencode

from ..application.key_requests import view_asked_key
from ..application.people import find_person
from ..application.return_keys import confirm_return_key, view_welcome
from ..domain.accounts import AccountKind
from ..domain.refusals import Refusal
from ..pages.language import current_messages, refine_language
from ..pages.refusals import grace_sentence
from .arriving import ArrivingMixin
from .lost_key import asking_browser, forget_browser
from .sessions import end_sign_ins


class WelcomeHandler(ArrivingMixin):
    """Shows the same key at every reload. Once it was kept: never again."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form comes back instead of a bare 403."""

    async def get(self) -> None:
        if self._is_nobody():
            return
        try:
            browser = asking_browser(self)
            welcome = await self.house.look(view_welcome, self.current_user.name, browser)
            account, key = welcome.person.account, welcome.key
            asked = None if browser is None else await self.house.run(view_asked_key, browser)
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return
        if account is None or key is None:
            self.go("home")
            return
        refine_language(stored=account.language)
        until = welcome.person.grace_until
        notice = "" if until is None else grace_sentence(until, current_messages())
        is_new_key = asked is not None and asked.request.account_id == account.id
        await self.draw(
            "welcome.html",
            account=account,
            return_key=key,
            grace_notice=notice,
            hub_address=self._hub_address(),
            is_new_key=is_new_key,
            approved_by=asked.approved_by if asked is not None and is_new_key else None,
        )

    async def post(self) -> None:
        if self._is_nobody():
            return
        if not self.is_form_of_session():
            self.go("welcome")
            return
        try:
            person = await self.house.look(find_person, self.current_user.name)
            account = person.account
            if account is None or account.kind is AccountKind.UPSTREAM:
                self.go("home")
                return
            refine_language(stored=account.language)
            browser = asking_browser(self)
            if await self.house.run(confirm_return_key, account.id, browser):
                end_sign_ins(self.db, self.current_user)
                self.renew_login_cookie(self.current_user)
            forget_browser(self)
            await self.start_server()
        except Refusal as refusal:
            await self.draw_refusal(refusal)

    def _hub_address(self) -> str:
        """Where the key is typed, as this person's browser reaches the hub."""
        if public := self.settings.get("public_url"):
            return str(public.geturl())
        return f"{self.request.protocol}://{self.request.host}{self.base_url}"

    def _is_nobody(self) -> bool:
        """Answers itself where nobody is signed in."""
        if self.current_user is not None:
            return False
        login_url = self.settings["login_url"]
        self.redirect(f"{login_url}?{urlencode({'next': self.request.path})}")
        return True
