"""One visit of a browser that was never here: what came over the wire, and how soon it is of use."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, CDPSession

# A weak connection, as a browser's developer tools know it: each answer begins `latency` later.
# What connecting costs (DNS, TCP, TLS) is not in it.
WEAK = {
    "offline": False,
    "latency": 400,  # ms
    "downloadThroughput": 400_000 / 8,  # bytes a second
    "uploadThroughput": 400_000 / 8,
}
PHONE = {"width": 360, "height": 740}
PATIENCE = 90_000  # ms

PAINTED = """() => new Promise((tell) => {
  new PerformanceObserver((list) => {
    const [paint] = list.getEntriesByName("first-contentful-paint");
    if (paint) tell(paint.startTime / 1000);
  }).observe({ type: "paint", buffered: true });
})"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as a stranger meets it, and the field that it is there for."""

    name: str
    url: str
    field: str  # CSS selector


@dataclass(slots=True)
class Answer:
    """What a server sent for one request."""

    url: str
    kind: str = ""  # the browser's word (Document, Stylesheet, Script, …), or Redirect
    encoding: str = ""
    size: int = 0  # bytes on the wire, headers and body


@dataclass(slots=True)
class Visit:
    page: str
    answers: list[Answer] = field(default_factory=list)
    language: str = ""
    usable: float = 0.0  # seconds until the field has taken what was typed, and is painted
    painted: float = 0.0  # seconds until the first contentful paint

    @property
    def size(self) -> int:
        return sum(answer.size for answer in self.answers)

    def size_of(self, *kinds: str) -> int:
        return sum(answer.size for answer in self.answers if answer.kind in kinds)


async def visit(browser: Browser, page: Page, *, weak: bool = False) -> Visit:
    """Opens the page with nothing cached, and types into its field as soon as that is possible."""
    context = await browser.new_context(locale="es-PE", viewport=PHONE)
    context.set_default_timeout(PATIENCE)
    try:
        tab = await context.new_page()
        wire = await context.new_cdp_session(tab)
        seen = Visit(page.name)
        _listen(wire, seen)
        await wire.send("Network.enable")
        if weak:
            await wire.send("Network.emulateNetworkConditions", WEAK)
        begun = time.perf_counter()
        await tab.goto(page.url, wait_until="commit")
        await tab.locator(page.field).fill("Inti")
        seen.painted = await tab.evaluate(PAINTED)
        seen.usable = time.perf_counter() - begun
        seen.language = await tab.locator("html").get_attribute("lang") or ""
        await tab.wait_for_load_state("networkidle")
        return seen
    finally:
        await context.close()


def _listen(wire: CDPSession, seen: Visit) -> None:
    """Writes down what the browser is sent: redirects and the tab's icon too."""
    coming: dict[str, Answer] = {}

    def asked(event: dict[str, Any]) -> None:
        key, url = event["requestId"], event["request"]["url"]
        if "redirectResponse" in event:
            redirect = coming.pop(key)
            redirect.kind, redirect.size = (
                "Redirect",
                event["redirectResponse"]["encodedDataLength"],
            )
            seen.answers.append(redirect)
        if not url.startswith("data:"):
            coming[key] = Answer(url)

    def answered(event: dict[str, Any]) -> None:
        if answer := coming.get(event["requestId"]):
            headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
            answer.kind, answer.encoding = event["type"], headers.get("content-encoding", "")

    def ended(event: dict[str, Any]) -> None:
        if answer := coming.pop(event["requestId"], None):
            answer.size = int(event["encodedDataLength"])
            seen.answers.append(answer)

    wire.on("Network.requestWillBeSent", asked)
    wire.on("Network.responseReceived", answered)
    wire.on("Network.loadingFinished", ended)
