"""Crowds: many people who want a server at the same moment, and a Spawner that starts at once."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import requests
from hubs import Browser, RealHub
from requests.adapters import HTTPAdapter
from tornado.web import create_signed_value
from urllib3.util import Retry

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.workshops import OpenedWorkshop
from tools import free_port

# All servers of a hub are one, within its process: only what the Hub does costs anything. A start takes
# some time, so that many are under way at once.
CONFIG = """
from jupyterhub.spawner import Spawner
from tornado.web import Application, RequestHandler

class Answer(RequestHandler):
    def get(self):
        self.set_header("X-JupyterHub-Version", "6.1.1")

class InstantSpawner(Spawner):
    is_up = False
    servers = []

    def serve(self):
        if not self.servers:
            self.servers.append(Application([(".*", Answer)]).listen({port}, "127.0.0.1"))

    async def start(self):
        self.serve()
        await asyncio.sleep({seconds})
        self.is_up = True
        return "http://127.0.0.1:{port}"

    async def poll(self):
        return None if self.is_up else 0

    async def stop(self, now=False):
        self.is_up = False

    def get_state(self):
        return {{**super().get_state(), "is_up": self.is_up}}

    def load_state(self, state):
        super().load_state(state)
        self.is_up = state.get("is_up", False)
        if self.is_up:  # after a restart, for the Hub waits half a minute for one that does not answer
            self.serve()

c.JupyterHub.spawner_class = InstantSpawner
c.Spawner.pre_spawn_hook = None
c.JupyterHub.cleanup_servers = False  # they end with the test
c.JupyterHub.log_level = "WARN"
c.Authenticator.auth_refresh_age = 30
"""
# Two communities, and one profile: a click starts, without a form.
COMMUNITIES = """\
hub: {language: en}
communities:
  - {slug: andes, name: {en: Andes Community}, language: es, champions: [ana]}
  - {slug: sahel, name: {en: Sahel Community}, language: fr, champions: [awa]}
profiles:
  - {slug: small, name: {en: Small}, memory: 512M}
"""
COOKIE = "jupyterhub-hub-login"
# As browsers do where a kept connection has just been closed. A 429 is seen, not tried again.
RETRIES = Retry(3, status=0, respect_retry_after_header=False, allowed_methods={"GET"})


def instant_servers(seconds: float = 0.5) -> str:
    """The part of a hub's configuration that starts servers at once."""
    return CONFIG.format(port=free_port(), seconds=seconds)


@dataclass
class Learner:
    """Somebody with a browser without scripts, who clicks once and waits."""

    device: Browser
    username: str
    seen: list[requests.Response] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)  # the first answer is there
    ended_at: float = 0.0  # on the steady clock, when no page led any further

    def start(self, path: str = "/hub/spawn", *, seconds: float = 120, pace: float = 1.0) -> None:
        """Clicks, and follows where the pages lead by themselves. Below 1 `pace` is that of a browser
        which does not wait as long as it is told."""
        until = time.monotonic() + seconds
        page = self.look(path)
        while again := seconds_of(page):
            assert time.monotonic() < until, page.url
            time.sleep(again * pace)
            page = self.look(page.url.removeprefix(self.device.hub.url))
        self.ended_at = time.monotonic()

    def look(self, path: str) -> requests.Response:
        page = self.device.get(path)
        self.seen.append(page)
        self.came.set()
        return page

    @property
    def waited(self) -> bool:
        return any("/communities/line/" in page.url for page in self.seen)

    @property
    def statuses(self) -> set[int]:
        return {answer.status_code for page in self.seen for answer in (*page.history, page)}


def seconds_of(page: requests.Response) -> float | None:
    """After how many seconds the page loads itself again, without scripts."""
    if "/spawn-pending/" in page.url and page.ok:
        return 3.0  # its own five, in less of a test's time
    found = re.search(r'http-equiv="refresh" content="(\d+)"', page.text)
    return float(found[1]) if found else None


def gather(hub: RealHub, opened: OpenedWorkshop, count: int, name: str) -> list[Learner]:
    """People of a workshop who are signed in, each on a device of their own: by the Hub's own API and
    cookie, for joining a hundred times by the form is shown elsewhere, and costs half a minute."""
    names = [f"{name}-{number}" for number in range(count)]
    hub.api("POST", "/users", json={"usernames": names}).raise_for_status()
    secret = bytes.fromhex((hub.folder / "jupyterhub_cookie_secret").read_text())
    with closing(sqlite3.connect(hub.folder / "jupyterhub.sqlite")) as database:
        ids = dict(database.execute("SELECT name, cookie_id FROM users"))
    learners = []
    for username in names:
        request = JoinRequest(opened.learner_invite.link, f"of {username}", username=username)
        hub.house.call(redeem_invite, request)
        device = hub.browser()
        device.session.mount("http://", HTTPAdapter(max_retries=RETRIES))
        value = create_signed_value(secret, COOKIE, ids[username]).decode()
        device.session.cookies.set(COOKIE, value, domain="127.0.0.1", path="/hub/")
        learners.append(Learner(device, username))
    return learners


def all_start(learners: Sequence[Learner], *, seconds: float = 120, pace: float = 1.0) -> None:
    """All click at the same moment, and wait until each has what their pages lead to."""
    barrier = threading.Barrier(len(learners))

    def start(learner: Learner) -> None:
        barrier.wait()
        learner.start(seconds=seconds, pace=pace)

    with ThreadPoolExecutor(len(learners)) as pool:
        for done in [pool.submit(start, learner) for learner in learners]:
            done.result()


def lost(hub: RealHub, learners: Sequence[Learner]) -> list[str]:
    """Who has no server."""
    ready: set[str] = set()
    while found := hub.api("GET", f"/users?state=ready&offset={len(ready)}").json():
        ready |= {user["name"] for user in found}
    return [learner.username for learner in learners if learner.username not in ready]
