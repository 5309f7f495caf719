"""A stub of what GitHub answers to `GitHubOAuthenticator`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tornado.httputil import url_concat
from tornado.web import HTTPError, RequestHandler

from .serving import serving

CLIENT_ID = "hub"
CLIENT_SECRET = "the hub's secret"


@dataclass
class GitHub:
    """`signed_in` is whose browser comes next; `teams` are of the form `organization/team`."""

    url: str = ""
    signed_in: str = "octocat"
    teams: dict[str, list[str]] = field(default_factory=dict)

    def hub_config(self) -> str:
        """Lines of `jupyterhub_config.py` for `GitHubOAuthenticator`."""
        return f"""
c.JupyterHub.authenticator_class = "github"
c.GitHubOAuthenticator.github_url = {self.url!r}
c.GitHubOAuthenticator.client_id = {CLIENT_ID!r}
c.GitHubOAuthenticator.client_secret = {CLIENT_SECRET!r}
c.GitHubOAuthenticator.scope = ["read:user", "read:org"]
c.GitHubOAuthenticator.populate_teams_in_auth_state = True
c.GitHubOAuthenticator.allow_all = True
c.GitHubOAuthenticator.enable_auth_state = True
c.CryptKeeper.keys = [b"k" * 32]
"""


class _Handler(RequestHandler):
    def initialize(self, github: GitHub) -> None:
        self.github = github

    def login(self) -> str:
        """Whose token came with the request."""
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in ("token", "bearer") or not token.startswith("gho_"):
            raise HTTPError(401)
        return token.removeprefix("gho_")


class _Authorize(_Handler):
    def get(self) -> None:
        if self.get_argument("client_id") != CLIENT_ID:
            raise HTTPError(404)
        back = {"code": self.github.signed_in, "state": self.get_argument("state")}
        self.redirect(url_concat(self.get_argument("redirect_uri"), back))


class _Token(_Handler):
    def post(self) -> None:
        if self.get_argument("client_secret") != CLIENT_SECRET:
            raise HTTPError(401)
        token = {"access_token": f"gho_{self.get_argument('code')}", "token_type": "bearer"}
        self.write({**token, "scope": "read:org,read:user"})


class _User(_Handler):
    def get(self) -> None:
        login = self.login()
        email = f"{login}@provider.example"
        self.write({"login": login, "id": sum(login.encode()), "name": login, "email": email})


class _Teams(_Handler):
    def get(self) -> None:
        teams: list[dict[str, Any]] = []
        for path in self.github.teams.get(self.login(), []):
            organization, _, slug = path.partition("/")
            teams.append({"slug": slug, "name": slug, "organization": {"login": organization}})
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(teams))


@contextmanager
def github_stub() -> Iterator[GitHub]:
    github = GitHub()
    given = {"github": github}
    routes = [
        ("/login/oauth/authorize", _Authorize, given),
        ("/login/oauth/access_token", _Token, given),
        ("/api/v3/user", _User, given),
        ("/api/v3/user/teams", _Teams, given),
    ]
    with serving(routes) as github.url:
        yield github
