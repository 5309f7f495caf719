"""The client of the Hub's API, against a small API that answers as the Hub does."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from tornado.httpclient import HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.hub.client import HubClient

TOKEN = "token-of-the-service"


class FakeHub:
    """Users and groups, and what was asked."""

    def __init__(self, users=(), groups=()):
        self.users = {user["name"]: user for user in users}
        self.groups = set(groups)
        self.asked: list[tuple[str, str]] = []
        self.tokens: list[dict] = []
        self.gone_tokens: set[str] = set()
        self.answers_deletion = 204
        self.stops_at_once = False
        self.shared: list[dict] = []
        self.longest_page = 200
        self.leaves_after: dict[int, list[str]] = {}  # by how many pages were asked for
        self.comes_after: dict[int, list[str]] = {}
        self.pages = 0


class Handler(RequestHandler):
    def initialize(self, fake):
        self.fake = fake

    def prepare(self):
        path = self.request.path.removeprefix("/hub/api")
        self.fake.asked.append((self.request.method, self.request.uri.removeprefix("/hub/api")))
        if self.request.headers.get("Authorization") != f"token {TOKEN}":
            self.set_status(403)
            self.finish({})
            return
        self.parts = [unquote(part) for part in path.strip("/").split("/")]

    def get(self):
        if self.parts[2:] == ["tokens"]:
            known = self.parts[1] in self.fake.users
            self.set_status(200 if known else 404)
            self.finish({"api_tokens": self.fake.tokens} if known else {})
            return
        if self.parts == ["users"]:
            offset, limit = int(self.get_argument("offset")), int(self.get_argument("limit"))
            limit = min(limit, self.fake.longest_page)
            self.finish(json.dumps(list(self.fake.users.values())[offset : offset + limit]))
            self.fake.pages += 1
            for name in self.fake.leaves_after.get(self.fake.pages, ()):
                self.fake.users.pop(name, None)
            come = self.fake.comes_after.get(self.fake.pages, ())
            new = {name: user(name, {"": {"ready": True}}) for name in come}
            self.fake.users = {**new, **self.fake.users}
            return
        if self.parts[0] == "groups":
            roles = ["watchers"] if self.parts[1] == "with-role" else []
            self.finish({"name": self.parts[1], "roles": roles})
            return
        user = self.fake.users.get(self.parts[1])
        self.set_status(200 if user else 404)
        self.finish(user or {})

    def post(self):
        self._change(add=True)

    def patch(self):
        self._change(add=True)

    def delete(self):
        self._change(add=False)

    def _change(self, *, add):
        if self.parts[0] == "shares":
            self.fake.shared.append(json.loads(self.request.body))
            self.finish({})
            return
        if self.parts[0] == "users":
            is_gone = self.parts[2:3] == ["tokens"] and self.parts[3] in self.fake.gone_tokens
            self.set_status(404 if is_gone else self.fake.answers_deletion)
            if self.parts[2:] == ["server"] and self.fake.stops_at_once:
                self.fake.users[self.parts[1]]["servers"] = {}
            return
        group = self.parts[1]
        if len(self.parts) == 2:
            self.fake.groups.add(group)
            self.set_status(201)
            return
        if group not in self.fake.groups:
            self.set_status(404)
            return
        for name in json.loads(self.request.body)["users"]:
            held = self.fake.users[name]["groups"]
            held.append(group) if add else held.remove(group)
        self.finish({})


@asynccontextmanager
async def client_of(fake, token=TOKEN):
    sockets = bind_sockets(0, "127.0.0.1", family=socket.AF_INET)
    server = HTTPServer(Application([(r"/hub/api/.*", Handler, {"fake": fake})]))
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    try:
        yield HubClient(f"http://127.0.0.1:{port}/hub/api/", token)
    finally:
        server.stop()
        await server.close_all_connections()


def ask(fake, method, *args, token=TOKEN, **options):
    async def run():
        async with client_of(fake, token) as client:
            return await getattr(client, method)(*args, **options)

    return asyncio.run(run())


def user(name, servers=None, groups=()):
    return {"name": name, "groups": list(groups), "servers": servers or {}}


def test_servers_that_run_start_or_stop_are_all_found() -> None:
    fake = FakeHub(
        [
            user(
                "rosa", {"": {"ready": True, "pending": None, "user_options": {"profile": "small"}}}
            ),
            user("luis", {"lab 2": {"ready": False, "pending": "spawn", "user_options": None}}),
            user("ines", {"": {"ready": False, "pending": None}}),
            user("odd", {"": {"ready": True, "user_options": {"profile": ["x"]}}}),
            {**user("boss", {"": {"ready": True}}), "admin": True},
        ]
    )
    servers = ask(fake, "servers")
    admins = {key.username for key, server in servers.items() if server.is_hub_admin}
    assert admins == {"boss"}
    del servers[ServerKey("boss")]
    assert set(servers) == {ServerKey("rosa"), ServerKey("luis", "lab 2"), ServerKey("odd")}
    assert servers[ServerKey("rosa")].ready
    assert servers[ServerKey("rosa")].profile == "small"
    assert not servers[ServerKey("luis", "lab 2")].ready
    assert servers[ServerKey("odd")].profile is None


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 450])
def test_every_page_of_users_is_read(count) -> None:
    fake = FakeHub([user(f"u{n}", {"": {"ready": True}}) for n in range(count)])
    assert len(ask(fake, "servers")) == count


@pytest.mark.parametrize("longest", [1, 2, 30, 100, 1000])
def test_a_hub_with_shorter_pages_is_read_as_a_whole(longest) -> None:
    """Its `api_page_max_limit`."""
    fake = FakeHub([user(f"u{n}", {"": {"ready": True}}) for n in range(250)])
    fake.longest_page = longest
    assert len(ask(fake, "servers")) == 250


@pytest.mark.parametrize("gone", [1, 15, 150, 199])
def test_nobody_is_passed_over_while_others_leave_between_two_pages(gone) -> None:
    fake = FakeHub([user(f"u{n}", {"": {"ready": True}}) for n in range(450)])
    fake.leaves_after = {1: [f"u{n}" for n in range(gone)], 2: ["u200", "u201"]}
    found = {key.username for key in ask(fake, "servers")}
    assert found >= fake.users.keys()


@pytest.mark.parametrize(("longest", "come"), [(200, 180), (50, 30), (10, 5), (2, 1)])
def test_nobody_is_passed_over_while_others_come_between_two_pages(longest, come) -> None:
    """Who comes may stand before those who are read."""
    fake = FakeHub([user(f"u{n}", {"": {"ready": True}}) for n in range(600)])
    fake.longest_page = longest
    fake.comes_after = {2: [f"new{n}" for n in range(come)]}
    found = {key.username for key in ask(fake, "servers")}
    assert found >= {f"u{n}" for n in range(600)}


@pytest.mark.parametrize(
    ("held", "wanted", "after"),
    [
        (["community-a"], ["community-a"], ["community-a"]),
        (["community-a", "chemistry"], ["community-b"], ["chemistry", "community-b"]),
        (["chemistry"], [], ["chemistry"]),
        ([], ["community-new", "community-new.taller"], ["community-new", "community-new.taller"]),
    ],
)
def test_only_our_groups_are_made_to_agree(held, wanted, after) -> None:
    fake = FakeHub([user("rosa", groups=held)], groups=["community-a", "community-b", "chemistry"])
    ask(fake, "set_groups", "rosa", wanted, prefix="community-")
    assert sorted(fake.users["rosa"]["groups"]) == sorted(after)


def test_groups_that_agree_cost_one_request() -> None:
    fake = FakeHub([user("rosa", groups=["community-a"])])
    ask(fake, "set_groups", "rosa", ["community-a"], prefix="community-")
    assert [method for method, _ in fake.asked] == ["GET"]


def test_groups_of_somebody_who_never_signed_in_wait_for_their_sign_in() -> None:
    fake = FakeHub()
    ask(fake, "set_groups", "nobody", ["community-a"], prefix="community-")
    assert fake.groups == set()


@pytest.mark.parametrize(
    ("server", "path"),
    [
        (ServerKey("rosa"), "/users/rosa/server"),
        (ServerKey("rosa", "lab 2/x"), "/users/rosa/servers/lab%202%2Fx"),
        (ServerKey("a/b@c"), "/users/a%2Fb%40c/server"),
    ],
)
def test_stopping_names_the_server(server, path) -> None:
    fake = FakeHub()
    ask(fake, "stop_server", server)
    assert fake.asked == [("DELETE", path)]


def test_a_server_is_restarted_and_shared_by_its_name() -> None:
    fake, server = FakeHub([user("rosa")]), ServerKey("rosa", "lab 2")
    ask(fake, "start_server", server)
    ask(fake, "share_server", server, "hugo")
    ask(fake, "unshare_server", server, "hugo")
    assert fake.asked == [
        ("POST", "/users/rosa/servers/lab%202?restart=yes"),
        ("POST", "/shares/rosa/lab%202"),
        ("PATCH", "/shares/rosa/lab%202"),
    ]
    wanted = {"user": "hugo", "scopes": ["access:servers!server=rosa/lab 2"]}
    assert fake.shared == [wanted, wanted]


def test_when_a_server_was_used_last_is_read_as_the_hub_writes_it() -> None:
    at = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    for written, read in (
        ("2026-03-02T12:30:00.000000Z", at),
        ("2026-03-02T12:30:00", at),
        (None, None),
        ("yesterday", None),
    ):
        fake = FakeHub([user("rosa", {"": {"ready": True, "last_activity": written}})])
        assert ask(fake, "servers")[ServerKey("rosa")].last_activity == read


def deleted(fake) -> list[str]:
    return [path for method, path in fake.asked if method == "DELETE"]


@pytest.mark.parametrize(
    ("keep_servers", "gone"), [(True, ["a1", "a3"]), (False, ["a1", "a2", "a3"])]
)
def test_tokens_are_deleted_and_those_of_servers_if_told_so(keep_servers, gone) -> None:
    fake = FakeHub([user("rosa")])
    fake.tokens = [
        {"id": "a1", "note": "by hand"},
        {"id": "a2", "note": "Server at /user/rosa/"},
        {"id": "a3", "note": None},
    ]
    fake.gone_tokens = {"a3"}  # deleting a1 deleted it along
    ask(fake, "revoke_tokens", "rosa", keep_servers=keep_servers)
    assert deleted(fake) == [f"/users/rosa/tokens/{token}" for token in gone]


def test_signing_somebody_out_is_one_request() -> None:
    fake = FakeHub([user("a/b")])
    ask(fake, "end_sign_ins", "a/b")
    assert fake.asked == [("DELETE", "/users/a%2Fb/sign-ins")]


def test_nobody_known_has_tokens_or_servers_and_is_gone_already() -> None:
    fake = FakeHub()
    ask(fake, "revoke_tokens", "nobody", keep_servers=False)
    assert ask(fake, "servers_of", "nobody") == []
    fake.answers_deletion = 404
    assert ask(fake, "delete_user", "nobody") is True


@pytest.mark.parametrize("at_once", [True, False])
def test_a_user_is_deleted_when_the_servers_have_stopped(at_once) -> None:
    fake = FakeHub([user("rosa", {"": {"ready": True}})])
    fake.stops_at_once = at_once
    assert ask(fake, "delete_user", "rosa") is at_once
    assert deleted(fake) == ["/users/rosa/server", *(["/users/rosa"] if at_once else [])]


def test_a_user_whose_server_begins_to_stop_meanwhile_is_asked_about_again() -> None:
    fake = FakeHub([user("rosa")])
    fake.answers_deletion = 400
    assert ask(fake, "delete_user", "rosa") is False
    fake.answers_deletion = 500
    with pytest.raises(HTTPClientError):
        ask(fake, "delete_user", "rosa")


@pytest.mark.parametrize(
    ("model", "has_role"),
    [
        ({"admin": False, "roles": ["user"]}, False),
        ({"admin": True, "roles": ["user", "admin"]}, True),
        ({"admin": False, "roles": ["user", "grader"]}, True),
    ],
)
def test_admins_and_people_with_a_role_on_the_hub_are_told_apart(model, has_role) -> None:
    assert ask(FakeHub([{**user("rosa"), **model}]), "has_role", "rosa") is has_role


def test_a_hub_that_refuses_is_an_error() -> None:
    with pytest.raises(HTTPClientError):
        ask(FakeHub(), "servers", token="wrong")


@pytest.mark.parametrize(
    ("model", "has_role"),
    [
        ({"admin": False, "roles": ["user"], "groups": []}, False),
        ({"admin": False, "roles": ["user"], "groups": ["community-andes"]}, False),
        ({"admin": True, "roles": ["user"], "groups": []}, True),
        ({"admin": False, "roles": ["user", "watchers"], "groups": []}, True),
        ({"admin": False, "roles": ["user"], "groups": ["community-andes", "with-role"]}, True),
    ],
)
def test_a_role_on_the_hub_is_an_admins_a_persons_or_a_groups(model, has_role) -> None:
    fake = FakeHub([{"name": "maría/x", **model}])
    assert ask(fake, "has_role", "maría/x") is has_role
    assert ask(fake, "has_role", "stranger") is False
