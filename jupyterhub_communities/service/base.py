"""What every handler of the service shares: who asks, in which language, and how to say no."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

from jupyterhub.services.auth import HubOAuthenticated
from tornado.httpclient import HTTPError as FetchError
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler

from ..application.house import House
from ..application.people import Person, find_person, find_refusal
from ..application.ports import Desk, Hub
from ..domain.accounts import Account
from ..domain.grants import Actor
from ..domain.paging import MOST_ENTRIES, Key
from ..domain.refusals import PageInvalid, ProofNeeded, Refusal, StorageUnreachable
from ..pages.headers import page_headers
from ..pages.language import current_messages, refine_language
from ..pages.proofs import is_proved
from ..pages.refusals import sentence_of, status_of

P = ParamSpec("P")
T = TypeVar("T")


class NotSignedIn(Exception):
    """Nobody is known by the cookie or token of this request."""


class ServiceHandler(HubOAuthenticated, RequestHandler):
    """Identifies the person with the Hub, and authorises from our own database.

    The Hub's answer says who it is; what they may do follows from their grants now, not from scopes
    that were frozen when a token was made. A request with a cookie must carry the form's token.
    """

    person: Person
    actor: Actor
    draws_stale_forms = False
    is_stale = False  # signed in, but the form's token is not (any more) the one for it

    def initialize(self, house: House, hub: Hub, hub_auth: Any) -> None:
        self.house = house
        self.hub_api = hub
        self.hub_auth = hub_auth
        # Nobody is known before `prepare`: the log would ask the Hub, and all would wait for it.
        self._hub_auth_user_cache = None

    def set_default_headers(self) -> None:
        for name, value in page_headers().items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")

    def decode_argument(self, value: bytes | None, name: str | None = None) -> Any:
        """Whatever the bytes: a field that cannot be read is drawn again like any other."""
        if value is None:  # a part of the path that is not there
            return None
        return value.decode("utf-8", "replace")

    async def prepare(self) -> None:
        try:
            model = await self.hub_auth.get_user(self, sync=False)
            if model is None and self.draws_stale_forms and self.request.method == "POST":
                model = await self._model_of_stale_form()
        except HTTPError as error:
            if error.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            raise HTTPError(HTTPStatus.BAD_GATEWAY) from error  # as it says where nobody answers
        except OSError as error:
            raise HTTPError(HTTPStatus.BAD_GATEWAY) from error
        self._hub_auth_user_cache = model
        if model is None:
            raise NotSignedIn
        allowed = self.hub_auth.check_scopes(self.hub_scopes, model)
        if not allowed or model.get("kind", "user") != "user":
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.username: str = model["name"]
        self.person = await self.run(find_person, self.username)
        is_operator = bool(model.get("admin"))
        if self.person.is_refused(is_operator=is_operator):
            raise await self.run(find_refusal, self.username)
        self.actor = self.person.actor(is_operator=is_operator)
        account = self.person.account
        refine_language(stored=account.language if account else None)

    async def _model_of_stale_form(self) -> dict[str, Any] | None:
        """Who sent a form without its token: enough to draw it again, never to act on it."""
        token = self.hub_auth._get_token_cookie(self)
        if token is None:
            return None
        self.is_stale = True
        session = self.hub_auth.get_session_id(self)
        model: dict[str, Any] | None = await self.hub_auth.user_for_token(
            token, session_id=session, sync=False
        )
        return model

    @property
    def has_proved(self) -> bool:
        """Whether the person has shown lately who they are. Nobody but them holds a token."""
        if getattr(self, "_token_authenticated", False):
            return True
        return is_proved(self.request, self.username, self.house.clock.now(), self.house.keys)

    def need_proof(self) -> None:
        """Raises `ProofNeeded`."""
        if not self.has_proved:
            raise ProofNeeded

    def again_address(self) -> str:
        """Of the Hub's sign-in page, which leads back here."""
        here = self.request.path
        if self.request.method != "GET":
            here = here.removesuffix("/code")  # a form whose page has another address
        elif self.request.query:
            here += f"?{self.request.query}"
        return f"{self.settings['hub_url']}login?{urlencode({'again': '1', 'next': here})}"

    async def run(
        self, verb: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.house.run(verb, *args, **kwargs)

    async def push_groups(self, username: str) -> None:
        """Tells the Hub at once whose groups changed, and whose access ended; otherwise the next
        refresh and the next pass would."""
        try:
            await self.settings["endings"].carry_out(username)
        except (FetchError, OSError) as error:
            app_log.warning("A person's change reaches the Hub with the next pass: %r", error)

    async def erase(self, account: Account) -> HTTPStatus:
        """Carries out an erasure that was begun: done, or going on."""
        is_done = await self.settings["erasures"].carry_out_soon(account)
        return HTTPStatus.NO_CONTENT if is_done else HTTPStatus.ACCEPTED

    def sealed(self, place: Key, path: str | None = None) -> str:
        """Where the next page of a list begins, for its address: this one, unless told. Sealed: names
        of people belong in no log, and nobody has to check what comes back."""
        return self.house.keys.seal(json.dumps([path or self.request.path, *place]))

    def place_of(self, after: str) -> Key:
        """What was sealed. Raises `PageInvalid`."""
        try:
            path, *place = json.loads(self.house.keys.unseal(after))
        except ValueError as error:
            raise PageInvalid(most=MOST_ENTRIES) from error
        if path != self.request.path:
            raise PageInvalid(most=MOST_ENTRIES)
        return tuple(place)

    def join_address(self) -> str:
        """Where codes are typed, as this person's browser reaches the hub."""
        if public := self.settings["public_hub_url"]:
            return f"{public.rstrip('/')}/join"
        own_host = f"{self.request.protocol}://{self.request.host}"
        host = self.hub_auth.hub_host or own_host  # another one with `subdomain_host`
        return f"{host}{self.settings['hub_prefix']}join"

    def join_link(self, secret: str) -> str:
        return f"{self.join_address()}?{urlencode({'code': secret})}"

    def say(self, refusal: Refusal) -> str:
        return sentence_of(refusal, current_messages())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A refusal, or nobody being signed in, is no accident."""
        if not isinstance(value, (Refusal, NotSignedIn)):
            super().log_exception(typ, value, tb)
        elif isinstance(value, StorageUnreachable):
            app_log.warning("The communities database does not answer")

    def error_of(self, status_code: int, **kwargs: Any) -> tuple[int, str, str]:
        """Status, stable code and sentence of whatever went wrong."""
        messages = current_messages()
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if isinstance(error, Refusal):
            return status_of(error), error.code, sentence_of(error, messages)
        if isinstance(error, NotSignedIn):
            return 401, "not_signed_in", messages.gettext("Please sign in.")
        sentences = {
            400: messages.gettext("This request cannot be read."),
            403: messages.gettext("You may not do this."),
            404: messages.gettext("This page does not exist."),
            405: messages.gettext("This cannot be done here."),
            413: messages.gettext("This is too large."),
            415: messages.gettext("The body must be JSON."),
            502: messages.gettext("The hub does not answer. Please try again in a minute."),
        }
        if status_code in sentences:
            return status_code, f"http.{status_code}", sentences[status_code]
        return (
            status_code,
            f"http.{status_code}",
            messages.gettext("Something went wrong here. Please try again."),
        )
