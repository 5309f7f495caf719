"""Real hubs for tests: JupyterHub, npm's proxy, the service, and servers that start at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from houses import lay_tables
from requests.adapters import HTTPAdapter

from jupyterhub_communities.app import build_database, open_house
from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.issuing import issue_bound_invite
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.workshops import NewWorkshop, OpenedWorkshop, open_workshop
from jupyterhub_communities.config import load_config
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.workshops import Session
from jupyterhub_communities.pages.proofs import COOKIE as PROOF
from jupyterhub_communities.storage.keyring import make_key_file
from tools import end_process, free_port, need_proxy, wait_until

TINY_SERVER = Path(__file__).parent / "hub_integration" / "tiny_server.py"
ADMIN_TOKEN = "0" * 31 + "a"
# A Hub ends when its service takes more than ten seconds to answer, as on a busy machine.
IMPATIENT = "Cannot connect to communities service"
_CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")

COMMUNITIES = """\
hub: {language: en}
communities:
  - slug: andes
    name: {es: Comunidad Andes, en: Andes Community, pt-BR: Comunidade Andes}
    language: es
    contact: hola@andes.example
    champions: [ana]
profiles:
  - {slug: small, name: {en: Small, es: Pequeño}, memory: 512M}
  - {slug: medium, name: {en: Medium, es: Mediano}}
  - {slug: slow, name: {en: Slow, es: Lento}}
  - {slug: hanging, name: {en: Hanging, es: Colgado}}
  - {slug: broken, name: {en: Broken, es: Roto}}
"""

CONFIG = """\
import asyncio, sys
from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyterhub_communities import configure

class TryingSpawner(SimpleLocalProcessSpawner):
    async def start(self):
        if self.user_options.get("profile") == "hanging":
            await asyncio.sleep(600)
        if self.user_options.get("profile") == "broken":
            raise RuntimeError("broken on purpose")
        return await super().start()

async def dawdle(spawner):
    # Before the Spawner's own start: the person is on the progress page when it is refused.
    if spawner.user_options.get("profile") == "slow":
        await asyncio.sleep(2.5)

c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.spawner_class = TryingSpawner
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/homes/{{username}}"
c.Spawner.cmd = [sys.executable, {tiny_server!r}]
c.Spawner.pre_spawn_hook = dawdle
c.Spawner.poll_interval = 2
c.JupyterHub.allow_named_servers = True
c.Authenticator.admin_users = {{"operator"}}
c.Authenticator.auth_refresh_age = 1
c.JupyterHub.load_roles = [
    {{"name": "watchers", "scopes": ["list:users"], "groups": ["watchers"]}}
]
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}, "admin": True}}]
c.JupyterHub.log_level = "DEBUG"
{more}
configure(c, {folder!r} + "/communities.yaml")
"""

# For tests in which the service ends: by itself the Hub looks every 30 seconds whether it still runs.
WATCHED = """
from jupyterhub.services.service import _ServiceSpawner

def start_watched(spawner, start=_ServiceSpawner.start):
    spawner.poll_interval = 1
    return start(spawner)

