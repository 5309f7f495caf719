"""What the tour is made of: a hub with people on it, their visits, and stops.

A stop brings a page before a person's eyes, as often as one likes: it changes nothing that another
stop shows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from hubs import Browser, attempt_in
from playwright.async_api import Page

LANGUAGES = ("en", "es", "pt-BR", "fr", "ar", "sw")


@dataclass
class World:
    """One hub, who is on it, and what must not be taken for a word of its pages."""

    hub: str
    service: str
    people: dict[str, Browser] = field(default_factory=dict)  # who has a device already
    links: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)  # codes, keys, numbers and usernames
    facts: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)  # with which people can sign in again

    def new_device(self) -> Browser:
        return Browser(SimpleNamespace(url=self.hub.removesuffix("/hub/")), "en-US")

    def join(self, who: str, code: str, name: str, *, keeps_key: bool = True) -> str:
        """Somebody new, whose device is `who`. The username."""
        device = self.people[who] = self.new_device()
        key = device.join(code, name, action="new")
        self.secrets.add(key)
        if keeps_key:
            device.keep_key(allow_redirects=False)
            self.keys[who] = key
        username = device.username()
        self.names.add(name)
        self.secrets.add(username)
        self.facts[who] = username
        return username

    def sign_in(self, who: str, key: str) -> None:
        device = self.people[who] = self.new_device()
        self.keys[who] = key
        form = {"attempt": attempt_in(device.get("/hub/login")), "return_key": key}
        device.post("/hub/login", form, allow_redirects=False)
        self.secrets.add(device.username())


@dataclass
class Visit:
    """A person's page, in one language."""

    page: Page
    world: World
    tag: str
    status: int = 200

    async def open(self, address: str) -> None:
        """An address below the hub's host, such as `/hub/login`."""
        root = self.world.hub.removesuffix("/hub/")
        answer = await self.page.goto(address if "://" in address else root + address)
        self.status = answer.status if answer else 200

    async def service(self, path: str = "") -> None:
        await self.open(self.world.service + path)

    async def workshop(self, path: str = "") -> None:
        await self.service(f"communities/andes/workshops/{self.world.facts['workshop']}{path}")

    async def room(self, tag: str, path: str = "") -> None:
        """Of the workshop that is held in this language."""
        await self.service(f"communities/andes/workshops/{self.world.facts[f'room {tag}']}{path}")

    async def send(self, field: str, *, action: str = "", **values: str) -> None:
        """Fills in the form that has the field, whatever its fields allow, and sends it."""
        async with self.page.expect_navigation() as navigation:
            await self.page.evaluate(
                """([field, action, values]) => {
                    const form = document.querySelector(field).closest("form");
                    form.noValidate = true;
                    for (const [name, value] of Object.entries(values)) {
                        const found = form.elements.namedItem(name);
                        const input = found instanceof RadioNodeList ? found[0] : found;
                        if (input.type === "radio") input.checked = true;
                        if (input.type === "number" || input.type?.startsWith("date")) input.type = "text";
                        input.value = value;
                    }
                    const button = action ? form.querySelector(`[value="${action}"]`) : null;
                    form.requestSubmit(button);
                }""",
                [field, action, values],
            )
        answer = await navigation.value
        self.status = answer.status if answer else 200

    async def become(self, who: str) -> None:
        await bring_cookies(self.page, self.world.people[who])


async def bring_cookies(page: Page, device: Browser) -> None:
    """The page's browser goes on as the device."""
    await page.context.clear_cookies()
    await page.context.add_cookies(
        [
            {"name": c.name, "value": c.value, "domain": "127.0.0.1", "path": c.path}
            for c in device.session.cookies
        ]
    )


async def speak(page: Page, tag: str, world: World) -> None:
    """From now on the reader has chosen this language."""
    for path in ("/hub/", "/services/communities/"):
        cookie = {"name": "communities-language", "value": tag, "path": path}
        await page.context.add_cookies([{**cookie, "domain": "127.0.0.1"}])


Go = Callable[[Visit], Awaitable[None]]


@dataclass(frozen=True)
class Stop:
    who: str
    name: str
    go: Go


def stop(who: str, *, on: list[Stop]) -> Callable[[Go], Go]:
    def keep(go: Go) -> Go:
        on.append(Stop(who, f"{who}: {go.__name__.replace('_', ' ')}", go))
        return go

    return keep
