"""Sign-in with invite codes and return keys, on top of any Authenticator or alone.

`authenticate` only looks. What it found is redeemed, and groups are composed, in
`run_post_auth_hook`: after the Hub has checked that the person is allowed and not blocked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import replace
from secrets import choice
from typing import Any

from jupyterhub.auth import Authenticator, LocalAuthenticator
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.traitlets import EntryPointType
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from tornado.ioloop import PeriodicCallback
from traitlets import Bool, Instance, default

from ..application.house import House
from ..application.identities import LinkRequest, account_behind, check_link, link_identity
from ..application.invites import JoinRequest, look_up_invite, open_join, redeem_invite
from ..application.issuing import is_any_invite_usable
from ..application.key_requests import find_approved_account, use_approval
from ..application.people import Person, find_person, find_refusal
from ..application.provenance import opens_anything, sync_idp_grants
from ..application.return_keys import find_person_by_key, use_return_key
from ..domain.access import Access
from ..domain.accounts import AccountKind
from ..domain.grants import Source, groups_of
from ..domain.names import derive_username, read_name
from ..domain.refusals import Refusal, StorageUnreachable
from ..pages.language import current_messages
from . import devices
from .arriving import ArrivingMixin
from .guessing import GuessingTraits
from .home import HomeHandler, NoticesHandler, StopHandler
from .intents import Intents, JoinIntent, LinkIntent
from .join import JoinHandler
from .line import LINE, SWEEP_SECONDS, Line, starts_left
from .linking import LinkHandler
from .login import LanguageHandler, LoginHandler, LogoutHandler
from .lookups import Newcomer, is_name_taken
from .lost_key import LostKeyHandler
from .pages import PageMixin, asset_handlers, install_pages
from .proving import TokenPage, TokensHandler, ToServiceHandler
from .refused import SignInRefused
from .replacing import ReplaceKeyHandler
from .sessions import SignInsHandler, end_sign_ins
from .sign_in import SIGN_IN, JoinByUpstream, KeyRequestSignIn, KeySignIn
from .starting import START_HANDLERS
from .upstream import AuthModel, UpstreamMixin, configured_upstream
from .welcome import WelcomeHandler

SEEN_OPEN_SECONDS = 60  # how long the login page believes that there is an open code
_PERSON = "communities-person"  # who it is, on the way to the last step
_WANTED = "communities-wanted"  # what upstream's claims amount to, on the way to the last step


class CommunityAuthenticatorMixin(GuessingTraits, UpstreamMixin):
    """Adds invite codes, return keys and community groups to an Authenticator.

    Ways to use it, from least to most effort: `configure(c, "communities.yaml")` in
    `jupyterhub_config.py`; `with_communities(SomeAuthenticator)`; a subclass that lists this mixin
    before the Authenticator.
    """

    house = Instance(
        House,
        allow_none=True,
        help="The house of communities that people belong to. `configure` sets it.",
    ).tag(config=True)

    manage_groups = Bool(
        True,
        help="Group membership is composed from grants at sign-in and refresh. Groups without our "
        "prefix stay as they stand, or as the upstream Authenticator says. Always on.",
    ).tag(config=True)

    def __init_subclass__(cls, **options: Any) -> None:
        """Finds the Authenticator that this mixin stands before."""
        super().__init_subclass__(**options)
        cls.upstream = next(filter(_is_upstream, cls.__mro__), None)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.manage_groups = True
        self.intents = Intents()
        self._seen_open_until = -math.inf  # on the monotonic clock
        if not self._upstream_manages_groups and getattr(self, "auth_state_groups_key", None) == "":
            # OAuthenticator looks for groups as soon as somebody manages them, and misses its key.
            self.auth_state_groups_key = _no_groups

    @default("any_allow_config")
    def _default_any_allow_config(self) -> bool:
        return True  # grants allow people in

    # Sign-in

    async def get_authenticated_user(self, handler: BaseHandler, data: Any) -> AuthModel | None:
        """The Hub's own way through all that follows. Pages of ours say a refusal themselves."""
        try:
            model: AuthModel | None = await super().get_authenticated_user(handler, data)
        except Refusal as refusal:
            if isinstance(handler, PageMixin):
                raise
            raise SignInRefused(refusal, current_messages()) from None
        return model

    async def authenticate(
        self, handler: BaseHandler, data: dict[str, Any] | None = None, **more: Any
    ) -> AuthModel | None:
        """Who this is, without writing anything. Raises a refusal with the reason."""
        asked = (data or {}).get(SIGN_IN)
        if isinstance(asked, JoinRequest):
            return await self._look_at_join(handler, asked)
        if isinstance(asked, KeySignIn):
            person = await self._house.look(find_person_by_key, asked.typed)
            assert person.account is not None
            asked = replace(asked, is_pending=person.account.has_pending_key)
            return {"name": person.account.username, SIGN_IN: asked, _PERSON: person}
        if isinstance(asked, KeyRequestSignIn):
            account = await self._house.look(find_approved_account, asked.browser)
            return {"name": account.username, SIGN_IN: asked}
        if self.upstream is None:
            return None
        model = await self.ask_upstream(handler, data, **more)
        return None if model is None else await self._look_at_upstream(handler, model)

    async def _look_at_upstream(self, handler: BaseHandler, model: AuthModel) -> AuthModel:
        """Which account the upstream's person opens here, and what they had begun before."""
        subject = model["name"]
        model[_WANTED] = self.wanted_places(model)
        intent = self.intents.take(handler)
        if isinstance(intent, LinkIntent):
            has_files = _has_had_servers(handler.find_user(subject))
            link = LinkRequest(intent.username, subject, has_files)
            await self._house.run(check_link, link)
            return {**model, "name": intent.username, SIGN_IN: link}
        account = await self._house.look(account_behind, subject)
        name = subject if account is None else account.username
        if intent is not None and isinstance(handler, devices.DeviceMixin):
            handler.device_is_shared = intent.is_shared
        if isinstance(intent, JoinIntent):
            # Who redeemed on this device before has an attempt of their own.
            request = JoinRequest(
                secret=intent.secret,
                attempt=f"{intent.attempt} {name}",
                username=name,
                language=intent.language,
            )
            model[SIGN_IN] = JoinByUpstream(request, is_allowed_anyway=self.allow_all)
        return {**model, "name": name}

    async def _look_at_join(self, handler: BaseHandler, request: JoinRequest) -> AuthModel:
        view = request.seen
        if view is None:
            view = await self._house.look(open_join, request.secret, [request.attempt])
        if view.offer.invite.bound_username is not None:
            name = view.offer.invite.bound_username
        elif request.username is not None:
            name = request.username
        elif view.before is not None:
            name = view.before.username
        else:
            name = await self._free_username(handler, read_name(request.name))
            request = replace(request, proposed_username=name)
        return {"name": name, SIGN_IN: request}

    async def _free_username(self, handler: BaseHandler, display_name: str) -> str:
        """A username that neither the Hub nor we know."""
        while True:
            name = derive_username(display_name, choice)
            if not is_name_taken(handler.db, name):
                return name

    async def _person_of(self, username: str, model: AuthModel) -> Person:
        """Looked up once for each sign-in."""
        if _PERSON not in model:
            model[_PERSON] = await self._house.look(find_person, username)
        person: Person = model[_PERSON]
        return person

    async def check_blocked_users(
        self, username: str, authentication: AuthModel | None = None
    ) -> bool | None:
        """Raises the refusal for somebody without access, unless a code or a claim gives it now.

        Here and not in `check_allowed`, which `allow_all` skips.
        """
        if not await maybe_future(super().check_blocked_users(username, authentication)):
            return False
        model = {} if authentication is None else authentication
        asked = model.get(SIGN_IN)
        if isinstance(asked, JoinRequest) and asked.proposed_username:
            return True  # somebody new
        person = await self._person_of(username, model)
        is_admin = username in self.admin_users or bool(model.get("admin"))
        if person.is_refused(is_operator=is_admin):
            is_joining = isinstance(asked, JoinRequest | JoinByUpstream)
            is_given = is_joining or await self._is_given(model)
            if person.is_barred or not is_given:
                raise await self._house.look(find_refusal, username)
        return True

    async def check_allowed(self, username: str, authentication: AuthModel | None = None) -> bool:
        """A good code or key lets in; otherwise upstream's answer, or an unlapsed grant."""
        asked = (authentication or {}).get(SIGN_IN)
        if isinstance(asked, JoinByUpstream):
            asked.is_allowed_anyway = await self._is_allowed(username, authentication)
            if not asked.is_allowed_anyway:
                await self._house.look(look_up_invite, asked.request.secret)
            return True
        return asked is not None or await self._is_allowed(username, authentication)

    async def _is_given(self, model: AuthModel) -> bool:
        """Do upstream's claims amount to a place that is there and not suspended?"""
        wanted = model.get(_WANTED)
        if wanted is None or not wanted.places:
            return False
        return await self._house.look(opens_anything, wanted)

    async def _is_allowed(self, username: str, authentication: AuthModel | None) -> bool:
        """For invite accounts grants alone decide: no list of upstream's readmits an ended one."""
        person = await self._person_of(username, authentication or {})
        if person.grants or person.access is Access.GRACE:
            return True
        if await self._is_given(authentication or {}):
            return True
        if person.account is not None and person.account.kind is AccountKind.INVITE:
            return False
        return bool(await maybe_future(super().check_allowed(username, authentication)))

    def is_admin(self, handler: BaseHandler, authentication: AuthModel) -> Any:
        """Upstream's answer; of our own ways in it knows nothing, and need not know the username."""
        if _WANTED not in authentication:
            return Authenticator.is_admin(self, handler, authentication)
        return super().is_admin(handler, authentication)

    def normalize_username(self, username: str) -> str:
        """Upstream's way. System accounts (PAM) do not know the people of ours."""
        try:
            name: str = super().normalize_username(username)
        except KeyError:
            name = Authenticator.normalize_username(self, username)
        return name

    async def add_user(self, user: User) -> None:
        """Upstream's way, which may want an account of the operating system (PAM). People with a
        code have none, unless the operator has them made."""
        if isinstance(self, LocalAuthenticator) and not self.create_system_users:
            account = (await self._house.look(find_person, user.name)).account
            if account is not None and account.kind is AccountKind.INVITE:
                Authenticator.add_user(self, user)
                return
        await maybe_future(super().add_user(user))

    async def run_post_auth_hook(
        self, handler: BaseHandler, auth_model: AuthModel | None
    ) -> AuthModel | None:
        """Redeems what was looked at, and composes groups. The last step of a sign-in."""
        model: AuthModel | None = await super().run_post_auth_hook(handler, auth_model)
        if not model:
            return None
        known: Person | None = model.pop(_PERSON, None)
        asked = model.pop(SIGN_IN, None)
        changed = await self._carry_out(handler, asked, model)
        wanted = model.pop(_WANTED, None)
        if wanted is not None:
            self.note_asked(model["name"])
        if wanted is not None and self._house.settings.rules:
            await self._house.run(sync_idp_grants, model["name"], wanted)
            known = None
        person = changed or known
        if person is None:
            person = await self._house.look(find_person, model["name"])
        if person.is_barred:  # since they were allowed
            raise await self._house.look(find_refusal, model["name"])
        if isinstance(handler, PageMixin):
            handler.person = person  # for the pages that follow the sign-in
        is_newcomer = isinstance(asked, JoinRequest) and asked.proposed_username == model["name"]
        user = None if is_newcomer else handler.find_user(model["name"])
        if wanted is None and user is not None and self.enable_auth_state:
            model["auth_state"] = await user.get_auth_state()  # what upstream gave them before
        model["groups"] = self._compose_groups(person, user, model.get("groups"))
        user_info = _user_info(person)
        if isinstance(handler, ArrivingMixin):
            handler.arriving = user
        if is_newcomer and isinstance(handler, ArrivingMixin):
            handler.newcomer = Newcomer(model["name"], model["groups"] or [], user_info)
        elif user_info and not model.get("user_info") and user_info != _known_info(user):
            model["user_info"] = user_info
        return model

    async def _carry_out(
        self, handler: BaseHandler, asked: object, model: AuthModel
    ) -> Person | None:
        """What was asked for, now that the person is allowed. Who they are where it changed that."""
        if isinstance(asked, JoinRequest):
            person = (await self._house.run(redeem_invite, asked)).person
            assert person.account is not None
            model["name"] = person.account.username
            return person
        if isinstance(asked, KeySignIn):
            if not asked.is_pending:
                return None
            replaced = await self._house.run(use_return_key, asked.typed)
            if replaced and (before := handler.find_user(model["name"])) is not None:
                end_sign_ins(handler.db, before)
        elif isinstance(asked, KeyRequestSignIn):
            await self._house.run(use_approval, asked.browser)
        elif isinstance(asked, LinkRequest):
            await self._house.run(link_identity, asked)
        elif isinstance(asked, JoinByUpstream):
            try:
                await self._house.run(redeem_invite, asked.request)
            except Refusal as refusal:
                if not asked.is_allowed_anyway:
                    raise
                # They are in, and the join page says what is wrong with the code.
                self.log.info("A code was not redeemed on the way in: %s", refusal.code)
        else:
            return None
        return await self._house.look(find_person, model["name"])

    async def refresh_user(
        self, user: User, handler: BaseHandler | None = None, **more: Any
    ) -> bool | AuthModel:
        """Composes groups again; ends what has ended. Upstream is asked no more often than before."""
        try:
            person = await self._house.look(find_person, user.name)
        except StorageUnreachable:
            return True  # whoever is in stays in; the next refresh asks again
        is_refused = person.is_refused(is_operator=user.admin)
        answer = not is_refused and await self._ask_about(person, user, handler, **more)
        if not answer:
            if handler is not None and not hasattr(handler, "_token_authenticated"):
                # JupyterHub 6.1 looks for it on every page, and sets it on those of the API only.
                handler._token_authenticated = False
            return False
        model = {} if answer is True else answer
        if model and self._house.settings.rules:
            await self._house.run(sync_idp_grants, user.name, self.wanted_places(model))
            person = await self._house.look(find_person, user.name)
        groups = self._compose_groups(person, user, model.get("groups"))
        if answer is True and groups is None:
            return True
        return {**model, "name": user.name, "groups": groups}

    async def _ask_about(
        self, person: Person, user: User, handler: BaseHandler | None, **more: Any
    ) -> bool | AuthModel:
        """May they stay in, and what does upstream say of them now?"""
        kind = None if person.account is None else person.account.kind
        is_known_upstream = kind is not AccountKind.INVITE or any(
            grant.source is Source.IDP for grant in person.grants
        )
        answer: bool | AuthModel = True
        if self.upstream is not None and is_known_upstream:
            answer = await self.ask_upstream_again(user, handler, **more)
        if kind is AccountKind.INVITE:
            return answer or True
        # Somebody who came with a key is known to us, though perhaps not to upstream.
        return answer or kind is AccountKind.BOUND

    def _compose_groups(
        self, person: Person, user: User | None, upstream_groups: Iterable[str] | None
    ) -> list[str] | None:
        """Ours from grants; the others as upstream says, or as they stand. None where the Hub has
        them so already: its own comparing is the dearest part of a sign-in."""
        prefix = self.group_prefix
        held = (
            frozenset() if user is None else frozenset(group.name for group in user.orm_user.groups)
        )
        others = held if upstream_groups is None else upstream_groups
        wanted = groups_of(person.grants, prefix) | {
            name for name in others if not name.startswith(prefix)
        }
        return None if wanted == held and user is not None else sorted(wanted)

    # Pages

    @property
    def _house(self) -> House:
        if self.house is None:
            raise RuntimeError(
                "communities are not configured: call configure(c, 'communities.yaml') "
                "at the end of jupyterhub_config.py"
            )
        return self.house

    @property
    def group_prefix(self) -> str:
        return self._house.settings.group_prefix

    async def is_open_to_nobody(self) -> bool:
        """No other way in, and no code that anybody could redeem? A code that was seen open is
        thought so for a minute."""
        if self.upstream is not None or time.monotonic() < self._seen_open_until:
            return False
        if not await self._house.look(is_any_invite_usable):
            return True
        self._seen_open_until = time.monotonic() + SEEN_OPEN_SECONDS
        return False

    def get_handlers(self, app: Any) -> list[Any]:
        """Our pages, before the Hub's own of the same address."""
        install_pages(app, self._house)
        settings = app.tornado_settings
        settings[LINE] = line = Line(self._house, lambda: starts_left(settings))
        line.restore()
        self._line_sweep = PeriodicCallback(line.sweep, SWEEP_SECONDS * 1000)
        self._line_sweep.start()
        self._sweep = PeriodicCallback(
            lambda: devices.end_shared_sessions(app), devices.SWEEP_SECONDS * 1000
        )
        self._sweep.start()
        return [
            ("/join", JoinHandler),
            ("/welcome", WelcomeHandler),
            ("/link", LinkHandler),
            ("/key", ReplaceKeyHandler),
            ("/lost-key", LostKeyHandler),
            ("/home", HomeHandler),
            ("/communities/notices", NoticesHandler),
            ("/communities/stop", StopHandler),
            *START_HANDLERS,
            ("/login", LoginHandler),
            ("/logout", LogoutHandler),
            ("/communities/language", LanguageHandler),
            ("/token", TokenPage),
            (r"/api/users/([^/]+)/tokens", TokensHandler),
            (r"/api/users/([^/]+)/sign-ins", SignInsHandler),
            *([("/(services/communities/.*)", ToServiceHandler)] if app.subdomain_host else []),
            *asset_handlers(),
            *map(_on_any_device, super().get_handlers(app)),
        ]


