"""A champion opens a page of a learner's own server, which tries what a page can.

With subdomains the page has a host of its own, and nothing passes. On one host it can do what the
champion could do without signing in again, and nothing else. Each attack has its control: what is
sent from the right page, or by a champion who has just signed in, passes.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import apart as apart_hub
import pytest
from crowds import COOKIE as SIGN_IN
from hubs import RealHub, real_hub
from playwright.async_api import Page
from sqlalchemy import select
from tornado.web import create_signed_value

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.key_requests import ask_for_key
from jupyterhub_communities.application.workshops import OpenedWorkshop
from jupyterhub_communities.pages.proofs import COOKIE as PROOF
from jupyterhub_communities.storage.tables import audit
from tools import wait_until

pytestmark = pytest.mark.browser

HOSTILE = Path(__file__).with_name("hostile_server.py")
CONFIG = f"""
c.Spawner.cmd = [sys.executable, {str(HOSTILE)!r}]
c.JupyterHub.log_level = "WARN"
"""
SESSION = "service-communities"

# What a script of the page does; each answers with status and text, and with 0 where it may not.
FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return { status: answer.status, text: await answer.text() };
  } catch (error) { return { status: 0, text: String(error) }; }
}"""
# Opens a page that has the right cookies and the form's token, and sends it from there.
WINDOW = """async ([door, url, options]) => {
  const opened = window.open(door);
  try {
    for (let turn = 0; turn < 100; turn++) {
      await new Promise((done) => setTimeout(done, 100));
      if (opened.closed) return { status: 0, text: "closed" };
      if (opened.location.href !== "about:blank" && opened.document.readyState === "complete") break;
    }
    const field = opened.document.querySelector("input[name=_xsrf]");
    const token = field ? field.value : /_xsrf=([^;]+)/.exec(opened.document.cookie)[1];
    const headers = { ...options.headers, "X-XSRFToken": token };
    const answer = await opened.fetch(url, { ...options, headers });
    return { status: answer.status, text: await answer.text(), page: opened.document.body.innerText };
  } catch (error) {
    return { status: 0, text: String(error) };
  } finally { opened.close(); }
}"""
FRAME = """async (url) => {
  const frame = document.createElement("iframe");
  const loaded = new Promise((done) => { frame.onload = frame.onerror = done; });
  frame.src = url;
  document.body.append(frame);
  await Promise.race([loaded, new Promise((done) => setTimeout(done, 3000))]);
  try { return frame.contentDocument ? frame.contentDocument.body.innerText : ""; }
  catch (error) { return String(error); }
}"""
FORM = """([url, fields]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: url, target: "_blank" });
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("input"), { name, value, type: "hidden" }));
  }
  document.body.append(form);
  form.submit();
}"""
WORKER = """async ([script, scope, path, options]) => {
  try {
    const registration = await navigator.serviceWorker.register(script, { scope });
    await new Promise((done) => {
      const worker = registration.installing || registration.waiting || registration.active;
      if (worker.state === "activated") done();
      worker.onstatechange = () => worker.state === "activated" && done();
    });
    const channel = new MessageChannel();
    const answer = new Promise((done) => { channel.port1.onmessage = (event) => done(event.data); });
    registration.active.postMessage({ path, options }, [channel.port2]);
    const found = await answer;
    await registration.unregister();
    return found;
  } catch (error) { return { status: 0, text: String(error) }; }
}"""


@dataclass
class Scene:
    """A champion with two windows: the service's, and the learner's page."""

    hub: RealHub
    opened: OpenedWorkshop
    learner: str
    base: str  # of the Hub
    service: str
    hostile: str  # of the learner's server
    champion: Page
    page: Page
    plain: Page  # the same, which keeps hold of windows with the Hub's own pages
    key: str = field(default="", repr=False)

    @property
    def workshop(self) -> str:
        return f"communities/andes/workshops/{self.opened.workshop.slug}"

    def asking(self) -> dict[str, tuple[str, str, Any]]:
        """What asks again, by the Hub or the service: method, address, body."""
        api = f"{self.service}api/v1/"
        invite = self.opened.learner_invite.invite.id
        number = self.hub.house.call(ask_for_key, "a browser").number
        key = {"username": self.learner, "number": number}
        return {
            "approve a key": ("POST", f"{api}{self.workshop}/keys", key),
            "appoint": (
                "PUT",
                f"{api}communities/andes/members/{self.learner}",
                {"role": "champion"},
            ),
            "issue a code": ("POST", f"{api}communities/andes/invites", {"role": "champion"}),
            "show a code": ("GET", f"{api}communities/andes/invites/{invite}", None),
            "export the trail": ("GET", f"{api}communities/andes/audit?format=csv", None),
            "export attendance": ("GET", f"{api}{self.workshop}/attendance?format=csv", None),
            "export my data": ("GET", f"{api}me/export", None),
            "make a token": ("POST", f"{self.base}/hub/api/users/ana/tokens", {}),
            "erase me": ("DELETE", f"{api}me", {"username": "ana"}),
        }

    def door_of(self, url: str) -> str:
        """A page whose cookies go with an address."""
        return f"{self.base}/hub/home" if "/hub/" in url else self.service

    async def from_window(self, page: Page, method: str, url: str, body: Any) -> dict[str, Any]:
        if page is self.page and "/hub/" in url:
            page = self.plain
        return await page.evaluate(WINDOW, [self.door_of(url), url, options_of(method, body)])

    async def prove(self) -> None:
        """The champion signs in again, as the page of a code asks her to."""
        path = f"{self.service}communities/andes/codes/{self.opened.learner_invite.invite.id}"
        await self.champion.goto(path)
        if "/hub/login" in self.champion.url:
            await self.champion.locator("#return_key").fill(self.key)
            form = self.champion.locator("form", has=self.champion.locator("#return_key"))
            await form.get_by_role("button").click()
        await self.champion.wait_for_url(path)
        assert self.opened.learner_invite.code in await self.champion.content()

    async def wait_a_quarter_of_an_hour(self) -> None:
        await self.champion.context.clear_cookies(name=PROOF)

    async def plant(self, name: str, value: str, path: str, domain: str) -> None:
        planted = await self.page.context.new_page()
        query = urlencode({"name": name, "value": value, "path": path, "domain": domain})
        await planted.goto(f"{self.hostile}plant?{query}")
        await planted.close()


