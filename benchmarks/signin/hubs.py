"""The hubs that are measured: alike but for the authenticator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from postgres import Postgresql

from jupyterhub_communities.app import build_database, open_house
from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.workshops import NewWorkshop, open_workshop
from jupyterhub_communities.config import load_config
from jupyterhub_communities.domain.workshops import Session
from jupyterhub_communities.storage.keyring import make_key_file
from tools import end_process, free_port, need_proxy, wait_until

from .ways import PASSWORD

ROOT = Path(__file__).resolve().parents[2]

COMMUNITIES = """\
hub: {{language: en, database: "{database}"}}
communities:
  - slug: andes
    name: {{es: Comunidad Andes, en: Andes Community}}
    language: es
    contact: hola@andes.example
    champions: [ana]
"""

# The Hub's own settings everywhere, save that a sign-in ends on a page instead of starting a server.
CONFIG = """\
import sys

sys.path.insert(0, {root!r})
from benchmarks.signin.inside import LagHandler

c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.redirect_to_server = False
c.JupyterHub.extra_handlers = [("/bench/lag", LagHandler)]
"""

DUMMY = f"""
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {PASSWORD!r}
c.Authenticator.allow_all = True
"""

SHARED = f"""
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {PASSWORD!r}
c.Authenticator.allow_all = True
"""

NATIVE = """
import os
import nativeauthenticator

c.JupyterHub.authenticator_class = "native"
c.JupyterHub.template_paths = [os.path.dirname(nativeauthenticator.__file__) + "/templates"]
c.NativeAuthenticator.open_signup = True
c.Authenticator.allow_all = True
"""

OURS = """
from jupyterhub_communities import configure

configure(c, "communities.yaml")
"""


@dataclass(frozen=True, slots=True)
class System:
    """One authenticator on one version of the Hub, and the ways into it."""

    name: str
    config: str
    new: str
    returning: str
    python: str = sys.executable
    beside: str = "dummy"  # the system whose figures are 1
    on_postgresql: bool = False  # our database; the Hub's own is a file everywhere
    communities: str = COMMUNITIES  # the file

    @property
    def is_ours(self) -> bool:
        return OURS in self.config


def systems(hub5: str | None) -> list[System]:
    """Those of this environment's Hub; with `hub5`, a Python with JupyterHub 5.5, of that one too."""
    found = [
        System("dummy", DUMMY, "by_password", "by_password"),
        System("shared-password", SHARED, "by_password", "by_password"),
        System("communities", OURS, "by_code", "by_key"),
        System("communities, PostgreSQL", OURS, "by_code", "by_key", on_postgresql=True),
    ]
    if hub5 is not None:
        on_hub5 = {"python": hub5, "beside": "dummy, Hub 5"}
        found += [
            System("dummy, Hub 5", DUMMY, "by_password", "by_password", **on_hub5),
            System("communities, Hub 5", OURS, "by_code", "by_key", **on_hub5),
            System("native, Hub 5", NATIVE, "by_sign_up", "by_password", **on_hub5),
        ]
    return found


@dataclass
class MeasuredHub:
    system: System
    folder: Path
    port: int
    process: subprocess.Popen
    house: House | None = None
    known: list[dict[str, str]] = field(default_factory=list)  # people who have been here
    _drawn: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError((self.folder / "hub.log").read_text(errors="replace")[-4000:])
        try:
            with urlopen(f"{self.url}/hub/health", timeout=5):
                return True
        except (URLError, OSError):
            return False

    def cpu(self) -> float:
        """CPU seconds that the Hub's process has used, its threads included."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def newcomers(self, count: int) -> list[dict[str, str]]:
        """People who were never here; on our hub with the code of a workshop for just these."""
        more = {} if self.house is None else {"code": self._open_workshop(count)}
        self._drawn += count
        return [
            {"name": f"learner-{number}", **more}
            for number in range(self._drawn - count, self._drawn)
        ]

    def returners(self, count: int) -> list[dict[str, str]]:
        """People who were here before; the longest ago come first."""
        chosen, rest = self.known[:count], self.known[count:]
        self.known = rest + chosen
        return chosen

    def _open_workshop(self, seats: int) -> str:
        assert self.house is not None
        now = datetime.now(UTC)
        opened = self.house.call(
            open_workshop,
            self.house.call(find_person, "ana").actor(),
            "andes",
            NewWorkshop(
                title=f"Taller {self._drawn}",
                language="es",
                zone="America/Lima",
                sessions=(Session(now - timedelta(hours=1), now + timedelta(hours=4)),),
                seats=seats + 5,  # a hub whose last seat is taken says so on its login page
                profile=None,
            ),
        )
        return opened.learner_invite.code

    def watch_loop(self) -> None:
        with urlopen(f"{self.url}/hub/bench/lag?on=1", timeout=30):
            pass

    def seen_of_loop(self) -> dict[str, Any]:
        with urlopen(f"{self.url}/hub/bench/lag?on=0", timeout=30) as answer:
            seen: dict[str, Any] = json.load(answer)
            return seen


@contextmanager
def running(wanted: list[System], folder: Path) -> Iterator[list[MeasuredHub]]:
    """All the hubs, alive until the end of the block."""
    with ExitStack() as stack:
        hubs = []
        server = None
        if any(system.on_postgresql for system in wanted):
            server = Postgresql()
            stack.callback(server.close)
        for number, system in enumerate(wanted):
            url = server.new_database() if server and system.on_postgresql else None
            hub = _start(system, folder / f"hub-{number}", url)
            stack.callback(_stop, hub)
            wait_until(hub.answers, seconds=120)  # one after another: a start is heavy
            hubs.append(hub)
        yield hubs


def _start(system: System, folder: Path, database_url: str | None) -> MeasuredHub:
    folder.mkdir(parents=True)
    port = free_port()
    config = CONFIG.format(
        root=str(ROOT),
        port=port,
        hub_port=free_port(),
        proxy_port=free_port(),
        proxy=need_proxy(),
    )
    (folder / "jupyterhub_config.py").write_text(config + system.config)
    house = _make_house(system, folder, database_url) if system.is_ours else None
    with (folder / "hub.log").open("ab") as log:
        process = subprocess.Popen(
            [system.python, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return MeasuredHub(system, folder, port, process, house)


def _make_house(system: System, folder: Path, database_url: str | None) -> House:
    database = "communities.sqlite" if database_url is None else database_url
    (folder / "communities.yaml").write_text(system.communities.format(database=database))
    make_key_file(folder / "communities.key")
    config = load_config(folder / "communities.yaml")
    database = build_database(config, folder)
    database.upgrade()
    database.close()
    house = open_house(folder / "communities.yaml")
    house.call(apply_declarations, config.declarations(), config.hub_quota())
    return house


def _stop(hub: MeasuredHub) -> None:
    end_process(hub.process)
    if hub.house is not None:
        hub.house.close()
