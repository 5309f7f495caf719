"""Who signs in has shown who they are; for a quarter of an hour this need not be asked again.

A token acts without a browser, and does all that its person may: so a browser makes one only while
that holds, too.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from jupyterhub.apihandlers.users import UserTokenListAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import TokenPageHandler
from jupyterhub.user import User
from tornado.web import HTTPError, authenticated

from ..domain.refusals import ProofNeeded
from ..pages.language import current_messages
from ..pages.proofs import is_proved, keep_proof, proof_of
from ..pages.refusals import sentence_of, status_of
from .pages import PageMixin


def prove(handler: BaseHandler, user: User) -> None:
    """To both doors, and to nobody's server."""
    house = handler.authenticator._house
    _keep(handler, proof_of(user.name, house.clock.now(), house.keys))


def forget_proof(handler: BaseHandler) -> None:
    _keep(handler, "")


def has_proved(handler: BaseHandler) -> bool:
    """Whether who is signed in has shown it lately."""
    house = handler.authenticator._house
    name = handler.current_user.name
    return is_proved(handler.request, name, house.clock.now(), house.keys)


def ask_again(handler: BaseHandler, path: str) -> None:
    """To the sign-in page, and from there on to `path`."""
    query = urlencode({"again": "1", "next": path})
    handler.redirect(f"{handler.hub.base_url}login?{query}", status=303)


def _keep(handler: BaseHandler, value: str) -> None:
    paths = (handler.hub.base_url, f"{handler.base_url}services/communities/")
    domain = handler.domain if handler.subdomain_host else ""
    keep_proof(handler, value, paths, domain=domain)


class TokensHandler(UserTokenListAPIHandler):
    """The Hub's own, which makes a token for whoever is signed in."""

    async def post(self, user_name: str) -> None:
        by_cookie = self.current_user is not None and self.get_token() is None
        if by_cookie and not has_proved(self):
            refusal = ProofNeeded()
            raise HTTPError(status_of(refusal), sentence_of(refusal, current_messages()))
        await super().post(user_name)


class TokenPage(PageMixin, TokenPageHandler):
    @authenticated
    async def get(self) -> None:
        if has_proved(self):
            await super().get()
        else:
            ask_again(self, self.request.path)


class ToServiceHandler(PageMixin):
    """On a hub with subdomains the service has a host of its own: its paths lead there."""

    async def get(self, path: str) -> None:
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"{service_host(self.settings)}{self.base_url}{path}{query}")


def service_host(settings: dict[str, Any]) -> str:
    """Scheme, host and port; empty where all have one host."""
    if not settings.get("subdomain_host"):
        return ""
    public = urlsplit(settings["subdomain_host"])
    host = settings["subdomain_hook"]("communities", public.hostname, kind="service")
    return f"{public.scheme}://{host}" + (f":{public.port}" if public.port else "")