def options_of(method: str, body: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"method": method, "credentials": "include"}
    if body is not None:
        options |= {"body": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    return options


def trail(hub: RealHub) -> list[str]:
    """What was changed so far, save what signing in changes."""
    with hub.house.database.engine.connect() as connection:
        actions = connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars()
        return [action for action in actions if not action.startswith("return-key:confirm")]


async def make_scene(hub: RealHub, new_device: Callable, *, apart: bool) -> Scene:
    base = f"http://{apart_hub.HOST}:{hub.port}" if apart else hub.url
    service = f"{f'http://{apart_hub.SERVICE}:{hub.port}' if apart else base}/services/communities/"
    opened = hub.workshop("Taller")
    request = JoinRequest(opened.learner_invite.code, "eve", "Eve")
    learner = hub.house.call(redeem_invite, request).account.username
    hub.api("POST", f"/users/{learner}").raise_for_status()
    hub.api("POST", f"/users/{learner}/server", json={"profile": "small"}).raise_for_status()
    wait_until(lambda: hub.user(learner)["servers"].get("", {}).get("ready"))
    theirs = apart_hub.server_host(learner)
    at = f"http://{theirs}:{hub.port}" if apart else base

    champion = await new_device("en-US", width=1280)
    await champion.goto(f"{base}/hub/join?code={hub.bound_code('ana')}")
    await champion.locator("[name=action][value=join]").click()
    key = (await champion.locator("#return-key").inner_text()).strip()
    await champion.locator("form[action='/hub/welcome'] button").click()
    await champion.wait_for_url(re.compile("/user/|/hub/"))
    await champion.goto(f"{base}/services/communities/")  # also where it has another host
    assert champion.url == service
    page = await champion.context.new_page()
    plain = await champion.context.new_page()
    hostile = f"{at}/user/{learner}/"
    scene = Scene(hub, opened, learner, base, service, hostile, champion, page, plain, key)
    await plain.goto(f"{hostile}plain")
    await page.goto(f"{scene.hostile}page")
    assert await page.title() == "hostile"
    return scene


async def try_everything(scene: Scene, *, apart: bool) -> None:
    """All ways but the window, on all verbs: nothing is done, and nothing is told."""
    secrets = (scene.opened.learner_invite.code, scene.key)
    before = trail(scene.hub)

    def is_kept(found: dict[str, Any], *how: Any) -> None:
        assert found["status"] in (0, 401, 403, 404), (how, found)
        assert not any(secret in found["text"] for secret in secrets), how

    for name, (method, url, body) in scene.asking().items():
        for mode in ("cors", "same-origin", "no-cors"):
            for credentials in ("include", "omit"):
                if mode == "no-cors" and method not in ("GET", "POST"):
                    continue
                options = options_of(method, body) | {"mode": mode, "credentials": credentials}
                is_kept(await scene.page.evaluate(FETCH, [url, options]), name, mode, credentials)
        script, scope = f"{scene.hostile}worker.js", "/services/communities/"
        options = options_of(method, body)
        is_kept(await scene.page.evaluate(WORKER, [script, scope, url, options]), name, "worker")

    for path in (
        scene.workshop,
        f"communities/andes/codes/{scene.opened.learner_invite.invite.id}",
    ):
        seen = await scene.page.evaluate(FRAME, scene.service + path)
        assert not any(secret in seen for secret in secrets)
        assert "Taller" not in seen

    forms = {
        f"{scene.service}{scene.workshop}/close": {},
        f"{scene.service}{scene.workshop}/code": {"action": "renew"},
        f"{scene.service}{scene.workshop}/message": {"message": "hostile"},
        f"{scene.service}me": {"username": "ana"},
        f"{scene.base}/hub/link": {"action": "unlink"},
    }
    for planted in (None, "planted"):
        if planted:  # beside the real one, or in its place
            for path in ("/", "/services/communities/", "/services/communities/communities"):
                await scene.plant("_xsrf", planted, path, apart_hub.HOST if apart else "")
                await scene.plant(PROOF, "1.planted", path, apart_hub.HOST if apart else "")
        for url, fields in forms.items():
            async with scene.page.context.expect_page() as popup:
                more = {"_xsrf": planted} if planted else {}
                await scene.page.evaluate(FORM, [url, fields | more])
            opened = await popup.value
            await opened.wait_for_load_state()
            await opened.close()
    assert trail(scene.hub) == before


async def plant_own_session(scene: Scene, new_device: Callable, *, domain: str) -> None:
    """The learner's own session and token, in place of the champion's: a form acts as the learner."""
    secret = bytes.fromhex((scene.hub.folder / "jupyterhub_cookie_secret").read_text())
    with closing(sqlite3.connect(scene.hub.folder / "jupyterhub.sqlite")) as database:
        query = "SELECT cookie_id FROM users WHERE name = ?"
        (cookie_id,) = database.execute(query, (scene.learner,)).fetchone()
    theirs = await new_device()
    value = create_signed_value(secret, SIGN_IN, cookie_id).decode()
    await theirs.context.add_cookies(
        [{"name": SIGN_IN, "value": value, "url": f"{scene.base}/hub/"}]
    )
    await theirs.goto(scene.service)
    held = {cookie["name"]: cookie["value"] for cookie in await theirs.context.cookies(theirs.url)}
    before = trail(scene.hub)
    await scene.plant(SESSION, held[SESSION], "/", domain)
    await scene.plant("_xsrf", held["_xsrf"], "/", domain)
    for path, fields in (("close", {}), ("message", {"message": "hostile"})):
        async with scene.page.context.expect_page() as popup:
            form = fields | {"_xsrf": held["_xsrf"]}
            await scene.page.evaluate(FORM, [f"{scene.service}{scene.workshop}/{path}", form])
        opened = await popup.value
        await opened.wait_for_load_state()
        await opened.close()
    assert trail(scene.hub) == before


async def test_with_subdomains_nothing_passes(tmp_path, new_device) -> None:
    with real_hub(tmp_path, more=CONFIG + apart_hub.CONFIG, service_host=apart_hub.SERVICE) as hub:
        scene = await make_scene(hub, new_device, apart=True)
        message = ("PUT", f"{scene.service}api/v1/{scene.workshop}/message", {"message": "Hola"})
        before = trail(hub)
        for name, attack in {**scene.asking(), "message": message}.items():
            found = await scene.from_window(scene.page, *attack)
            assert found["status"] == 0, (name, found)
        assert trail(hub) == before
        await try_everything(scene, apart=True)
        await plant_own_session(scene, new_device, domain=apart_hub.HOST)

        # From the service's own page, the same passes: she has just signed in.
        await scene.champion.context.clear_cookies(name="_xsrf")
        await scene.champion.context.clear_cookies(name=SESSION)
        await scene.prove()
        passed = {
            name: (await scene.from_window(scene.champion, *attack))["status"]
            for name, attack in {**scene.asking(), "message": message}.items()
            if "/hub/" not in attack[1]
        }
        assert set(passed.values()) <= {200, 201, 409}, passed
        assert passed["erase me"] == 409, "the operator's file names her"
        assert len(trail(hub)) > len(before)


async def test_on_one_host_nothing_passes_that_asks_again(tmp_path, new_device) -> None:
    with real_hub(tmp_path, more=CONFIG) as hub:
        scene = await make_scene(hub, new_device, apart=False)
        await scene.wait_a_quarter_of_an_hour()
        before = trail(hub)
        for name, attack in scene.asking().items():
            found = await scene.from_window(scene.page, *attack)
            assert found["status"] == 403, (name, found)
            assert scene.opened.learner_invite.code not in found["text"] + found["page"], name
        assert trail(hub) == before
        await try_everything(scene, apart=False)
        await plant_own_session(scene, new_device, domain="")

        # The window is no empty threat: what does not ask again passes, and all else does after she
        # has signed in. So people who do not trust each other need subdomains.
        for name in ("_xsrf", SESSION):
            await scene.champion.context.clear_cookies(name=name)
        await scene.champion.goto(scene.service)
        message = ("PUT", f"{scene.service}api/v1/{scene.workshop}/message", {"message": "Hola"})
        found = await scene.from_window(scene.page, *message)
        assert found["status"] == 200, found
        await scene.prove()
        passed = {
            name: (await scene.from_window(scene.page, *attack))["status"]
            for name, attack in scene.asking().items()
        }
        assert set(passed.values()) <= {200, 201, 409}, passed
        assert len(trail(hub)) > len(before) + 1
