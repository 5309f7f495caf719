"""A real OpenID Connect provider that we did not write: Debian's glewlwyd."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tools import end_process, free_port, is_listening, wait_until

if TYPE_CHECKING:
    from playwright.async_api import Page

# What Debian's package fills a fresh database with.
SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
MODULES = Path("/usr/lib/glewlwyd")
PAGES = Path("/usr/share/glewlwyd")

PLUGIN = "oidc"
CLIENT_ID = "hub"
CLIENT_SECRET = "the hub's secret"
PASSWORD = "learning together"  # of everybody who is added without another
SCOPES = ("openid", "groups")

_ADMIN = {"username": "admin", "password": "password"}  # as the package's schema makes it

# No `use_secure_connection`: even `false` asks for a certificate.
_CONFIG = """\
port = {port}
bind_address = "127.0.0.1"
external_url = "{url}"
login_url = "login.html"
api_prefix = "api"
static_files_path = "{pages}"
static_files_mime_types = (
  {{ extension = ".html" mime_type = "text/html" compress = 0 }},
  {{ extension = ".css" mime_type = "text/css" compress = 0 }},
  {{ extension = ".js" mime_type = "application/javascript" compress = 0 }},
  {{ extension = ".json" mime_type = "application/json" compress = 0 }}
)
log_mode = "console"
log_level = "INFO"
cookie_secure = false
cookie_same_site = "lax"
session_expiration = 86400
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "{modules}/user"
user_middleware_module_path = "{middleware}"
client_module_path = "{modules}/client"
user_auth_scheme_module_path = "{modules}/scheme"
plugin_module_path = "{modules}/plugin"
hash_algorithm = "SHA512"
database = {{ type = "sqlite3" path = "{database}" }}
"""


def need_glewlwyd() -> str:
    found = shutil.which("glewlwyd")
    if found is None or not SCHEMA.exists():
        pytest.skip("install Debian's package glewlwyd")
    return found


@dataclass
class Glewlwyd:
    """One provider over a folder of its own, with one confidential client and its people."""

    folder: Path
    port: int
    process: subprocess.Popen | None = None
    _admin: requests.Session = field(default_factory=requests.Session)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/api/{PLUGIN}"

    # The process

    def start(self) -> None:
        """Starts, or starts again over the same people and sessions."""
        log = (self.folder / "glewlwyd.log").open("ab")
        self.process = subprocess.Popen(
            [need_glewlwyd(), "-c", str(self.folder / "glewlwyd.conf")],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        wait_until(self._answers, seconds=20)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        return is_listening(self.port) and requests.get(f"{self.url}/config", timeout=5).ok

    def stop(self) -> None:
        """Gone: connections are refused."""
        if self.process is not None:
            self.resume()
            end_process(self.process)

    def pause(self) -> None:
        """Hangs: connections are taken, and never answered."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)

    def log(self) -> str:
        return (self.folder / "glewlwyd.log").read_text(errors="replace")

    # People

    def add_user(
        self,
        username: str,
        *,
        groups: Iterable[str] = (),
        password: str = PASSWORD,
        email: str | None = None,
        name: str | None = None,
    ) -> None:
        self._manage(
            "POST",
            "user/",
            {
                "username": username,
                "password": password,
                "name": name or username.title(),
                "email": email or f"{username}@provider.example",
                "scope": [*SCOPES, "g_profile"],
                "groups": list(groups),
            },
        )

    def change_user(self, username: str, **changes: object) -> None:
        """Sets `email`, `name`, `password` or `groups` (none at all: an empty list)."""
        known = self._manage("GET", f"user/{username}").json()
        self._manage("PUT", f"user/{username}", {**known, **changes})

    def change_groups(self, username: str, groups: Iterable[str]) -> None:
        """What the next answer of `userinfo` and the next id token say. Empty: no claim at all."""
        self.change_user(username, groups=list(groups))

    def remove_user(self, username: str) -> None:
        self._manage("DELETE", f"user/{username}")

    # The hub

    def add_client(self, hub_url: str) -> None:
        """Registers a hub's callback. A hub picks its port when it starts: call it afterwards."""
        client = {
            "client_id": CLIENT_ID,
            "name": "JupyterHub",
            "confidential": True,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": [f"{hub_url}/hub/oauth_callback"],
            "authorization_type": ["code", "refresh_token"],
            "token_endpoint_auth_method": ["client_secret_post", "client_secret_basic"],
            "scope": [],
            "enabled": True,
        }
        known = self._admin.get(f"{self.url}/api/client/{CLIENT_ID}", timeout=10)
        if known.ok:
            client["redirect_uri"] += known.json()["redirect_uri"]
            self._manage("PUT", f"client/{CLIENT_ID}", client)
        else:
            self._manage("POST", "client/", client)

    def hub_config(self, *, seconds: float = 5) -> str:
        """Lines of `jupyterhub_config.py`; `seconds` is how long the hub waits for an answer."""
        return f"""
from oauthenticator.generic import GenericOAuthenticator
c.JupyterHub.authenticator_class = GenericOAuthenticator
c.GenericOAuthenticator.client_id = {CLIENT_ID!r}
c.GenericOAuthenticator.client_secret = {CLIENT_SECRET!r}
c.GenericOAuthenticator.authorize_url = "{self.issuer}/auth"
c.GenericOAuthenticator.token_url = "{self.issuer}/token"
c.GenericOAuthenticator.userdata_url = "{self.issuer}/userinfo"
c.GenericOAuthenticator.scope = {list(SCOPES)!r}
c.GenericOAuthenticator.extra_authorize_params = {{"nonce": "this provider asks for one"}}
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.http_request_kwargs = {{"request_timeout": {seconds}}}
c.GenericOAuthenticator.allow_all = True
c.GenericOAuthenticator.enable_auth_state = True
c.CryptKeeper.keys = [b"k" * 32]
"""

    # Signing in

    def sign_in(
        self,
        session: requests.Session,
        page: requests.Response,
        username: str,
        password: str = PASSWORD,
    ) -> requests.Response:
        """From the provider's login page, where a hub led this session, back to the hub.

        Does what the page's script does: password, consent, and the way back.
        """
        asked = parse_qs(urlsplit(page.url).query).get("callback_url")
        assert asked, f"not the provider's login page: {page.url}"
        credentials = {"username": username, "password": password}
        answer = session.post(f"{self.url}/api/auth/", json=credentials, timeout=10)
        assert answer.ok, f"{username} may not sign in at the provider: {answer.status_code}"
        self.consent(session)
        # `g_continue`: "yes, as this person". Without it the answer is the login page again.
        return session.get(f"{asked[0]}&g_continue", timeout=60)

    def consent(self, session: requests.Session) -> None:
        """Whoever is signed in lets the hub know who they are, and their groups."""
        path = f"{self.url}/api/auth/grant/{CLIENT_ID}"
        session.put(path, json={"scope": " ".join(SCOPES)}, timeout=10).raise_for_status()

    async def sign_in_on_page(self, page: Page, username: str, password: str = PASSWORD) -> None:
        """The same by hand, in a real browser that shows the provider's login page.

        Whoever is still signed in there goes on without a password.
        """
        form = page.locator("#passwordForm")
        consent = page.locator("#grant-groups")
        go_on = page.locator("button[title='Continue to client application']")
        await form.or_(consent).or_(go_on).first.wait_for()
        if await form.is_visible():
            await page.fill("#username", username)
            await page.fill("#password", password)
            await page.click("#passwordForm button[type=submit]")
            await consent.or_(go_on).first.wait_for()
        if await consent.is_visible():  # the first time
            await consent.check()
            await page.get_by_role("button", name="Grant access").click()
        await go_on.click()

    # Its own administration

    def set_up(self) -> None:
        self._admin.post(f"{self.url}/api/auth/", json=_ADMIN, timeout=10).raise_for_status()
        self._manage("POST", "scope/", {"name": "groups", "password_required": False})
        people = self._manage("GET", "mod/user/database").json()
        people["parameters"]["data-format"]["groups"] = {
            "multiple": True,
            "read": True,
            "write": True,
            "profile-read": True,
            "profile-write": False,
        }
        self._manage("PUT", "mod/user/database", people)
        self._manage("PUT", "mod/user/database/reset")
        self._manage("POST", "mod/plugin/", _plugin(self.issuer))

    def _manage(self, method: str, path: str, body: object = None) -> requests.Response:
        answer = self._admin.request(method, f"{self.url}/api/{path}", json=body, timeout=10)
        assert answer.ok, (
            f"{method} {path}: {answer.status_code} {answer.text}\n{self.log()[-2000:]}"
        )
        return answer


