"""The Authenticator behind ours: found, asked, and understood whatever it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any, TypeAlias

from jupyterhub.auth import Authenticator
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError
from traitlets import Bool, Float, default
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from ..domain.provenance import Wanted, claim_values, wanted_places
from ..domain.refusals import UpstreamFailed, UsernameUnusable

AuthModel: TypeAlias = dict[str, Any]
OWN_REFRESH_AGE = 30  # seconds after which we look again whether somebody's access has ended
LONGEST_USERNAME = 255  # as the Hub's database keeps it


class UpstreamMixin(Authenticator):
    """For an Authenticator that stands before another one."""

    upstream: type[Authenticator] | None = None
    auth_refresh_age: int

    upstream_is_launched = Bool(
        help="People come from a page of the upstream's own, such as a course (LTI): the login page "
        "says so, and has no button. By default so for the classes of ltiauthenticator.",
    ).tag(config=True)

    @default("upstream_is_launched")
    def _default_upstream_is_launched(self) -> bool:
        return self.upstream is not None and is_launcher(self.upstream)

    upstream_timeout = Float(
        30,
        min=1,
        help="Seconds that the upstream Authenticator may take to say who somebody is.",
    ).tag(config=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._upstream_manages_groups = self._find_manage_groups()
        self._said: set[str] = set()  # what is logged once
        # The Hub comes back to us soon; upstream hears of it as seldom as the operator wants.
        configured: int = self.auth_refresh_age
        self._upstream_refresh_age = configured
        self._asked_at: dict[str, float] = {}  # by username, on the monotonic clock
        self.auth_refresh_age = min(configured or OWN_REFRESH_AGE, OWN_REFRESH_AGE)

    def _find_manage_groups(self) -> bool:
        """Would the upstream Authenticator manage groups by itself, as it is configured?"""
        if self.upstream is None:
            return False
        for cls in type(self).__mro__:
            if "manage_groups" in self.config.get(cls.__name__, {}):
                return bool(self.config[cls.__name__]["manage_groups"])
        trait = self.upstream.class_traits()["manage_groups"]
        return bool(trait.default_value)

    async def ask_upstream(self, handler: BaseHandler, data: Any, **more: Any) -> AuthModel | None:
        """Who upstream says this is; None for nobody. Raises `UpstreamFailed` for an accident."""
        try:
            answer = await asyncio.wait_for(
                maybe_future(super().authenticate(handler, data, **more)), self.upstream_timeout
            )
        except HTTPError as error:
            if error.status_code < 500:
                raise  # its own way of saying no
            self._note_failure(error)
            raise UpstreamFailed from None
        except Exception as error:  # whatever it is built on, and however it fails
            self._note_failure(error)
            raise UpstreamFailed from None
        if not answer:
            return None
        self._said.discard("failed")
        model = self.own_words(answer if isinstance(answer, dict) else {"name": answer})
        return {**model, "name": self._usable_username(model.get("name"))}

    async def ask_upstream_again(
        self, user: User, handler: BaseHandler | None, **more: Any
    ) -> bool | AuthModel:
        """What upstream says of somebody who is in. True where it does not answer: they stay in,
        and where it was asked not long ago."""
        if not self._is_due(user):
            return True
        self.note_asked(user.name)
        try:
            answer = await maybe_future(super().refresh_user(user, handler, **more))
        except Exception as error:
            self._note_failure(error)
            return True
        self._said.discard("failed")
        if not answer:
            self._asked_at.pop(user.name, None)  # asked again until they have signed in
        return self.own_words(answer) if isinstance(answer, dict) else bool(answer)

    def _is_due(self, user: User) -> bool:
        now = time.monotonic()
        refreshed: float | None = user._auth_refreshed
        if refreshed is not None and now - refreshed < float(self.auth_refresh_age):
            return True  # before a start or stop, as `refresh_pre_spawn` says
        asked_at = self._asked_at.get(user.name)
        if asked_at is None:
            return self._upstream_refresh_age > 0
        return 0 < self._upstream_refresh_age <= now - asked_at

    def note_asked(self, username: str) -> None:
        self._asked_at[username] = time.monotonic()

    def _note_failure(self, error: Exception) -> None:
        """Once until it answers again. The message may hold an address with its secrets: left out."""
        if "failed" not in self._said:
            self._said.add("failed")
            kind = f"{type(error).__module__}.{type(error).__name__}"
            status = getattr(error, "code", getattr(error, "status_code", ""))
            self.log.error("%s failed: %s %s", self._upstream_name, kind, status)

    @property
    def _upstream_name(self) -> str:
        return "" if self.upstream is None else self.upstream.__name__

    def _usable_username(self, name: object) -> str:
        """Upstream's name as the Hub keeps it. Raises `UsernameUnusable`."""
        if isinstance(name, str) and name:
            username: str = self.normalize_username(name)
            is_short = len(username) <= LONGEST_USERNAME
            if is_short and username.isprintable() and self.validate_username(username):
                return username
        raise UsernameUnusable

    def own_words(self, answer: AuthModel) -> AuthModel:
        """What upstream says of a person: nothing of groups unless it manages them, and never of
        those that begin with our prefix."""
        model = dict(answer)
        groups = model.pop("groups", None)
        if self._upstream_manages_groups:
            groups = self._readable_groups(model, groups)
            if groups is not None:
                model["groups"] = self._without_ours(groups)
        return model

    def _readable_groups(self, model: AuthModel, groups: Any) -> Iterable[str] | None:
        """None where nothing is said of groups. OAuthenticator takes a claim for a list whatever it
        is, and a missing one for an empty one: there the claim itself is looked at."""
        key, state = getattr(self, "auth_state_groups_key", None), model.get("auth_state")
        if isinstance(key, str) and key and isinstance(state, dict):
            return claim_values(state, key)
        return None if groups is None else [name for name in groups if isinstance(name, str)]

    def _without_ours(self, groups: Iterable[str]) -> list[str]:
        names = list(groups)
        claimed = sorted(name for name in names if name.startswith(self.group_prefix))
        if claimed and "prefix" not in self._said:
            self._said.add("prefix")
            self.log.warning(
                "Upstream groups that begin with %s are ours to give, and were dropped: %s",
                self.group_prefix,
                claimed,
            )
        return [name for name in names if not name.startswith(self.group_prefix)]

    @property
    def group_prefix(self) -> str:
        raise NotImplementedError

    def wanted_places(self, model: AuthModel) -> Wanted:
        """What the operator's rules make of upstream's answer."""
        settings = self._house.settings
        wanted = wanted_places(
            settings.rules, self._claims(model), keep_when_missing=settings.keep_when_missing
        )
        for claim in sorted(wanted.missing_claims - self._said):
            self._said.add(claim)
            self.log.warning("%s gives no claim %s to some people", self._upstream_name, claim)
        return wanted

    def _claims(self, model: AuthModel) -> AuthModel:
        """All that upstream told: its auth state, what OAuth calls the user's data, and groups."""
        state = model.get("auth_state")
        claims: AuthModel = dict(state) if isinstance(state, dict) else {}
        user = claims.get(getattr(self, "user_auth_state_key", ""))
        if isinstance(user, dict):
            claims.update(user)
        if model.get("groups") is not None:
            claims["groups"] = model["groups"]
        return claims


