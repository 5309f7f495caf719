"""Sign-in with invite codes and return keys, on top of any Authenticator or alone.

`authenticate` only looks. What it found is redeemed, and groups are composed, in
`run_post_auth_hook`: after the Hub has checked that the person is allowed and not blocked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from secrets import choice
from typing import Any, TypeAlias

from jupyterhub.auth import Authenticator
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from tornado.ioloop import PeriodicCallback
from traitlets import Bool, Instance, default

from ..application.house import House
from ..application.invites import (
    JoinRequest,
    count_usable_invites,
    find_redemption,
    look_up_invite,
    redeem_invite,
)
from ..application.key_requests import find_approved_account, use_approval
from ..application.people import Person, find_person
from ..application.return_keys import find_account_by_key, use_return_key
from ..domain.accounts import Account, AccountKind
from ..domain.grants import groups_of
from ..domain.names import derive_username, read_name
from ..domain.refusals import AccessEnded, Refusal, StorageUnreachable, UsernameReserved
from ..pages.language import current_messages
from . import devices
from .home import HomeHandler, NoticesHandler
from .join import JoinHandler
from .login import LanguageHandler, LoginHandler, LogoutHandler
from .lost_key import LostKeyHandler
from .pages import PageMixin, asset_handlers, install_pages
from .refused import SignInRefused
from .sessions import end_sign_ins
from .sign_in import SIGN_IN, KeyRequestSignIn, KeySignIn
from .welcome import WelcomeHandler

AuthModel: TypeAlias = dict[str, Any]


class CommunityAuthenticatorMixin(Authenticator):
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

    upstream: type[Authenticator] | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Finds the Authenticator that this mixin stands before."""
        super().__init_subclass__(**options)
        cls.upstream = next(filter(_is_upstream, cls.__mro__), None)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.manage_groups = True
        self._upstream_manages_groups = self._find_manage_groups()
        if not self._upstream_manages_groups and getattr(self, "auth_state_groups_key", None) == "":
            # OAuthenticator looks for groups as soon as somebody manages them, and misses its key.
            self.auth_state_groups_key = _no_groups

    def _find_manage_groups(self) -> bool:
        """Would the upstream Authenticator manage groups by itself, as it is configured?"""
        if self.upstream is None:
            return False
        for cls in type(self).__mro__:
            if "manage_groups" in self.config.get(cls.__name__, {}):
                return bool(self.config[cls.__name__]["manage_groups"])
        trait = self.upstream.class_traits()["manage_groups"]
        return bool(trait.default_value)

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
            account = await self._house.run(find_account_by_key, asked.typed)
            return await self._look_at_account(account, asked)
        if isinstance(asked, KeyRequestSignIn):
            account = await self._house.run(find_approved_account, asked.browser)
            return await self._look_at_account(account, asked)
        if self.upstream is None:
            return None
        answer = await maybe_future(super().authenticate(handler, data, **more))
        if not answer:
            return None
        model = self._own_words(answer if isinstance(answer, dict) else {"name": answer})
        person = await self._house.run(find_person, self.normalize_username(model["name"]))
        if person.account is not None and person.account.kind is AccountKind.INVITE:
            self.log.warning("Upstream sign-in as %s refused: an invite account", model["name"])
            raise UsernameReserved
        return model

    async def _look_at_join(self, handler: BaseHandler, request: JoinRequest) -> AuthModel:
        offer = await self._house.run(look_up_invite, request.secret)
        account = await self._house.run(find_redemption, request.secret, request.attempt)
        if offer.invite.bound_username is not None:
            name = offer.invite.bound_username
        elif request.username is not None:
            name = request.username
        elif account is not None:
            name = account.username
        else:
            name = await self._free_username(handler, read_name(request.name))
            request = replace(request, proposed_username=name)
        return {"name": name, SIGN_IN: request}

    async def _free_username(self, handler: BaseHandler, display_name: str) -> str:
        """A username that neither the Hub nor we know."""
        while True:
            name = derive_username(display_name, choice)
            if handler.find_user(name) is None:
                return name

    async def _look_at_account(
        self, account: Account, asked: KeySignIn | KeyRequestSignIn
    ) -> AuthModel:
        person = await self._house.run(find_person, account.username)
        if account.kind is not AccountKind.BOUND and not person.grants:
            raise AccessEnded
        return {"name": account.username, SIGN_IN: asked}

    async def check_allowed(self, username: str, authentication: AuthModel | None = None) -> bool:
        """A good code or key lets in; otherwise upstream's answer, or an unlapsed grant."""
        if authentication and SIGN_IN in authentication:
            return True
        if await maybe_future(super().check_allowed(username, authentication)):
            return True
        return bool((await self._house.run(find_person, username)).grants)

    def is_admin(self, handler: BaseHandler, authentication: AuthModel) -> Any:
        """Upstream's answer; of our own ways in it knows nothing, and need not know the username."""
        if SIGN_IN in authentication:
            return Authenticator.is_admin(self, handler, authentication)
        return super().is_admin(handler, authentication)

    async def run_post_auth_hook(
        self, handler: BaseHandler, auth_model: AuthModel | None
    ) -> AuthModel | None:
        """Redeems what was looked at, and composes groups. The last step of a sign-in."""
        model: AuthModel | None = await super().run_post_auth_hook(handler, auth_model)
        if not model:
            return None
        asked = model.pop(SIGN_IN, None)
        if isinstance(asked, JoinRequest):
            model["name"] = (await self._house.run(redeem_invite, asked)).account.username
        elif isinstance(asked, KeySignIn):
            replaced = await self._house.run(use_return_key, asked.typed)
            if replaced and (before := handler.find_user(model["name"])) is not None:
                end_sign_ins(handler.db, before)
        elif isinstance(asked, KeyRequestSignIn):
            await self._house.run(use_approval, asked.browser)
        person = await self._house.run(find_person, model["name"])
        user = handler.find_user(model["name"])
        model["groups"] = self._compose_groups(person, user, model.get("groups"))
        if person.account is not None and not model.get("user_info"):
            model["user_info"] = {
                "name": person.account.display_name,
                "display_name": person.account.display_name,
            }
        return model

    async def refresh_user(
        self, user: User, handler: BaseHandler | None = None, **more: Any
    ) -> bool | AuthModel:
        """Composes groups again; ends what has ended."""
        try:
            person = await self._house.run(find_person, user.name)
        except StorageUnreachable:
            return True  # whoever is in stays in; the next refresh asks again
        kind = None if person.account is None else person.account.kind
        if kind is AccountKind.INVITE:
            answer: Any = bool(person.grants)
        elif self.upstream is None:
            answer = True
        else:
            answer = await maybe_future(super().refresh_user(user, handler, **more))
            if not answer and kind is AccountKind.BOUND:
                answer = True  # came with a key: upstream has never seen them
        if not answer:
            if handler is not None and not hasattr(handler, "_token_authenticated"):
                # JupyterHub 6.1 looks for it on every page, and sets it on those of the API only.
                handler._token_authenticated = False
            return False
        model = {} if answer is True else self._own_words(answer)
        groups = self._compose_groups(person, user, model.get("groups"))
        if answer is True and set(groups) == {group.name for group in user.groups}:
            return True
        return {**model, "name": user.name, "groups": groups}

    def _own_words(self, answer: AuthModel) -> AuthModel:
        """What upstream says of a person; nothing about groups unless it manages them."""
        dropped = set() if self._upstream_manages_groups else {"groups"}
        return {key: value for key, value in answer.items() if key not in dropped}

    def _compose_groups(
        self, person: Person, user: User | None, upstream_groups: Iterable[str] | None
    ) -> list[str]:
        """Ours from grants; the others as upstream says, or as they stand."""
        prefix = self._house.settings.group_prefix
        ours = groups_of(person.grants, prefix)
        if upstream_groups is not None:
            others = list(upstream_groups)
            claimed = [name for name in others if name.startswith(prefix)]
            if claimed:
                self.log.warning("Dropped upstream groups that begin with %s: %s", prefix, claimed)
        else:
            others = [] if user is None else [group.name for group in user.groups]
        return sorted(ours | {name for name in others if not name.startswith(prefix)})

    # Pages

    @property
    def _house(self) -> House:
        if self.house is None:
            raise RuntimeError(
                "communities are not configured: call configure(c, 'communities.yaml') "
                "at the end of jupyterhub_config.py"
            )
        return self.house

    async def is_open_to_nobody(self) -> bool:
        """No other way in, and no code that anybody could redeem?"""
        return self.upstream is None and not await self._house.run(count_usable_invites)

    def get_handlers(self, app: Any) -> list[Any]:
        """Our pages, before the Hub's own of the same address."""
        install_pages(app, self._house)
        self._sweep = PeriodicCallback(
            lambda: devices.end_shared_sessions(app), devices.SWEEP_SECONDS * 1000
        )
        self._sweep.start()
        return [
            ("/join", JoinHandler),
            ("/welcome", WelcomeHandler),
            ("/lost-key", LostKeyHandler),
            ("/home", HomeHandler),
            ("/communities/notices", NoticesHandler),
            ("/login", LoginHandler),
            ("/logout", LogoutHandler),
            ("/communities/language", LanguageHandler),
            *asset_handlers(),
            *super().get_handlers(app),
        ]


def _is_upstream(cls: type) -> bool:
    if cls is Authenticator or issubclass(cls, CommunityAuthenticatorMixin):
        return False
    return issubclass(cls, Authenticator)


def _no_groups(auth_state: Any) -> list[str]:
    return []


class CommunityAuthenticator(CommunityAuthenticatorMixin):
    """Invite codes and return keys alone: nobody needs an account anywhere else."""
