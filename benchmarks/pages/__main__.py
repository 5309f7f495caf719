"""`python -m benchmarks.pages --out DIR`: what the service's pages take in a community with 20 people,
and in one with 2,000 and 200 workshops. The two are asked in turn, so that what else the machine does
slows both. Fails where a page takes longer than it may."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from jupyterhub.services.auth import HubOAuth
from large_house import LARGE, SMALL, Filled, Size, fill, house_to_fill, pages_of
from sql_statements import counted
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from benchmarks.signin.report import environment, table
from jupyterhub_communities.application.house import House
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.service.app import make_app

MOST = 200  # ms
PREFIX = "/services/communities/"
SCOPE = "access:services!service=communities"


class UserEndpoint(RequestHandler):
    """`GET /hub/api/user`, as the Hub answers a token: here the token is the name."""

    def get(self) -> None:
        name = self.request.headers.get("Authorization", "").removeprefix("token ")
        self.finish(
            {
                "kind": "user",
                "name": name,
                "admin": name == "operator",
                "groups": [],
                "scopes": [SCOPE],
            }
        )


class Servers:
    """The Hub's answer about servers: those of the house run."""

    def __init__(self, running: Mapping[ServerKey, RunningServer]) -> None:
        self._running = running

    async def servers(self) -> Mapping[ServerKey, RunningServer]:
        return self._running


@dataclass
class Taken:
    """What one page took."""

    statements: int = 0
    size: int = 0  # bytes over the wire
    times: list[float] = field(default_factory=list)  # seconds


class Served:
    """A house of one size, and its service on a port."""

    def __init__(self, folder: Path, size: Size, hub_port: int) -> None:
        folder.mkdir()
        self.house: House = house_to_fill(folder)
        self.filled: Filled = fill(self.house, size)
        hub_auth = HubOAuth(
            api_url=f"http://127.0.0.1:{hub_port}/hub/api",
            api_token="secret",
            base_url=PREFIX,
            oauth_client_id="service-communities",
            access_scopes={SCOPE},
            cache_max_age=600,  # what the Hub takes is none of the page's
        )
        hub: Any = Servers(self.filled.running)  # no page asks it for more
        application = make_app(
            self.house, hub, hub_auth, prefix=PREFIX, hub_prefix="/hub/", secret=b"s" * 32
        )
        socket, port = bind_unused_port()
        HTTPServer(application).add_socket(socket)
        self.url = f"http://127.0.0.1:{port}{PREFIX}"
        self.pages: Mapping[str, str] = pages_of(self.filled)

    async def look(self, number: int, taken: Taken) -> None:
        path, who = list(self.pages.items())[number]
        with counted(self.house) as statements:
            began = perf_counter()
            page = await AsyncHTTPClient().fetch(
                self.url + path,
                headers={
                    "Authorization": f"token {self.filled.people[who]}",
                    "Accept-Encoding": "gzip",
                },
                decompress_response=False,
                request_timeout=60,
            )
            taken.times.append(perf_counter() - began)
        taken.statements = len([one for one in statements if not one.startswith("BEGIN")])
        taken.size = len(page.body)


async def measure(folder: Path, rounds: int) -> tuple[str, list[str]]:
    """A table of all pages, and those that take too long."""
    hub_socket, hub_port = bind_unused_port()
    HTTPServer(Application([("/hub/api/user", UserEndpoint)])).add_socket(hub_socket)
    with ExitStack() as cleanup:
        both = [
            Served(folder / name, size, hub_port)
            for name, size in (("small", SMALL), ("large", LARGE))
        ]
        for served in both:
            cleanup.callback(served.house.close)
        names = [both[0].filled.nameless(path) for path in both[0].pages]
        rows, slow = [], []
        for number, name in enumerate(names):
            taken = [Taken(), Taken()]
            for turn in range(rounds + 1):
                for served, one in zip(both, taken, strict=True):
                    await served.look(number, one)
                if not turn:
                    for one in taken:
                        one.times.clear()  # the first look compiles
            small, large = (median(one.times) * 1000 for one in taken)
            if large > MOST:
                slow.append(name)
            rows.append(
                [
                    f"`{name or '/'}`",
                    f"{taken[0].statements}, {taken[1].statements}",
                    f"{small:.0f} ms",
                    f"{large:.0f} ms",
                    f"{large / small:.1f}",
                    f"{taken[1].size / 1000:.1f} kB",
                ]
            )
    head = ["page", "statements", "20 people", "2,000 people", "ratio", "over the wire"]
    return table(head, rows), slow


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, slow = asyncio.run(measure(Path(folder), options.rounds))
    options.out.mkdir(parents=True, exist_ok=True)
    about = ", ".join(f"{name} {value}" for name, value in environment().items())
    text = f"{found}\n\n{about}\n"
    (options.out / "pages.md").write_text(text, encoding="utf-8")
    print(text)
    if slow:
        raise SystemExit(f"longer than {MOST} ms: {', '.join(slow)}")


if __name__ == "__main__":
    main()