def _plugin(issuer: str) -> dict:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def claim(name: str, user_property: str, scope: str) -> dict:
        return {"name": name, "user-property": user_property, "type": "string", "scope": [scope]}

    return {
        "module": "oidc",
        "name": PLUGIN,
        "display_name": "OpenID Connect",
        "enabled": True,
        "parameters": {
            "iss": issuer,
            "jwt-type": "rsa",
            "jwt-key-size": "256",
            "key": private.decode(),
            "cert": public.decode(),
            "access-token-duration": 3600,
            "refresh-token-duration": 86400,
            "code-duration": 600,
            "refresh-token-rolling": True,
            "auth-type-code-enabled": True,
            "auth-type-token-enabled": False,
            "auth-type-refresh-enabled": True,
            "subject-type": "public",
            "pkce-allowed": True,
            "pkce-method-plain-allowed": False,
            "pkce-required": True,
            "jwks-show": True,
            "name-claim": "mandatory",
            "email-claim": "mandatory",
            "scope-claim": "no",
            "claims": [
                claim("preferred_username", "username", "openid"),
                claim("groups", "groups", "groups"),
            ],
        },
    }


@contextmanager
def glewlwyd(folder: Path) -> Iterator[Glewlwyd]:
    """A provider that answers, without people or clients, until the end of the block."""
    need_glewlwyd()
    provider = Glewlwyd(folder, free_port())
    _write_files(provider)
    try:
        provider.start()
        provider.set_up()
        yield provider
    finally:
        provider.stop()


def _write_files(provider: Glewlwyd) -> None:
    folder = provider.folder
    pages = folder / "pages"
    shutil.copytree(PAGES / "webapp", pages, ignore=lambda *_: {"config.json"})
    # Debian's own link leads to a folder.
    shutil.copy(PAGES / "templates" / "config.json", pages / "config.json")
    (folder / "middleware").mkdir()
    database = sqlite3.connect(folder / "glewlwyd.sqlite")
    database.executescript(SCHEMA.read_text())
    database.close()
    (folder / "glewlwyd.conf").write_text(
        _CONFIG.format(
            port=provider.port,
            url=provider.url,
            pages=pages,
            modules=MODULES,
            middleware=folder / "middleware",
            database=folder / "glewlwyd.sqlite",
        )
    )
