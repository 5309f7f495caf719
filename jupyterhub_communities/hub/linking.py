"""`/hub/link`: one more way to open an account, by the upstream's sign-in."""

from __future__ import annotations

from urllib.parse import urlencode

from ..application.identities import linked_identities, unlink_identities
from ..application.people import find_person
from ..domain.accounts import Account, AccountKind
from ..domain.refusals import Refusal
from ..pages.language import refine_language
from ..pages.refusals import status_of
from .attempts import AttemptMixin
from .intents import LinkIntent
from .pages import PageMixin
from .proving import ask_again, has_proved


class LinkHandler(AttemptMixin, PageMixin):
    """Shows what is linked; a POST begins the way through upstream, which comes back here."""

    async def get(self) -> None:
        await self._answer()

    async def post(self) -> None:
        if self.current_user is None or not self.is_form_of_session():
            self.go("link")
            return
        if not has_proved(self):
            ask_again(self, self.request.path)
            return
        username = self.current_user.name
        if self.get_body_argument("action", "") == "unlink":
            await self._answer(unlink=True)
            return
        self.authenticator.intents.begin(self, LinkIntent(username, self.get_session_cookie()))
        if self.upstream_has_form:
            await self._answer(ask=True)
        else:
            target = {"next": self.hub.base_url + "link"}
            self.redirect(f"{self.upstream_url}?{urlencode(target)}", status=303)

    async def _answer(self, *, unlink: bool = False, ask: bool = False) -> None:
        if self.current_user is None:
            login_url = self.settings["login_url"]
            self.redirect(f"{login_url}?{urlencode({'next': self.request.path})}")
            return
        error, status = None, 200
        try:
            account = await self._account(self.current_user.name)
            if account is None:
                self.go("home")
                return
            if unlink:
                try:
                    await self.house.run(unlink_identities, account.username)
                except Refusal as refusal:
                    error, status = self.say(refusal), status_of(refusal)
            linked = await self.house.run(linked_identities, account.username)
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return
        await self.draw(
            "link.html",
            status=status,
            account=account,
            linked=linked,
            error=error,
            ask=ask,
            attempt=self.attempt_field(),
            next_url=self.hub.base_url + "link",
        )

    async def _account(self, username: str) -> Account | None:
        """None for people who sign in through upstream anyway, or on a hub without one."""
        account: Account | None = (await self.house.run(find_person, username)).account
        if not self.upstream_has_button or account is None:
            return None
        if account.kind is AccountKind.UPSTREAM:
            return None
        refine_language(stored=account.language)
        return account
