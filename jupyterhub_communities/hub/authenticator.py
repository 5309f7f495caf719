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
from traitlets import Bool, Instance, default

from ..application.house import House
from ..application.invites import (
    JoinRequest,
    count_usable_invites,
    find_redemption,
    look_up_invite,
    redeem_invite,
)
from ..application.people import Person, find_person
from ..application.return_keys import find_account_by_key, use_return_key
from ..domain.accounts import AccountKind
from ..domain.grants import groups_of
from ..domain.names import derive_username, read_name
from ..domain.refusals import AccessEnded, StorageUnreachable, UsernameReserved
from . import devices
from .join import JoinHandler, WelcomeHandler
from .login import LanguageHandler, LoginHandler, LogoutHandler
from .pages import asset_handlers, install_pages
from .sign_in import SIGN_IN, KeySignIn

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

    @default("any_allow_config")
    def _default_any_allow_config(self) -> bool:
        return True  # grants allow people in

    # Sign-in

    async def authenticate(
        self, handler: BaseHandler, data: dict[str, Any] | None = None, **more: Any
    ) -> AuthModel | None:
        """Who this is, without writing anything. Raises a refusal with the reason."""
        asked = (data or {}).get(SIGN_IN)
        if isinstance(asked, JoinRequest):
            return await self._look_at_join(handler, asked)
        if isinstance(asked, KeySignIn):
            return await self._look_at_key(asked)
        if self.upstream is None:
            return None
        answer = await maybe_future(super().authenticate(handler, data, **more))
        if not answer:
            return None
        model: AuthModel = dict(answer) if isinstance(answer, dict) else {"name": answer}
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

    async def _look_at_key(self, asked: KeySignIn) -> AuthModel:
        account = await self._house.run(find_account_by_key, asked.typed)
        person = await self._house.run(find_person, account.username)
        if account.kind is AccountKind.INVITE and not person.grants:
            raise AccessEnded
        return {"name": account.username, SIGN_IN: asked}

    async def check_allowed(self, username: str, authentication: AuthModel | None = None) -> bool:
        """A good code or key lets in; otherwise upstream's answer, or an unlapsed grant."""
        if authentication and SIGN_IN in authentication:
            return True
        if await maybe_future(super().check_allowed(username, authentication)):
            return True
        return bool((await self._house.run(find_person, username)).grants)

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
            await self._house.run(use_return_key, asked.typed)
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
        if handler is not None and not hasattr(handler, "_token_authenticated"):
            # JupyterHub 6.1 reads this when we answer False, and sets it for API requests only.
            handler._token_authenticated = False
        if handler is not None and devices.is_expired(handler):
            return False
        try:
            person = await self._house.run(find_person, user.name)
        except StorageUnreachable:
            return True  # whoever is in stays in; the next refresh asks again
        kind = None if person.account is None else person.account.kind
        if kind is AccountKind.INVITE:
            if not person.grants:
                return False
            answer: Any = True
        elif self.upstream is None:
            answer = True
        else:
            answer = await maybe_future(super().refresh_user(user, handler, **more))
            if not answer and kind is AccountKind.BOUND:
                answer = True  # came with a key: upstream has never seen them
        if not answer:
            return False
        model: AuthModel = {} if answer is True else dict(answer)
        groups = self._compose_groups(person, user, model.get("groups"))
        if answer is True and set(groups) == {group.name for group in user.groups}:
            return True
        return {**model, "name": user.name, "groups": groups}

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
        return [
            ("/join", JoinHandler),
            ("/welcome", WelcomeHandler),
            ("/login", LoginHandler),
            ("/logout", LogoutHandler),
            ("/communities/language", LanguageHandler),
            *asset_handlers(),
            *super().get_handlers(app),
        ]


class CommunityAuthenticator(CommunityAuthenticatorMixin):
    """Invite codes and return keys alone: nobody needs an account anywhere else."""
