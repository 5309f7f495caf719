"""The Hub's REST API, as far as the service needs it: the port `application.ports.Hub`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse

from ..domain.leases import RunningServer, ServerKey
from .options import picked_of, saved_options, scope_of

RESTART = "restart"  # the argument of a start by which a service gives back what it has stopped
_PAGE = 200  # users asked for at a time
_OVERLAP = 20  # of them, those that were on the page before


class HubClient:
    """Talks to one Hub with a service's token."""

    def __init__(self, api_url: str, token: str, *, timeout: float = 20):
        """`api_url` is the Hub's, such as `http://127.0.0.1:8081/hub/api`."""
        self._api_url = api_url.rstrip("/")
        self._headers = {"Authorization": f"token {token}"}
        self._timeout = timeout

    async def servers(self) -> Mapping[ServerKey, RunningServer]:
        found = {}
        async for user in self._users("active"):
            for name, server in (user.get("servers") or {}).items():
                if server.get("ready") or server.get("pending"):
                    key = ServerKey(user["name"], name)
                    options = saved_options(server.get("user_options"))
                    found[key] = RunningServer(
                        key=key,
                        ready=bool(server.get("ready")),
                        is_starting=server.get("pending") == "spawn",
                        profile=options.get("profile"),
                        picked=picked_of(options),
                        scope=scope_of(options),
                        is_hub_admin=bool(user.get("admin")),
                        last_activity=_time(server.get("last_activity")),
                    )
        return found

    async def set_groups(self, username: str, groups: Iterable[str], *, prefix: str) -> None:
        user = await self._user(username)
        if user is None:
            return  # their groups come with their first sign-in
        wanted = set(groups)
        held = {name for name in user.get("groups", []) if name.startswith(prefix)}
        for name in sorted(wanted - held):
            await self._add_to_group(name, username)
        for name in sorted(held - wanted):
            await self._fetch("DELETE", self._group_users(name), {"users": [username]})

    async def has_group(self, name: str) -> bool:
        return await self._fetch_known("GET", f"/groups/{quote(name, safe='')}") is not None

    async def stop_server(self, server: ServerKey) -> None:
        await self._fetch("DELETE", _server_path(server))

    async def start_server(self, server: ServerKey) -> None:
        await self._fetch("POST", f"{_server_path(server)}?{RESTART}=yes")

    async def share_server(self, server: ServerKey, username: str) -> None:
        await self._fetch("POST", _share_path(server), _share_with(server, username))

    async def unshare_server(self, server: ServerKey, username: str) -> None:
        await self._fetch_known("PATCH", _share_path(server), _share_with(server, username))

    async def has_role(self, username: str) -> bool:
        """An admin, or somebody with a role beyond `user`, be it by a group."""
        try:
            user = json.loads((await self._fetch("GET", f"/users/{quote(username, safe='')}")).body)
        except HTTPClientError as error:
            if error.code == 404:
                return False  # has never signed in
            raise
        if user["admin"] or set(user["roles"]) - {"user"}:
            return True
        for name in user["groups"]:
            group = json.loads((await self._fetch("GET", f"/groups/{quote(name, safe='')}")).body)
            if group["roles"]:
                return True
        return False

    async def servers_of(self, username: str) -> Collection[ServerKey]:
        servers = (await self._user(username) or {}).get("servers") or {}
        return [ServerKey(username, name) for name in servers]

    async def revoke_tokens(self, username: str, *, keep_servers: bool) -> None:
        path = f"/users/{quote(username, safe='')}/tokens"
        found = await self._fetch_known("GET", path)
        if found is None:
            return
        for token in json.loads(found.body)["api_tokens"]:
            if not (keep_servers and _is_of_server(token)):
                # Deleting one of a server's deletes all for that server: some are gone by now.
                await self._fetch_known("DELETE", f"{path}/{token['id']}")

    async def end_sign_ins(self, username: str) -> None:
        await self._fetch("DELETE", f"/users/{quote(username, safe='')}/sign-ins")

    async def delete_user(self, username: str) -> bool:
        servers = await self.servers_of(username)
        for server in servers:
            await self.stop_server(server)
        if servers and await self.servers_of(username):
            return False
        try:
            await self._fetch_known("DELETE", f"/users/{quote(username, safe='')}")
        except HTTPClientError as error:
            if error.code == HTTPStatus.BAD_REQUEST:
                return False  # a server began to stop meanwhile
            raise
        return True

    async def _user(self, username: str) -> dict[str, Any] | None:
        """The Hub's model of a user; None for somebody it does not know."""
        found = await self._fetch_known("GET", f"/users/{quote(username, safe='')}")
        return None if found is None else json.loads(found.body)

    async def _add_to_group(self, name: str, username: str) -> None:
        try:
            await self._fetch("POST", self._group_users(name), {"users": [username]})
        except HTTPClientError as error:
            if error.code != 404:
                raise
            await self._fetch("POST", f"/groups/{quote(name, safe='')}", {})
            await self._fetch("POST", self._group_users(name), {"users": [username]})

    @staticmethod
    def _group_users(name: str) -> str:
        return f"/groups/{quote(name, safe='')}/users"

    async def _users(self, state: str) -> AsyncIterator[dict[str, Any]]:
        """Each once. While pages are read others leave, and who follows moves up: so each page begins
        with some of the one before, and where it does not, it is gone back to them. The Hub may have
        shorter pages than what is asked for."""
        offset = step = longest = 0
        before: set[str] = set()  # who was on the last page, where it has several
        known: set[str] = set()
        while True:
            path = f"/users?state={state}&offset={offset}&limit={_PAGE}"
            users = json.loads((await self._fetch("GET", path)).body)
            names = {user["name"] for user in users}
            if offset and before and not before & names:
                offset = max(0, offset - step)
                continue
            for user in users:
                if user["name"] not in known:
                    yield user
            if names <= known and len(users) < max(2, longest):
                return  # the last page: a full one may be known because others came before it
            longest = max(longest, len(users))
            known |= names
            overlap = min(_OVERLAP, len(users) // 2)
            before, step = names if overlap else set(), len(users) - overlap
            offset += step

    async def _fetch_known(self, method: str, path: str, body: Any = None) -> HTTPResponse | None:
        """None where the Hub does not know whom or what this is about."""
        try:
            return await self._fetch(method, path, body)
        except HTTPClientError as error:
            if error.code == 404:
                return None
            raise

    async def _fetch(self, method: str, path: str, body: Any = None) -> HTTPResponse:
        return await AsyncHTTPClient().fetch(
            self._api_url + path,
            method=method,
            headers=self._headers,
            body=None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            request_timeout=self._timeout,
            connect_timeout=self._timeout,
        )


def _server_path(server: ServerKey) -> str:
    path = f"/users/{quote(server.username, safe='')}/server"
    return path + (f"s/{quote(server.server_name, safe='')}" if server.server_name else "")


def _share_path(server: ServerKey) -> str:
    return f"/shares/{quote(server.username, safe='')}/{quote(server.server_name, safe='')}"


def _share_with(server: ServerKey, username: str) -> dict[str, Any]:
    scope = f"access:servers!server={server.username}/{server.server_name}"
    return {"user": username, "scopes": [scope]}


def _time(written: Any) -> datetime | None:
    """As the Hub writes times, in UTC; None where it says nothing, or something else."""
    try:
        found = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _is_of_server(token: Mapping[str, Any]) -> bool:
    """Was it made by the Hub for a server to live by? The Hub tells it by its note only."""
    return str(token.get("note") or "").startswith("Server at ")
