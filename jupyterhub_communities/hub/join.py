"""The way in with a code: `/hub/join`, and `/hub/welcome` with the return key."""

from __future__ import annotations

from urllib.parse import urlencode

from ..application.invites import (
    JoinRequest,
    Offer,
    find_redemption,
    is_name_known,
    look_up_invite,
)
from ..application.leases import start_choices
from ..application.people import find_person
from ..application.return_keys import confirm_return_key, show_return_key
from ..domain.accounts import Account
from ..domain.names import read_name
from ..domain.refusals import (
    CodeMistyped,
    InviteFull,
    InviteRedeemed,
    NameEmpty,
    NameTooLong,
    NameUnreadable,
    Refusal,
    StorageUnreachable,
)
from ..pages.language import (
    LANGUAGE_COOKIE,
    WORKSHOP_COOKIE,
    current_messages,
    keep_language,
    refine_language,
)
from ..pages.refusals import status_of
from .attempts import AttemptMixin
from .pages import PageMixin
from .sign_in import SIGN_IN

INVITE_COOKIE = "communities-invite"
LONGEST_SECRET = 200  # characters of what is kept in a cookie

_NAME_REFUSALS = (NameEmpty, NameTooLong, NameUnreadable)


class JoinHandler(AttemptMixin, PageMixin):
    """Shows what a code opens, asks for a name, and signs the person in.

    `GET` never consumes anything. The code travels in a signed cookie of this path only, never in
    `next`, a redirect or a page's address.
    """

    async def get(self) -> None:
        if "code" in self.request.arguments:
            self.keep_secret(self.get_query_argument("code", ""))
            self.set_header("Referrer-Policy", "no-referrer")
            self.set_header("Cache-Control", "no-store")
            self.go("join")
            return
        secret = self._kept_secret()
        if secret is None:
            await self._draw_code_form()
            return
        await self._draw_offer(secret)

    async def post(self) -> None:
        action = self.get_body_argument("action", "join")
        if action == "look":
            await self._look()
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

    # Looking

    async def _look(self) -> None:
        """A code was typed: say at once if it is not one."""
        typed = self.get_body_argument("code", "")
        try:
            await self.house.run(look_up_invite, typed[:LONGEST_SECRET])
        except InviteRedeemed:
            pass
        except Refusal as refusal:
            await self._draw_code_form(refusal, typed)
            return
        self.keep_secret(typed)
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
        ask_who: bool = True,
        name: str = "",
        name_refusal: Refusal | None = None,
        is_stale: bool = False,
        ask_known: bool = False,
    ) -> None:
        """The join page: what the code opens, and who is asking. What is said comes in the
        workshop's language, unless the reader chose another."""
        try:
            offer = await self.house.run(look_up_invite, secret)
            me = await self._who_may_continue(secret, offer) if ask_who else None
        except CodeMistyped as refusal:
            await self._draw_code_form(refusal, secret)
            return
        except Refusal as refusal:
            await self._draw_refused_offer(refusal)
            return
        messages = refine_language(
            workshop=offer.workshop.language if offer.workshop else None,
            community=offer.community.language if offer.community else None,
        )
        if offer.workshop is not None:
            # The pages after this one, up to the first sign-out, know it too.
            keep_language(
                self,
                offer.workshop.language,
                self.language_paths,
                cookie=WORKSHOP_COOKIE,
                days=None,
            )
        if name_refusal is None and offer.invite.seats_left == 0 and me is None:
            contact = offer.community.contact if offer.community else None
            await self._draw_refused_offer(InviteFull(offer.invite.seats or 0, contact))
            return
        await self.draw(
            "join.html",
            status=200 if name_refusal is None else status_of(name_refusal),
            offer=offer,
            attempt=self.attempt_field(),
            me=me,
            typed_name=name,
            error=None if name_refusal is None else self.say(name_refusal),
            join_notice=messages.gettext("Please send the form once more.") if is_stale else None,
            ask_known=ask_known,
            shared=bool(self.get_body_argument("shared", "")),
        )

    async def _draw_refused_offer(self, refusal: Refusal) -> None:
        await self.draw(
            "refused.html",
            status=status_of(refusal),
            message=self.say(refusal),
            offer_key=isinstance(refusal, InviteRedeemed),
        )

    async def _who_may_continue(self, secret: str, offer: Offer) -> Account | None:
        """Whom this device would continue as: who is signed in, or who joined here just before."""
        if self.current_user is not None and offer.invite.bound_username is None:
            person = await self.house.run(find_person, self.current_user.name)
            if person.account is not None:
                return person.account
        try:
            return await self.house.run(find_redemption, secret, self.page_attempt())
        except InviteRedeemed:
            self.new_attempt()  # that person keeps their key; somebody else is here now
            return None

    # Joining

    async def _join(self, secret: str, action: str) -> None:
        typed = self._typed_name()
        attempt = self.form_attempt()
        if attempt is None:
            # Lost cookie, day-old form: draw it again with everything typed.
            await self._draw_offer(
                secret, name=typed[:LONGEST_SECRET], ask_who=False, is_stale=True
            )
            return
        self.device_is_shared = bool(self.get_body_argument("shared", ""))
        signed_in = self.current_user.name if self.current_user and action == "continue" else None
        request = JoinRequest(
            secret=secret,
            attempt=attempt,
            name=typed,
            username=signed_in,
            language=self._chosen_language(),
        )
        try:
            if action == "join" and await self._is_somebody_of_that_name(request):
                await self._draw_offer(secret, name=typed, ask_who=False, ask_known=True)
                return
            user = await self.login_user({SIGN_IN: request})
        except _NAME_REFUSALS as refusal:
            await self._draw_offer(
                secret, name=typed[:LONGEST_SECRET], ask_who=False, name_refusal=refusal
            )
            return
        except Refusal as refusal:
            await self._refuse_join(secret, typed, refusal)
            return
        if user is None:
            await self.draw(
                "refused.html",
                status=403,
                message=current_messages().gettext("You may not sign in to this hub."),
            )
            return
        self._jupyterhub_user = user
        self.remember_device()
        self.go("welcome")

    async def _refuse_join(self, secret: str, typed: str, refusal: Refusal) -> None:
        if not isinstance(refusal, StorageUnreachable):
            await self._draw_refused_offer(refusal)
            return
        # The form comes back without asking the database: what was typed is kept.
        await self.draw(
            "join.html",
            status=status_of(refusal),
            offer=None,
            attempt=self.attempt_field(),
            me=None,
            typed_name=typed[:LONGEST_SECRET],
            error=None,
            join_notice=self.say(refusal),
            ask_known=False,
            shared=self.device_is_shared,
        )

    async def _is_somebody_of_that_name(self, request: JoinRequest) -> bool:
        """Somebody else of that name is in: not this attempt's own account."""
        read_name(request.name)
        if await self.house.run(find_redemption, request.secret, request.attempt):
            return False
        return await self.house.run(is_name_known, request.secret, request.name)

    def _typed_name(self) -> str:
        """As it was sent: tornado's own reading drops control characters without a word."""
        sent = self.request.body_arguments.get("name", [b""])[-1]
        return str(sent, "utf-8", "replace")

    def _chosen_language(self) -> str | None:
        chosen = self.get_cookie(LANGUAGE_COOKIE)
        return current_messages().tag if chosen else None

    # The code, kept

    def keep_secret(self, secret: str) -> None:
        self._set_cookie(
            INVITE_COOKIE,
            secret[:LONGEST_SECRET],
            path=self.hub.base_url + "join",
            samesite="Lax",
            expires_days=1,
        )

    def _kept_secret(self) -> str | None:
        value = self.get_secure_cookie(INVITE_COOKIE, max_age_days=1, min_version=2)
        return None if value is None else value.decode("utf-8", "replace")


