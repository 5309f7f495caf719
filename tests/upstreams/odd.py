"""An OpenID Connect provider that misbehaves as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tornado.httputil import url_concat
from tornado.web import RequestHandler

from .serving import serving

HANG = "hang"  # takes the request and never answers
GARBAGE = "garbage"  # 200, and not JSON

PERSON = {
    "sub": "8f7a",
    "preferred_username": "odd",
    "email": "odd@provider.example",
    "groups": ["/research/peru/team"],
}

# What real providers have been seen to answer. `None` takes the claim away.
ODD_CLAIMS: dict[str, dict[str, Any]] = {
    "no username": {"preferred_username": None},
    "empty username": {"preferred_username": ""},
    "username with a slash": {"preferred_username": "peru/maria"},
    "username with spaces": {"preferred_username": " maria del mar "},
    "username of 300 characters": {"preferred_username": "m" * 300},
    "username in upper case": {"preferred_username": "MARIA"},
    "username in another script": {"preferred_username": "Мария"},
    "username with a line break": {"preferred_username": "maria\nadmin"},
    "username that is a list": {"preferred_username": ["maria"]},
    "no groups": {"groups": None},
    "groups a string": {"groups": "/research/peru/team"},
    "groups a number": {"groups": 7},
    "groups of numbers": {"groups": [1, 2]},
    "groups a dictionary": {"groups": {"team": "/research/peru/team"}},
    "a group of 1000 characters": {"groups": ["g" * 1000]},
    "groups of ours": {"groups": ["community-andes", "/research"]},
}


@dataclass
class OddProvider:
    """Everybody who comes is signed in at once, without a page.

    `claims` is what `userinfo` answers with. `faults` names, for each of `authorize`, `token` and
    `userinfo`, a status to fail with, `HANG` or `GARBAGE`. Both count from the next request on.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: dict(PERSON))
    faults: dict[str, int | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def says(self, **changes: Any) -> None:
        """`PERSON` with these changes; `None` takes a claim away."""
        told = {**PERSON, **changes}
        self.claims = {name: value for name, value in told.items() if value is not None}

    def hub_config(self, *, seconds: float = 5) -> str:
        """Lines of `jupyterhub_config.py`; `seconds` is how long the hub waits for an answer."""
        return f"""
from oauthenticator.generic import GenericOAuthenticator
c.JupyterHub.authenticator_class = GenericOAuthenticator
c.GenericOAuthenticator.client_id = "hub"
c.GenericOAuthenticator.client_secret = "secret"
c.GenericOAuthenticator.authorize_url = "{self.url}/authorize"
c.GenericOAuthenticator.token_url = "{self.url}/token"
c.GenericOAuthenticator.userdata_url = "{self.url}/userinfo"
c.GenericOAuthenticator.scope = ["openid", "groups"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.http_request_kwargs = {{"request_timeout": {seconds}}}
c.GenericOAuthenticator.allow_all = True
c.GenericOAuthenticator.enable_auth_state = True
c.CryptKeeper.keys = [b"k" * 32]
"""


class _Endpoint(RequestHandler):
    name = ""

    def initialize(self, provider: OddProvider) -> None:
        self.provider = provider
        self._gone = asyncio.Event()

    def on_connection_close(self) -> None:
        self._gone.set()

    async def get(self) -> None:
        self.provider.asked.append(self.name)
        fault = self.provider.faults.get(self.name)
        if fault == HANG:
            await self._gone.wait()
        elif fault == GARBAGE:
            self.write("<html>not what was asked for</html>")
        elif fault is not None:
            self.set_status(int(fault))
        else:
            self.answer()

    post = get

    def answer(self) -> None:
        raise NotImplementedError


class _Authorize(_Endpoint):
    name = "authorize"

    def answer(self) -> None:
        back = {"code": "code", "state": self.get_argument("state", "")}
        self.redirect(url_concat(self.get_argument("redirect_uri"), back))


class _Token(_Endpoint):
    name = "token"

    def answer(self) -> None:
        self.write({"access_token": "token", "token_type": "bearer", "expires_in": 3600})


class _Userinfo(_Endpoint):
    name = "userinfo"

    def answer(self) -> None:
        self.write(self.provider.claims)


@contextmanager
def odd_provider() -> Iterator[OddProvider]:
    """A provider that behaves until the test says otherwise."""
    provider = OddProvider()
    given = {"provider": provider}
    routes = [
        (f"/{endpoint.name}", endpoint, given) for endpoint in (_Authorize, _Token, _Userinfo)
    ]
    with serving(routes) as provider.url:
        yield provider
