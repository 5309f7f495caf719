"""Pages that the demo cannot show as long as one likes: a hub whose servers hang, and an upstream."""

from __future__ import annotations

import time
from functools import partial
from urllib.parse import urlencode

from hubs import COMMUNITIES as ONE_COMMUNITY
from hubs import RealHub, attempt_in

from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import SERVERS
from tools import wait_until

from .visits import Stop, World, stop

RARE_STOPS: list[Stop] = []
on_the_hub = partial(stop, on=RARE_STOPS)

# A second community, with a limit that is cut.
COMMUNITIES = ONE_COMMUNITY.replace(
    "profiles:",
    "  - {slug: mesa, name: Comunidad Mesa, champions: [giver], quota: {servers: 4}}\nprofiles:",
)

# A start of the profile `hanging` never ends by itself, nor does a stop of `medium`, until the file
# `done` is there.
CONFIG = """
from pathlib import Path
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.handlers import BaseHandler
from tornado.web import HTTPError

async def until_done():
    while not Path("done").exists():
        await asyncio.sleep(0.2)

class HangingSpawner(TryingSpawner):
    async def start(self):
        if self.user_options.get("profile") == "hanging":
            await until_done()
        return await super().start()

    async def stop(self, now=False):
        await super().stop(now)
        if self.user_options.get("profile") == "medium":
            await until_done()

class PoliteAuthenticator(DummyAuthenticator):
    async def authenticate(self, handler, data):
        return await super().authenticate(handler, data) if data else None

class Broken(BaseHandler):
    def get(self):
        raise HTTPError(500)

c.JupyterHub.spawner_class = HangingSpawner
c.JupyterHub.authenticator_class = "communities"
c.CommunityAuthenticator.upstream_class = PoliteAuthenticator
c.DummyAuthenticator.password = "secret"
c.Authenticator.allow_all = True
c.Authenticator.auto_login = True
c.JupyterHub.services = [
    *c.JupyterHub.services,
    {
        "name": "maps",
        "api_token": "maps" * 8,
        "oauth_client_id": "service-maps",
        "oauth_redirect_uri": "http://127.0.0.1:1/maps",
        "oauth_client_allowed_scopes": ["read:users:activity!user"],
    },
]
c.JupyterHub.load_roles.append({"name": "user", "scopes": ["self", "access:services!service=maps"]})
c.JupyterHub.extra_handlers = [("/broken", Broken)]
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0.1, "slow_stop_timeout": 0.1}
"""


def make_rare_world(hub: RealHub) -> World:
    world = World(f"{hub.url}/hub/", f"{hub.url}/services/communities/")
    opened = hub.workshop("Recorrido", profile=None)
    code = opened.learner_invite.link
    for who, profile in (
        ("runner", "small"),
        ("starter", "hanging"),
        ("stopper", "medium"),
        ("unlucky", "broken"),
    ):
        username = world.join(who, code, who.title())
        options = {"community": "andes", "workshop": "recorrido", "profile": profile}
        hub.api("POST", f"/users/{username}/server", json=options)
    runner, stopper = world.facts["runner"], world.facts["stopper"]
    hub.api("POST", f"/users/{runner}/servers/maps", json={"community": "andes"})
    for username in (runner, stopper):
        wait_until(lambda username=username: hub.user(username)["servers"][""]["ready"])
    hub.api("DELETE", f"/users/{stopper}/server")
    outsider = world.people["outsider"] = world.new_device()
    form = {"attempt": attempt_in(outsider.get("/hub/login")), "username": "yma"}
    outsider.post("/hub/login", {**form, "password": "secret"}, allow_redirects=False)
    make_overbooked(hub, world)
    world.links.update(learner=code, bound=hub.bound_code("yana"))
    world.names |= {"Recorrido", "Comunidad Andes", "Andes Community", "Comunidade Andes", "yana"}
    world.names |= {"maps", "Small", "Medium", "Slow", "Hanging", "Broken", "hola@andes.example"}
    world.secrets |= {*world.links.values(), "yana", "yma"}
    return world


def make_overbooked(hub: RealHub, world: World) -> None:
    """More is kept for a workshop than its community has by now; one server runs there, and somebody
    would like another."""
    opened = hub.workshop("Agotado", "mesa", by="giver", seats=4, is_reserved=True)
    world.join("giver", hub.bound_code("giver"), "Giver")
    holder = world.join("holder", opened.learner_invite.link, "Holder")
    world.join("waiter", opened.learner_invite.link, "Waiter")
    hub.api("POST", f"/users/{holder}/server", json={"profile": "small"})
    wait_until(lambda: hub.user(holder)["servers"][""]["ready"])
    with hub.house.database.write() as store:
        store.limits.set_quota(Scope("mesa"), Quota({SERVERS: Limit(most=1)}))
    world.names |= {"Agotado", "Comunidad Mesa"}


def let_go(hub: RealHub) -> None:
    """So that the hub can end."""
    (hub.folder / "done").touch()
    time.sleep(0.5)


@on_the_hub("stranger")
async def login_with_an_upstream(at):
    await at.open("/hub/login")


@on_the_hub("stranger")
async def a_wrong_password(at):
    await at.open("/hub/login")
    await at.send("#password", username="yana", password="wrong")


@on_the_hub("stranger")
async def join_through_an_upstream(at):
    await at.open(f"/hub/join?code={at.world.links['learner']}")


@on_the_hub("stranger")
async def a_code_bound_to_a_username(at):
    await at.open(f"/hub/join?code={at.world.links['bound']}")


@on_the_hub("stranger")
async def logout(at):
    await at.open("/hub/logout")


@on_the_hub("runner")
async def home_with_servers(at):
    await at.open("/hub/home")


@on_the_hub("runner")
async def link(at):
    await at.open("/hub/link")


@on_the_hub("runner")
async def link_by_a_form(at):
    await at.open("/hub/link")
    await at.send('[value="link"]', action="link")


@on_the_hub("runner")
async def something_broken(at):
    await at.open("/hub/broken")


@on_the_hub("runner")
async def a_stale_form(at):
    await at.open("/hub/spawn/" + at.world.facts["runner"] + "/other")
    await at.page.locator("#spawn_form").evaluate("form => { form.action = location.pathname; }")
    await at.send("#spawn_form")


@on_the_hub("runner")
async def what_only_the_hub_can_say(at):
    await at.open("/hub/api/oauth2/authorize?client_id=nobody&response_type=code")


@on_the_hub("runner")
async def allow_access(at):
    asked = {
        "client_id": "service-maps",
        "redirect_uri": "http://127.0.0.1:1/maps",
        "response_type": "code",
    }
    await at.open(f"/hub/api/oauth2/authorize?{urlencode(asked)}")


@on_the_hub("starter")
async def starting(at):
    await at.open(f"/hub/spawn-pending/{at.world.facts['starter']}")
    await at.page.locator("#progress-log > div").nth(1).wait_for(state="attached")


@on_the_hub("stopper")
async def stopping(at):
    await at.open(f"/hub/spawn-pending/{at.world.facts['stopper']}")


@on_the_hub("unlucky")
async def did_not_start(at):
    await at.open(f"/hub/spawn-pending/{at.world.facts['unlucky']}")


@on_the_hub("outsider")
async def in_no_community(at):
    await at.service()


@on_the_hub("giver")
async def a_limit_cut_below_what_is_kept(at):
    await at.service("communities/mesa")
    await at.page.locator("#overbooked").wait_for()


@on_the_hub("waiter")
async def in_line(at):
    await at.open("/hub/spawn?opt-profile=small")
    await at.page.locator("#place").wait_for()
