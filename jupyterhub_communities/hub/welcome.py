"""`/hub/welcome`: the return key, until the person confirms having kept it."""

from __future__ import annotations

from urllib.parse import urlencode

from ..application.people import find_person
from ..application.return_keys import confirm_return_key, show_return_key
from ..domain.accounts import Account, AccountKind
from ..domain.refusals import Refusal
from ..pages.language import current_messages, refine_language
from ..pages.refusals import grace_sentence
from .arriving import ArrivingMixin


class WelcomeHandler(ArrivingMixin):
    """Shows the same key at every reload. Once it was kept: never again."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form comes back instead of a bare 403."""

    async def get(self) -> None:
        try:
            account = await self._account()
            if account is None:
                return
            key = await self.house.run(show_return_key, account.id)
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return
        if key is None:
            self.go("home")
            return
        until = (await self.house.run(find_person, account.username)).grace_until
        notice = "" if until is None else grace_sentence(until, current_messages())
        await self.draw("welcome.html", account=account, return_key=key, grace_notice=notice)

    async def post(self) -> None:
        try:
            account = await self._account()
            if account is None:
                return
            if not self.is_form_of_session():
                self.go("welcome")
                return
            await self.house.run(confirm_return_key, account.id)
            await self.start_server()
        except Refusal as refusal:
            await self.draw_refusal(refusal)

    async def _account(self) -> Account | None:
        """Whose key this is; answers itself where nobody is signed in, or nobody with a key."""
        if self.current_user is None:
            login_url = self.settings["login_url"]
            self.redirect(f"{login_url}?{urlencode({'next': self.request.path})}")
            return None
        account = (await self.house.run(find_person, self.current_user.name)).account
        if account is None or account.kind is AccountKind.UPSTREAM:
            self.go("home")
            return None
        refine_language(stored=account.language)
        return account
