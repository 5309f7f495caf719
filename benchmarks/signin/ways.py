"""The ways of signing in, as a browser goes them: the form, its POST, redirects to the end."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import ClientSession, ClientTimeout, CookieJar

PASSWORD = "one password for everybody"  # NativeAuthenticator's and Dummy's, long enough for both


class SignInFailed(Exception):
    """The way did not end where it should."""


@dataclass(frozen=True, slots=True)
class Person:
    """What one learner types."""

    name: str
    code: str = ""  # invite code
    key: str = ""  # return key


@dataclass(frozen=True, slots=True)
class Page:
    """Where a way led: its last address and what stands there."""

    path: str
    status: int
    text: str

    def field(self, name: str) -> str:
        found = re.search(rf'name="{name}"\s+value="([^"]*)"', self.text)
        if found is None:
            raise SignInFailed(f"no field {name} on {self.path} ({self.status})")
        return found[1]

    def must_be(self, path: str) -> Page:
        if self.status != 200 or self.path != path:
            raise SignInFailed(f"ended on {self.path} ({self.status}) instead of {path}")
        return self


class Device:
    """One browser: cookies and connections of its own."""

    def __init__(self, session: ClientSession, url: str):
        self._session = session
        self._url = url

    async def get(self, path: str, **arguments: str) -> Page:
        return await self._ask("GET", path, params=arguments)

    async def post(self, path: str, *, follow: bool = True, **fields: str) -> Page:
        return await self._ask("POST", path, data=fields, allow_redirects=follow)

    async def _ask(self, method: str, path: str, **more: object) -> Page:
        async with self._session.request(method, self._url + path, **more) as answer:
            return Page(answer.url.path, answer.status, await answer.text())


def new_session() -> ClientSession:
    return ClientSession(
        timeout=ClientTimeout(total=120),
        cookie_jar=CookieJar(unsafe=True),  # 127.0.0.1 is an address, not a name
        headers={
            "Accept-Language": "es-PE,es;q=0.9",
            "Sec-Fetch-Mode": "navigate",
            "User-Agent": "benchmark",
        },
    )


async def by_password(device: Device, person: Person) -> str:
    """Dummy, shared and native: the Hub's own login form."""
    form = await device.get("/hub/login")
    page = await device.post(
        "/hub/login", _xsrf=form.field("_xsrf"), username=person.name, password=PASSWORD
    )
    page.must_be("/hub/home")
    return ""


async def by_sign_up(device: Device, person: Person) -> str:
    """NativeAuthenticator: an account is made first."""
    form = await device.get("/hub/signup")
    await device.post(
        "/hub/signup",
        _xsrf=form.field("_xsrf"),
        username=person.name,
        signup_password=PASSWORD,
        signup_password_confirmation=PASSWORD,
    )
    return await by_password(device, person)


async def by_code(device: Device, person: Person) -> str:
    """This package: an invite code and a name, to the return key."""
    form = await device.get("/hub/join", code=person.code)
    page = await device.post(
        "/hub/join", attempt=form.field("attempt"), action="join", name=person.name
    )
    found = re.search(r'id="return-key"[^>]*>([^<]+)', page.must_be("/hub/welcome").text)
    if found is None:
        raise SignInFailed("no return key on the welcome page")
    return found[1].strip()


async def by_key(device: Device, person: Person) -> str:
    """This package: a return key that was kept before."""
    form = await device.get("/hub/login")
    page = await device.post("/hub/login", attempt=form.field("attempt"), return_key=person.key)
    page.must_be("/hub/home")
    return ""


async def by_code_and_confirm(device: Device, person: Person) -> str:
    """Preparation: joins, and confirms the key as kept. Not measured."""
    key = await by_code(device, person)
    form = await device.get("/hub/welcome")
    await device.post("/hub/welcome", follow=False, _xsrf=form.field("_xsrf"))
    return key


Way = Callable[[Device, Person], Awaitable[str]]
WAYS: dict[str, Way] = {
    way.__name__: way for way in (by_password, by_sign_up, by_code, by_key, by_code_and_confirm)
}