_ServiceSpawner.start = start_watched
"""


@dataclass
class RealHub:
    folder: Path
    port: int
    house: House
    process: subprocess.Popen | None = None
    service_every: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    service_host: str = ""  # with subdomains
    launches: int = 0
    said_at_first: str = ""  # on the login page, before anybody was invited

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._launch()
        wait_until(self.answers, seconds=90)

    def _launch(self) -> None:
        self.launches += 1
        log = (self.folder / "hub.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def answers(self) -> bool:
        assert self.process is not None
        if (
            self.process.poll() is not None
            and self.launches < 3
            and IMPATIENT in self.log()[-8000:]
        ):
            time.sleep(2)  # its service notices, and lets go of the port
            self._launch()
        assert self.process.poll() is None, self.log()[-4000:]
        try:
            service = requests.get(
                f"{self.url}/services/communities/health",
                headers={"Host": f"{self.service_host}:{self.port}"} if self.service_host else None,
                timeout=5,
            )
            return service.ok and requests.get(f"{self.url}/hub/api/", timeout=5).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        if self.process is not None:
            end_process(self.process)

    def restart(self) -> None:
        """A Hub that is replaced by another one while servers run on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.start()

    def service_pid(self) -> int | None:
        """The process that the Hub has started for the service of this folder."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue  # it has ended
            if "service" in words and str(self.folder / "communities.yaml") in words:
                return int(folder.name)
        return None

    def log(self) -> str:
        return (self.folder / "hub.log").read_text(errors="replace")

    def api(self, method: str, path: str, **more) -> requests.Response:
        return requests.request(
            method,
            f"{self.url}/hub/api{path}",
            headers={"Authorization": f"token {ADMIN_TOKEN}"},
            timeout=60,
            **more,
        )

    def user(self, username: str) -> dict:
        return self.api("GET", f"/users/{username}").json()

    def browser(self, language: str = "es-PE", *, address: str | None = None) -> Browser:
        return Browser(self, language, address=address)

    def workshop(
        self, title: str, community: str = "andes", *, by: str = "ana", **more
    ) -> OpenedWorkshop:
        """A workshop that runs now, opened by the champion."""
        now = datetime.now(UTC)
        wanted = {
            "language": "es",
            "zone": "America/Lima",
            "sessions": (Session(now - timedelta(hours=1), now + timedelta(hours=2)),),
            "seats": 50,
            "profile": "small",
        }
        return self.house.call(
            open_workshop,
            self.champion(by),
            community,
            NewWorkshop(title=title, **{**wanted, **more}),
        )

    def champion(self, username: str = "ana") -> Actor:
        return self.house.call(find_person, username).actor()

    def bound_code(self, username: str) -> str:
        return self.house.call(issue_bound_invite, username).code


class Browser:
    """One device: keeps cookies, follows redirects, fills in forms."""

    def __init__(self, hub: RealHub, language: str, *, address: str | None = None):
        self.hub = hub
        self.session = requests.Session()
        self.session.headers.update(
            {"Accept-Language": language, "Sec-Fetch-Mode": "navigate", "User-Agent": "test"}
        )
        if address is not None:
            self.move_to(address)

    def move_to(self, address: str) -> None:
        """From now on this device has another address."""
        self.session.mount("http://", _From(address))

    def get(self, path: str, **more) -> requests.Response:
        return self.session.get(self.hub.url + path, timeout=60, **more)

    def post(self, path: str, data: dict, **more) -> requests.Response:
        return self.session.post(self.hub.url + path, data=data, timeout=60, **more)

    def open_join(self, code: str) -> requests.Response:
        return self.get("/hub/join", params={"code": code})

    def join_form(self, code: str, name: str, **more) -> dict:
        page = self.open_join(code)
        return {"attempt": attempt_in(page), "action": "join", "name": name, **more}

    def join(self, code: str, name: str, **more) -> str:
        """The whole join; the return key that is shown."""
        page = self.post("/hub/join", self.join_form(code, name, **more))
        assert page.url.endswith("/hub/welcome"), text_of(page)
        return key_in(page)

    def keep_key(self, **more) -> requests.Response:
        page = self.get("/hub/welcome")
        return self.post("/hub/welcome", {"_xsrf": xsrf_in(page)}, **more)

    def username(self) -> str:
        found = re.search(r'user: "([^"]+)"', self.get("/hub/home").text)
        assert found, "nobody is signed in"
        return found[1]

    def is_signed_in(self) -> bool:
        return "/hub/login" not in self.get("/hub/home").url


class _From(HTTPAdapter):
    def __init__(self, address: str):
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **more):
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **more)


def token_of(hub: RealHub, username: str) -> str:
    return hub.api("POST", f"/users/{username}/tokens").json()["token"]


def sign_in_with_key(device: Browser, key: str) -> requests.Response:
    form = {"attempt": attempt_in(device.get("/hub/login")), "return_key": key}
    return device.post("/hub/login", {**form, "next": "/hub/home"})


def is_alive(hub: RealHub, token: str) -> bool:
    headers = {"Authorization": f"token {token}"}
    return requests.get(f"{hub.url}/hub/api/user", headers=headers, timeout=30).ok


def wait_a_quarter_of_an_hour(device: Browser) -> None:
    """What shows who somebody is lasts no longer."""
    for cookie in list(device.session.cookies):
        if cookie.name == PROOF:
            device.session.cookies.clear(cookie.domain, cookie.path, cookie.name)


def attempt_in(page: requests.Response) -> str:
    return re.search(r'name="attempt" value="([^"]+)"', page.text)[1]


def xsrf_in(page: requests.Response) -> str:
    return re.search(r'name="_xsrf" value="([^"]+)"', page.text)[1]


def key_in(page: requests.Response) -> str:
    return re.search(r'id="return-key"[^>]*>([^<]+)', page.text)[1].strip()


def text_of(page: requests.Response) -> str:
    page.encoding = "utf-8"
    main = re.sub(r"(?s)^.*?<main[^>]*>|</main>.*$", "", page.text)
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def codes_in(log: str) -> list[str]:
    return _CODE.findall(log)


def tracebacks_in(log: str) -> list[str]:
    """With some lines around. The start that fails on purpose is an accident, and logged as one."""
    lines = log.splitlines()
    found = [
        "\n".join(lines[max(0, number - 3) : number + 40])
        for number, line in enumerate(lines)
        if "Traceback (most recent call last)" in line
    ]
    return [text for text in found if "broken on purpose" not in text]


@contextmanager
def real_hub(
    folder: Path,
    *,
    more: str = "",
    communities: str = COMMUNITIES,
    environment: Mapping[str, str] | None = None,
    service_host: str = "",
) -> Iterator[RealHub]:
    """A hub over a folder of its own, until the end of the block."""
    proxy = need_proxy()
    (folder / "communities.yaml").write_text(communities)
    make_key_file(folder / "communities.key")
    config = load_config(folder / "communities.yaml")
    database = build_database(config, folder)
    lay_tables(database)
    database.close()
    house = open_house(folder / "communities.yaml")
    house.call(apply_declarations, config.declarations(), config.hub_quota())
    port = free_port()
    (folder / "jupyterhub_config.py").write_text(
        CONFIG.format(
            port=port,
            hub_port=free_port(),
            proxy_port=free_port(),
            proxy=proxy,
            folder=str(folder),
            tiny_server=str(TINY_SERVER),
            token=ADMIN_TOKEN,
            more=more,
        )
    )
    hub = RealHub(
        folder, port, house, environment=dict(environment or {}), service_host=service_host
    )
    try:
        hub.start()
        yield hub
    finally:
        hub.stop()
        house.close()
