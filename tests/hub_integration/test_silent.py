"""Servers that run and do not answer: the board of their workshop says so, and a restart mends it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import requests
from hubs import COMMUNITIES, TINY_SERVER, real_hub, text_of, token_of

from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.domain.grants import Role
from tools import wait_until

SILENT_SERVER = Path(__file__).parent / "silent_server.py"
PROFILES = COMMUNITIES + "  - {slug: silent, name: {en: Silent, es: Mudo}}\n"
# By itself a Hub waits 30 seconds for the first answer, and 15 for a process to end; a server is asked
# once a minute.
CONFIG = f"""
class ChangingSpawner(TryingSpawner):
    async def start(self):
        silent = self.user_options.get("profile") == "silent" and self.user.name not in mended
        self.cmd = [sys.executable, {str(SILENT_SERVER)!r} if silent else {{tiny_server!r}}]
        mended.add(self.user.name)
        return await super().start()

mended = set()
c.JupyterHub.spawner_class = ChangingSpawner
c.Spawner.http_timeout = 3
c.LocalProcessSpawner.interrupt_timeout = 1
c.LocalProcessSpawner.term_timeout = 1

from jupyterhub_communities.hub import answering, spawner as community_spawner
answering.WITHIN = 1.0
community_spawner._ASKED_EVERY = 1.0
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    config = CONFIG.replace("{tiny_server!r}", repr(str(TINY_SERVER)))
    with real_hub(tmp_path_factory.mktemp("silent"), more=config, communities=PROFILES) as hub:
        yield hub


class Staff:
    """A helper of a workshop who watches its board."""

    def __init__(self, hub, title: str) -> None:
        self.hub = hub
        self.workshop = hub.workshop(title, profile=None)
        wanted = NewInvite(role=Role.HELPER, workshop=self.workshop.workshop.slug)
        issued = hub.house.call(issue_invite, hub.champion(), "andes", wanted)
        self.device = hub.browser()
        self.device.join(issued.code, "Hugo")
        self.device.keep_key(allow_redirects=False)
        self.headers = {"Authorization": f"token {token_of(hub, self.device.username())}"}

    def learner(self, name: str):
        device = self.hub.browser()
        device.join(self.workshop.learner_invite.code, name)
        device.keep_key(allow_redirects=False)
        return device.username()

    def start(self, username: str, profile: str) -> None:
        answer = self.hub.api("POST", f"/users/{username}/server", json={"profile": profile})
        assert answer.status_code in (201, 202, 500), answer.text

    def ask(self, method: str, path: str) -> requests.Response:
        return requests.request(
            method,
            f"{self.hub.url}/services/communities/api/v1/communities/andes/workshops/"
            f"{self.workshop.workshop.slug}/board{path}",
            headers=self.headers,
            timeout=30,
        )

    def said(self, username: str) -> tuple[str, str | None]:
        rows = self.ask("GET", "").json()
        said = next(row["condition"] for row in rows if row["username"] == username)
        return said["state"], said["stuck_by"]

    def page_of(self, username: str) -> requests.Response:
        slug = self.workshop.workshop.slug
        return self.device.get(
            f"/services/communities/communities/andes/workshops/{slug}/people/{username}"
        )


def test_a_server_that_never_answered_is_stuck_until_a_helper_restarts_it(hub) -> None:
    staff = Staff(hub, "Mudos")
    luz = staff.learner("Luz")
    staff.start(luz, "silent")
    wait_until(lambda: staff.said(luz) == ("stuck", "silent"), seconds=40)
    page = staff.page_of(luz)
    assert "El servidor no responde. Reinícialo." in text_of(page)
    assert 'value="restart"' in page.text
    assert staff.ask("POST", f"/{luz}/restart").status_code == 202
    wait_until(lambda: staff.said(luz) == ("running", None), seconds=60)


def test_a_running_server_that_hangs_is_stuck_until_it_answers_or_is_restarted(hub) -> None:
    staff = Staff(hub, "Colgados")
    sol = staff.learner("Sol")
    staff.start(sol, "small")
    wait_until(lambda: staff.said(sol) == ("running", None), seconds=40)
    assert hub.user(sol)["servers"][""]["ready"]
    pid = process_of(hub, sol)
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: staff.said(sol) == ("stuck", "silent"), seconds=120)
        assert hub.user(sol)["servers"][""]["ready"], "as far as the Hub knows"
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: staff.said(sol)[0] == "running", seconds=60)
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: staff.said(sol) == ("stuck", "silent"), seconds=120)
        assert staff.ask("POST", f"/{sol}/restart").status_code == 202
        wait_until(lambda: staff.said(sol) == ("running", None), seconds=60)
        assert process_of(hub, sol) != pid
    finally:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGCONT)


def process_of(hub, username: str) -> int:
    return hub.user(username)["servers"][""]["state"]["pid"]