def _is_upstream(cls: type) -> bool:
    if cls in (Authenticator, UpstreamMixin) or issubclass(cls, CommunityAuthenticatorMixin):
        return False
    return issubclass(cls, Authenticator)


def _on_any_device(route: Any) -> Any:
    """An upstream's page that signs in, so that it does so for as long as the device allows."""
    path, handler, *rest = route
    if issubclass(handler, BaseHandler) and not issubclass(handler, devices.DeviceMixin):
        handler = type(handler.__name__, (devices.DeviceMixin, handler), {})
    return (path, handler, *rest)


def _user_info(person: Person) -> dict[str, str]:
    """What JupyterLab may know of a person."""
    if person.account is None:
        return {}
    name = person.account.display_name
    return {"name": name, "display_name": name}


def _known_info(user: User | None) -> dict[str, str] | None:
    """What the Hub has: saying it again costs as much as changing it."""
    return None if user is None else getattr(user.orm_user, "user_info", None)


def _no_groups(auth_state: Any) -> list[str]:
    return []


def _has_had_servers(user: User | None) -> bool:
    """Does the Hub remember a server of this user? Then there may be files."""
    return user is not None and bool(user.orm_user.orm_spawners)


class CommunityAuthenticator(CommunityAuthenticatorMixin):
    """Invite codes and return keys, alone or on top of `upstream_class`."""

    upstream_class = EntryPointType(
        None,
        allow_none=True,
        klass=Authenticator,
        entry_point_group="jupyterhub.authenticators",
        help="The Authenticator that people sign in with beside codes and keys: the name of its "
        "entry point, such as `github`, or its class. Its own traits are configured as usual. By "
        "default there is none.",
    ).tag(config=True)

    def __new__(cls, *args: Any, **values: Any) -> CommunityAuthenticator:
        """An instance with the configured Authenticator behind it."""
        upstream = None if cls.upstream is not None else configured_upstream(cls, values)
        if upstream is not None:
            cls = type(f"Community{upstream.__name__}", (cls, upstream), {})
        made: CommunityAuthenticator = super().__new__(cls, *args, **values)
        return made
