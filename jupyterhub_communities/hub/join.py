"""The way in with a code: `/hub/join`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from ..application.invites import (
    JoinRequest,
    JoinView,
    Offer,
    has_redeemed,
)
from ..application.people import find_person
from ..application.waiting import wait_in_line
from ..domain.accounts import AccountKind
from ..domain.names import read_name
from ..domain.refusals import (
    CodeMistyped,
    FormOutdated,
    InviteByHand,
    InviteClosed,
    InviteFull,
    InviteRevoked,
    InviteUnknown,
    Refusal,
    StorageUnreachable,
    TooManyGuesses,
)
from ..i18n.messages import offered
from ..i18n.negotiation import closest
from ..pages.language import (
    LANGUAGE_COOKIE,
    WORKSHOP_COOKIE,
    current_messages,
    keep_language,
    refine_language,
)
from ..pages.refusals import status_of
from .devices import is_shared_session
from .intents import JoinIntent
from .kept_code import LONGEST_SECRET
from .sign_in import SIGN_IN
from .waiting import LONGEST_TYPED, NAME_REFUSALS, WaitingMixin

# Said where the code is typed. A stranger must not tell unknown, closed and revoked ones apart.
_CODE_REFUSALS = (
    CodeMistyped,
    InviteUnknown,
    InviteClosed,
    InviteRevoked,
    TooManyGuesses,
    FormOutdated,
)


@dataclass(frozen=True, slots=True)
class Returning:
    """Whom this device would continue as."""

    display_name: str
    username: str


class JoinHandler(WaitingMixin):
    """Shows what a code opens, asks for a name, and signs the person in.

    `GET` never consumes anything. The code travels in a signed cookie of this path only, never in
    `next`, a redirect or a page's address.
    """

    async def get(self) -> None:
        if "code" in self.request.arguments:
            self._keep_secret(self.get_query_argument("code", ""))
            self.page_attempt()  # a typed code waits for its turn in this browser's name
            self.set_header("Referrer-Policy", "no-referrer")
            self.set_header("Cache-Control", "no-store")
            wanted = closest(self.get_query_argument("lang", ""), offered())
            self.go("join" if wanted is None else f"join?lang={wanted}")
            return
        secret = self._kept_secret()
        if secret is None:
            await self._draw_code_form()
        elif "arrived" in self.request.arguments and await self._has_joined(secret):
            await self._go_on()
        else:
            await self._draw_offer(secret)

    async def post(self) -> None:
        action = self.get_body_argument("action", "join")
        if action == "look":
            await self._look()
            return
        if action == "upstream":
            await self._go_through_upstream()
            return
        if action in ("wait", "leave"):
            await self.wait(action)
            return
        secret = self._kept_secret()
        if secret is None:
            await self._draw_code_form()
        elif action == "other":
            if self.form_attempt() is not None:
                # Whoever was here before is signed out, with all that their session opened.
                self.clear_login_cookie()
                self._jupyterhub_user = None
            self.new_attempt()
            await self._draw_offer(secret, ask_who=False)
        else:
            await self._join(secret, action)

    # Through upstream

    async def _go_through_upstream(self) -> None:
        """To upstream's own sign-in. What the code opens is redeemed on the way back."""
        secret, attempt = self._kept_secret(), self.form_attempt()
        if secret is None or attempt is None:
            self.go("join")
            return
        try:
            offer = (await self._look_up(secret)).offer
        except Refusal as refusal:
            await self._draw_refused(refusal)
            return
        if offer.invite.bound_username is not None:
            self.go("join")
            return
        intent = JoinIntent(
            secret, attempt, self._chosen_language(), is_shared=bool(self.typed("shared"))
        )
        self.authenticator.intents.begin(self, intent)
        target = urlencode({"next": self.hub.base_url + "join?arrived=1"})
        anchor = "#account" if self.upstream_has_form else ""
        self.redirect(f"{self.upstream_url}?{target}{anchor}", status=303)

    async def _has_joined(self, secret: str) -> bool:
        """Is whoever came back from upstream in by this code?"""
        if self.current_user is None:
            return False
        try:
            await self._look_up(secret)
            return await self.house.look(has_redeemed, secret, self.current_user.name)
        except Refusal:
            return False  # the page says what is wrong

    # Looking

    async def _look(self) -> None:
        """A code was typed: say at once if it is not one."""
        typed = self.typed("code")
        try:
            await self._look_up(typed)
        except Refusal as refusal:
            await self._draw_code_form(refusal, typed)
            return
        self._keep_secret(typed, is_found=True)
        self.go("join")

    async def _draw_code_form(self, refusal: Refusal | None = None, typed: str = "") -> None:
        await self.draw(
            "code.html",
            status=200 if refusal is None else status_of(refusal),
            attempt=self.attempt_field(),
            code=typed[:LONGEST_SECRET],
            error=None if refusal is None else self.say(refusal),
        )

    async def _draw_offer(
        self,
        secret: str,
        *,
        status: int = 200,
        ask_who: bool = True,
        name: str = "",
        error: str | None = None,
        notice: str | None = None,
        ask_known: bool = False,
    ) -> None:
        """The join page: what the code opens, and who is asking."""
        try:
            view = await self._look_up(secret, shows_sessions=True)
            if ask_who and view.is_waiting and await self.draw_place(secret):
                return
            me = self._who_may_continue(view) if ask_who else None
        except _CODE_REFUSALS as refusal:
            await self._draw_code_form(refusal, secret)
            return
        except StorageUnreachable as refusal:
            await self._draw_unreachable(refusal, name)
            return
        except Refusal as refusal:
            await self._draw_refused(refusal)
            return
        offer = view.offer
        self._speak_as(offer)
        if offer.workshop is not None:
            # The pages after this one, up to the first sign-out, know it too.
            keep_language(
                self,
                offer.workshop.language,
                self.language_paths,
                cookie=WORKSHOP_COOKIE,
                days=None,
            )
        if offer.no_seat and me is None and error is None and not ask_known:
            await self.draw_no_seat(offer.no_seat)
            return
        await self._draw_join(
            offer,
            status=status,
            me=me,
            name=name,
            error=error,
            notice=notice,
            ask_known=ask_known,
        )

    async def _draw_join(
        self,
        offer: Offer | None,
        *,
        status: int,
        me: Returning | None = None,
        name: str = "",
        error: str | None = None,
        notice: str | None = None,
        ask_known: bool = False,
    ) -> None:
        """Draws the form; without an offer where the database does not answer."""
        ticked = bool(self.typed("shared"))
        signed_in_shared = self.current_user and is_shared_session(self.get_session_cookie())
        await self.draw(
            "join.html",
            status=status,
            offer=offer,
            attempt=self.attempt_field(),
            me=me,
            typed_name=(name or _label(offer))[:LONGEST_TYPED],
            error=error,
            join_notice=notice,
            ask_known=ask_known,
            has_upstream=self.upstream_has_button,
            shared=ticked or bool(signed_in_shared),
        )

    async def _draw_unreachable(self, refusal: Refusal, name: str) -> None:
        await self._draw_join(None, status=status_of(refusal), name=name, notice=self.say(refusal))

    def _speak_as(self, offer: Offer) -> None:
        refine_language(
            workshop=offer.workshop.language if offer.workshop else None,
            community=offer.community.language if offer.community else None,
        )

    def _who_may_continue(self, view: JoinView) -> Returning | None:
        """Whom this device would continue as: who is signed in, or who joined here just before."""
        if self.current_user is not None and view.offer.invite.bound_username is None:
            name = self.current_user.name
            return Returning(name if view.me is None else view.me.display_name, name)
        if view.is_spent:
            self.new_attempt()  # that person keeps their key; somebody else is here now
        if view.before is None:
            return None
        return Returning(view.before.display_name, view.before.username)

    # Joining

    async def _join(self, secret: str, action: str) -> None:
        name = self.typed("name")
        self.device_is_shared = bool(self.typed("shared"))
        try:
            view = await self._look_up(secret, name if action == "join" else "")
            self._speak_as(view.offer)
            await self._redeem(view, secret, name, action)
        except NAME_REFUSALS as refusal:
            await self._draw_offer(
                secret, status=status_of(refusal), ask_who=False, name=name, error=self.say(refusal)
            )
        except (StorageUnreachable, TooManyGuesses, FormOutdated) as refusal:
            # The form comes back without asking the database: what was typed is kept.
            await self._draw_unreachable(refusal, name)
        except _CODE_REFUSALS as refusal:
            await self._draw_code_form(refusal, secret)
        except InviteFull as refusal:
            await self.draw_no_seat(refusal)
        except Refusal as refusal:
            await self._draw_refused(refusal)

    async def _redeem(self, view: JoinView, secret: str, name: str, action: str) -> None:
        """Signs in and on to the next page, or draws the form once more with a question."""
        offer = view.offer
        request = self._request(view, secret, name, action)
        if request is None:
            # The cookie was lost, the form is a day old, or whoever was signed in is no more.
            notice = current_messages().gettext("Please send the form once more.")
            await self._draw_offer(secret, name=name, notice=notice)
            return
        if action == "join" and offer.invite.bound_username is None:
            read_name(name)
            if view.is_name_known:
                await self._draw_offer(secret, name=name, ask_who=False, ask_known=True)
                return
        # Whoever goes on as somebody who is known here has shown nothing by it.
        self.has_proved_who = action != "continue" and self.current_user is None
        try:
            user = await self.login_user({SIGN_IN: request})
        except InviteByHand:
            await self.house.run(wait_in_line, request)
            self.go("join")
            return
        if user is None:
            message = current_messages().gettext("You may not sign in to this hub.")
            await self.draw("refused.html", status=403, message=message)
            return
        self._jupyterhub_user = user
        workshop = offer.workshop
        await self.remember_language(user.name, workshop=workshop.language if workshop else None)
        await self._go_on()

    def _request(self, view: JoinView, secret: str, name: str, action: str) -> JoinRequest | None:
        """What the form asks for; None where it was not drawn for who is here now."""
        attempt = self.form_attempt() or self._attempt_sent_again(view)
        if attempt is None:
            return None
        request = JoinRequest(
            secret=secret, attempt=attempt, name=name, language=self._chosen_language(), seen=view
        )
        if action != "continue":
            return request
        if self.current_user is not None and view.offer.invite.bound_username is None:
            return self._as_themselves(request)
        return None if view.before is None else request

    def _attempt_sent_again(self, view: JoinView) -> str | None:
        """That of a form which has signed in who is here now, and is sent once more."""
        attempt = self.form_attempt(by_anybody=True)
        if self.current_user is None or view.before is None:
            return None
        return attempt if view.before.username == self.current_user.name else None

    async def _go_on(self) -> None:
        """To the return key while it is not kept; else to the server."""
        person = self.person
        if person is None:
            person = await self.house.look(find_person, self.current_user.name)
        account = person.account
        if account is None or account.kind is AccountKind.UPSTREAM:
            await self.start_server()
        elif account.has_pending_key or account.key_confirmed_at is None:
            self.go("welcome")
        else:
            await self.start_server()

    def _chosen_language(self) -> str | None:
        return current_messages().tag if self.get_cookie(LANGUAGE_COOKIE) else None


def _label(offer: Offer | None) -> str:
    """Whom a personal code was made for: they may write themselves otherwise."""
    return "" if offer is None else offer.invite.label or ""