def is_launcher(upstream: type) -> bool:
    """Do people come from its own pages only, unless the configuration says otherwise?"""
    return upstream.__module__.startswith("ltiauthenticator")


def load_class(group: str, wanted: object) -> type | None:
    """The class that an entry point, an import string or a class names. Raises `ImportError`."""
    if wanted is None or isinstance(wanted, type):
        return wanted
    name = str(wanted)
    for entry in entry_points(group=group):
        if entry.name.lower() == name.lower():
            found: type = entry.load()
            return found
    try:
        imported: type = import_item(name)
    except ImportError as error:
        raise ImportError(f"{name}: there is no such class or entry point in {group}") from error
    return imported


def has_upstream(c: Config) -> bool:
    """Has the hub that is configured so a way in beside codes and keys, to which people can go?"""
    cls = c.JupyterHub.authenticator_class
    try:
        found = cls.upstream or configured_upstream(cls, {"config": c})
    except (ImportError, TypeError):
        return False  # the Hub says so at its start
    if found is None:
        return False
    for base in cls.__mro__:
        if "upstream_is_launched" in c.get(base.__name__, {}):
            return not c[base.__name__].upstream_is_launched
    return not is_launcher(found)


def configured_upstream(cls: type, values: dict[str, Any]) -> type | None:
    config = values.get("config") or getattr(values.get("parent"), "config", {})
    for base in cls.__mro__:
        wanted = config.get(base.__name__, {}).get("upstream_class")
        if wanted:
            upstream = load_class("jupyterhub.authenticators", wanted)
            if not (isinstance(upstream, type) and issubclass(upstream, Authenticator)):
                raise TypeError(f"upstream_class: {wanted!r} is not an Authenticator")
            return upstream
    return None
