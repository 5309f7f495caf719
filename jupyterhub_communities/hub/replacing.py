"""`/hub/key`: another return key in place of one's own, by who is signed in."""

from __future__ import annotations

from urllib.parse import urlencode

from ..application.people import find_person
from ..application.return_keys import replace_return_key
from ..domain.accounts import AccountKind
from ..domain.refusals import Refusal
from ..pages.language import refine_language
from .lost_key import keep_browser
from .pages import PageMixin
from .proving import ask_again, has_proved


class ReplaceKeyHandler(PageMixin):
    """A POST makes the key, for this browser alone; the welcome page shows it until it is kept."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form comes back instead of a bare 403."""

    async def get(self) -> None:
        if self.current_user is None:
            login_url = self.settings["login_url"]
            self.redirect(f"{login_url}?{urlencode({'next': self.request.path})}")
            return
        try:
            account = (await self.house.run(find_person, self.current_user.name)).account
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return
        if account is None or account.kind is AccountKind.UPSTREAM:
            self.go("home")
            return
        refine_language(stored=account.language)
        await self.draw("replace_key.html", account=account)

    async def post(self) -> None:
        if self.current_user is None or not self.is_form_of_session():
            self.go("key")
            return
        if not has_proved(self):
            ask_again(self, self.request.path)
            return
        browser = self.house.chance.token()
        try:
            await self.house.run(replace_return_key, self.current_user.name, browser)
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return
        keep_browser(self, browser)
        self.go("welcome")
