"""What a learning platform such as Moodle or Canvas sends: launches of LTI 1.1 and 1.3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from oauthlib.oauth1 import SIGNATURE_TYPE_BODY, Client
from tornado.web import RequestHandler

from .serving import serving

CONSUMER_KEY = "platform"
CONSUMER_SECRET = "the platform's secret"
CLIENT_ID = "hub"
_CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"

LTI11_CONFIG = f"""
c.JupyterHub.authenticator_class = "ltiauthenticator.LTIAuthenticator"
c.LTI11Authenticator.consumers = {{{CONSUMER_KEY!r}: {CONSUMER_SECRET!r}}}
c.LTI11Authenticator.username_key = "user_id"
c.Authenticator.allow_all = True
"""


def launch_lti11(
    session: requests.Session, hub_url: str, username: str, **more: str
) -> requests.Response:
    """The form that a platform's page sends from the person's browser, signed by OAuth 1."""
    address = f"{hub_url}/hub/lti/launch"
    form = {
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "resource_link_id": "lesson-1",
        "user_id": username,
        "roles": "Learner",
        **more,
    }
    client = Client(CONSUMER_KEY, CONSUMER_SECRET, signature_type=SIGNATURE_TYPE_BODY)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    _, headers, body = client.sign(address, "POST", form, headers)
    return session.post(address, data=dict(parse_qsl(body)), timeout=60)


@dataclass
class LtiPlatform:
    """A platform that speaks LTI 1.3: its key, its address, and its launches."""

    url: str
    key: rsa.RSAPrivateKey

    def hub_config(self) -> str:
        return f"""
c.JupyterHub.authenticator_class = "ltiauthenticator.lti13.auth.LTI13Authenticator"
c.LTI13Authenticator.issuer = {self.url!r}
c.LTI13Authenticator.authorize_url = "{self.url}/authorize"
c.LTI13Authenticator.jwks_endpoint = "{self.url}/jwks"
c.LTI13Authenticator.client_id = {{{CLIENT_ID!r}}}
c.LTI13Authenticator.username_key = "preferred_username"
c.Authenticator.allow_all = True
"""

    def launch(self, session: requests.Session, hub_url: str, username: str) -> requests.Response:
        """From the platform's page to the hub: both steps, in the person's browser."""
        target = f"{hub_url}/hub"
        opening = {"iss": self.url, "login_hint": username, "client_id": CLIENT_ID}
        led = session.post(
            f"{hub_url}/hub/lti13/oauth_login",
            data={**opening, "target_link_uri": target},
            allow_redirects=False,
            timeout=60,
        )
        assert led.headers.get("Location", "").startswith(f"{self.url}/authorize"), led.text
        asked = dict(parse_qsl(urlsplit(led.headers["Location"]).query))
        token = self._token(username, nonce=asked["nonce"], target=target)
        form = {"id_token": token, "state": asked["state"]}
        return session.post(asked["redirect_uri"], data=form, timeout=60)

    def _token(self, username: str, *, nonce: str, target: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "sub": f"id-of-{username}",
            "preferred_username": username,
            "email": f"{username}@provider.example",
            f"{_CLAIM}message_type": "LtiResourceLinkRequest",
            f"{_CLAIM}version": "1.3.0",
            f"{_CLAIM}deployment_id": "1",
            f"{_CLAIM}target_link_uri": target,
            f"{_CLAIM}resource_link": {"id": "lesson-1"},
            f"{_CLAIM}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})


class _Keys(RequestHandler):
    def initialize(self, key: rsa.RSAPrivateKey) -> None:
        self.key = key

    def get(self) -> None:
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.write({"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]})


@contextmanager
def lti_platform() -> Iterator[LtiPlatform]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with serving([("/jwks", _Keys, {"key": key})]) as url:
        yield LtiPlatform(url, key)
