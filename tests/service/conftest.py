"""The service on a real port, with a real HubOAuth asking a small Hub about tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from houses import actor_of, andes, make_house, open_taller
from jupyterhub.services.auth import HubOAuth
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from visiting import Visitor

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.service.app import MOST_BYTES, make_app

PREFIX = "/services/communities/"
SCOPE = "access:services!service=communities"


class UserEndpoint(RequestHandler):
    """`GET /hub/api/user`, as the Hub answers a token."""

    def get(self) -> None:
        token = self.request.headers.get("Authorization", "").removeprefix("token ")
        model = self.settings["tokens"].get(token)
        if model is None:
            self.set_status(403)
            self.finish({"status": 403})
        else:
            self.finish(model)


class FakeHub:
    """The port `Hub`: remembers what it was asked."""

    def __init__(self) -> None:
        self.groups: dict[str, set[str]] = {}
        self.other_groups: set[str] = set()
        self.running: dict = {}
        self.started: list = []
        self.shares: set[tuple] = set()  # server, who may open it
        self.with_role: set[str] = set()
        self.signed_out: list[str] = []
        self.revoked: dict[str, bool] = {}  # username → were the tokens of servers kept?
        self.gone: set[str] = set()
        self.away_for: set[str] = set()  # people about whom it does not answer

    async def servers(self) -> Mapping:
        return self.running

    async def set_groups(self, username, groups, *, prefix) -> None:
        self.groups[username] = set(groups)

    async def has_group(self, name) -> bool:
        return name in self.other_groups

    async def has_role(self, username) -> bool:
        return username in self.with_role

    async def stop_server(self, server) -> None:
        self._answer(server.username)
        self.running.pop(server, None)

    async def start_server(self, server) -> None:
        self.started.append(server)

    async def share_server(self, server, username) -> None:
        self._answer(server.username)
        self.shares.add((server, username))

    async def unshare_server(self, server, username) -> None:
        self._answer(server.username)
        self.shares.discard((server, username))

    async def servers_of(self, username):
        return [server for server in self.running if server.username == username]

    async def revoke_tokens(self, username, *, keep_servers) -> None:
        self._answer(username)
        self.revoked[username] = keep_servers

    async def end_sign_ins(self, username) -> None:
        self._answer(username)
        self.signed_out.append(username)

    async def delete_user(self, username) -> bool:
        self._answer(username)
        self.gone.add(username)
        return True

    def _answer(self, username) -> None:
        if username in self.away_for:
            raise OSError("the hub is away")


class World:
    """A community with one person of each role, and a stranger."""

    def __init__(self, house) -> None:
        self.house = house
        self.hub = FakeHub()
        self.opened = open_taller(house)
        self.usernames = {
            Role.CHAMPION: "ana",
            **{role: self.join(role) for role in Role if role is not Role.CHAMPION},
        }
        self.tokens = {"operator": self.model("operator", admin=True), "bia": self.model("bia")}
        for role, username in self.usernames.items():
            self.tokens[role.label] = self.model(username)
        self.tokens["server"] = self.model("ana", scopes=["access:servers!server=ana/"])
        self.tokens["service"] = {"kind": "service", "name": "other", "scopes": [SCOPE]}

    def join(self, role) -> str:
        issued = self.house.call(
            issue_invite, actor_of(self.house, "ana"), "andes", NewInvite(role=role)
        )
        request = JoinRequest(issued.code, role.label, f"Persona {role.label}")
        return self.house.call(redeem_invite, request).account.username

    @staticmethod
    def model(name: str, *, admin: bool = False, scopes=(SCOPE,)) -> dict:
        return {"kind": "user", "name": name, "admin": admin, "groups": [], "scopes": list(scopes)}


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, communities=(andes(), andes(slug="brasil", champions=("bia",))))
    yield house
    house.close()


@pytest.fixture
def world(house):
    return World(house)


@pytest.fixture
def taller(world):
    """The address of the workshop that runs."""
    return f"communities/andes/workshops/{world.opened.workshop.slug}"


@pytest.fixture
async def service(world):
    """The address of the running service."""
    hub_socket, hub_port = bind_unused_port()
    hub = HTTPServer(Application([("/hub/api/user", UserEndpoint)], tokens=world.tokens))
    hub.add_socket(hub_socket)
    hub_auth = HubOAuth(
        api_url=f"http://127.0.0.1:{hub_port}/hub/api",
        api_token="secret",
        base_url=PREFIX,
        oauth_client_id="service-communities",
        access_scopes={SCOPE},
        cache_max_age=10,
    )
    world.hub_auth = hub_auth
    socket, port = bind_unused_port()
    application = make_app(
        world.house, world.hub, hub_auth, prefix=PREFIX, hub_prefix="/hub/", secret=b"s" * 32
    )
    world.application = application
    server = HTTPServer(application, max_body_size=MOST_BYTES)
    server.add_socket(socket)
    yield f"http://127.0.0.1:{port}{PREFIX}"
    for running in (server, hub):
        running.stop()
        await running.close_all_connections()


@pytest.fixture
def visit(service):
    return Visitor(service)


@pytest.fixture
def call(service):
    async def call(method, path, *, token="champion", body=None, raw=None, headers=()):
        data = raw if raw is not None else (None if body is None else json.dumps(body))
        answer = await AsyncHTTPClient().fetch(
            f"{service}api/v1/{path}",
            method=method,
            headers={
                **({"Authorization": f"token {token}"} if token else {}),
                "Content-Type": "application/json",
                **dict(headers),
            },
            body=data,
            allow_nonstandard_methods=True,
            raise_error=False,
            follow_redirects=False,
        )
        content = json.loads(answer.body) if answer.body else None
        return answer.code, content, answer.headers

    return call