class WelcomeHandler(PageMixin):
    """Shows the return key until the person confirms having kept it, then starts the server."""

    def check_xsrf_cookie(self) -> None:
        """Decided in `post`: a stale form comes back instead of a bare 403."""

    async def get(self) -> None:
        account = await self._account()
        if account is None:
            return
        try:
            key = await self.house.run(show_return_key, account.id)
            if key is None:
                await self._start()
                return
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return
        await self.draw("welcome.html", account=account, return_key=key)

    async def post(self) -> None:
        account = await self._account()
        if account is None:
            return
        if self.get_body_argument("_xsrf", "") != self.xsrf_token.decode("ascii"):
            self.go("welcome")
            return
        try:
            await self.house.run(confirm_return_key, account.id)
            await self._start()
        except Refusal as refusal:
            await self.draw_refusal(refusal)

    async def _account(self) -> Account | None:
        """Who is signed in; answers itself where nobody is, or nobody with an account."""
        if self.current_user is None:
            self.redirect(f"{self.settings['login_url']}?{urlencode({'next': self.request.path})}")
            return None
        try:
            person = await self.house.run(find_person, self.current_user.name)
        except Refusal as refusal:
            await self.draw_refusal(refusal)
            return None
        if person.account is None:
            self.go("home")
            return None
        refine_language(stored=person.account.language)
        return person.account

    async def _start(self) -> None:
        """On to the server, with the workshop's profile and without another form."""
        user = self.current_user
        if user.spawner.active:
            self.go("spawn")
            return
        choices = await self.house.run(start_choices, user.name)
        if not choices:
            self.go("home")
            return
        first = choices[0]
        options = {
            "opt-community": first.scope.community,
            "opt-workshop": first.scope.workshop,
            "opt-profile": first.preferred_profile,
        }
        query = urlencode({key: value for key, value in options.items() if value})
        self.go(f"spawn?{query}")
