"""Walks the stops of a hub: each person in a browser of their own, each page in every language."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

from tools import CHROMIUM_FLAGS, need_chromium

from .looking import HEIGHT, Seen, look, read
from .visits import LANGUAGES, Stop, Visit, World, bring_cookies, speak

LOOKED_AT = ("es", "ar")  # closely: edges, colours, targets
AT_ONCE = 3  # browsers
MOST_STOPS = 8  # of one browser: who has many pages to see is there several times at once
LATELY = ("helper", "champion", "operator")  # whose pages ask for a sign-in not long ago
PICTURED = (1280, 360)


def walk(stops: Iterable[Stop], world: World) -> list[Seen]:
    return asyncio.run(_walk(list(stops), world))


async def _walk(stops: list[Stop], world: World) -> list[Seen]:
    turns = asyncio.Semaphore(AT_ONCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need_chromium(), args=CHROMIUM_FLAGS
        )
        people = [list(their) for _, their in groupby(stops, key=lambda stop: stop.who)]
        walks = [
            their[at : at + MOST_STOPS]
            for their in people
            for at in range(0, len(their), MOST_STOPS)
        ]
        seen = await asyncio.gather(*(_walk_as(browser, each, world, turns) for each in walks))
        await browser.close()
    return [each for their in seen for each in their]


async def _walk_as(
    browser: Browser, stops: list[Stop], world: World, turns: asyncio.Semaphore
) -> list[Seen]:
    async with turns:
        context = await browser.new_context(
            locale="en-US",
            viewport={"width": PICTURED[0], "height": HEIGHT},
            reduced_motion="reduce",  # no colour is measured on its way to another one
        )
        context.set_default_timeout(45_000)
        page = await context.new_page()
        if stops[0].who in LATELY and stops[0].who in world.keys:
            world.sign_in(stops[0].who, world.keys[stops[0].who])
        if stops[0].who in world.people:
            await bring_cookies(page, world.people[stops[0].who])
        seen = [await _visit(page, stop, tag, world) for stop in stops for tag in LANGUAGES]
        await context.close()
    return seen


async def _visit(page: Page, stop: Stop, tag: str, world: World) -> Seen:
    await speak(page, tag, world)
    visit = Visit(page, world, tag)
    try:
        await stop.go(visit)
    except Exception as error:
        error.add_note(f"at the stop “{stop.name}”, in {tag}: {page.url}")
        raise
    seen = await read(page, stop.name, tag, visit.status)
    if tag in LOOKED_AT:
        await _look_until_it_stays(page, seen, world)
        await _take_pictures(page, stop.name, tag)
    return seen


async def _look_until_it_stays(page: Page, seen: Seen, world: World) -> None:
    """Again where the page has loaded itself meanwhile, as those do where somebody waits."""
    for is_last in (False, False, True):
        try:
            await look(page, seen, sorted(world.secrets))
            return
        except PlaywrightError as error:
            if is_last or "Execution context was destroyed" not in str(error):
                raise


# Pictures, for people to look at


async def _take_pictures(page: Page, name: str, tag: str) -> None:
    """Only where PICTURES names a folder. The second language is put beside the first."""
    if not (folder := os.environ.get("PICTURES")):
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    for width in PICTURED:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        picture = Path(folder) / f"{name.replace(': ', '-').replace(' ', '-')}-{width}.png"
        taken = await page.screenshot(full_page=True)
        if tag == LOOKED_AT[0]:
            picture.write_bytes(taken)
        else:
            await _put_beside(page, picture, taken)
    await page.set_viewport_size({"width": PICTURED[0], "height": HEIGHT})


async def _put_beside(page: Page, picture: Path, second: bytes) -> None:
    both = [base64.b64encode(each).decode() for each in (picture.read_bytes(), second)]
    sheet = await page.context.new_page()
    images = "".join(f'<img src="data:image/png;base64,{each}">' for each in both)
    await sheet.set_content(
        f'<div style="display: inline-flex; align-items: start; gap: 20px; background: #888">{images}</div>'
    )
    await sheet.locator("div").screenshot(path=picture)
    await sheet.close()
