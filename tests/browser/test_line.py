"""A class of 150 clicks at once where 20 may start: one of them in a real browser."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import pytest
from crowds import COMMUNITIES, COOKIE, all_start, gather, instant_servers, lost
from hubs import real_hub
from playwright.async_api import Error, expect

pytestmark = pytest.mark.browser


async def test_one_of_150_sees_the_place_and_ends_in_the_server_without_a_click(
    tmp_path, new_device
) -> None:
    config = instant_servers() + "c.JupyterHub.concurrent_spawn_limit = 20\n"
    with real_hub(tmp_path, more=config, communities=COMMUNITIES) as hub:
        *others, me = gather(hub, hub.workshop("Clase", seats=200), 150, "clase")
        page = await new_device("es-PE")
        cookie = {"name": COOKIE, "value": me.device.session.cookies[COOKIE]}
        await page.context.add_cookies([{**cookie, "domain": "127.0.0.1", "path": "/hub/"}])
        await page.goto(f"{hub.url}/hub/home")
        crowd = asyncio.create_task(asyncio.to_thread(all_start, others))
        await asyncio.to_thread(others[-1].came.wait, 30)  # behind all others
        await page.goto(f"{hub.url}/hub/spawn", wait_until="commit")
        place = int(await page.locator("#place").inner_text())
        assert place > 20
        assert await page.evaluate("document.documentElement.scrollWidth <= 360")
        seen = [str(place)]
        while "/communities/line/" in page.url:
            await asyncio.sleep(0.3)
            with suppress(Error):  # while the page goes on to the next one
                seen.extend(await page.locator("#place").all_inner_texts())
        places = [int(one) for one in seen]
        assert places == sorted(places, reverse=True), "nobody overtakes"
        await page.wait_for_url(re.compile(f"/user/{me.username}/"), timeout=30_000)
        await crowd
        assert lost(hub, [*others, me]) == []
        assert {status for one in others for status in one.statuses} <= {200, 302, 303}
        assert sum(one.waited for one in others) >= 100


async def test_a_page_that_waits_goes_on_after_the_hub_was_down(tmp_path, new_device) -> None:
    """It asks in vain meanwhile, and the proxy answers for the hub."""
    communities = COMMUNITIES.replace("champions: [ana]", "champions: [ana], quota: {servers: 1}")
    with real_hub(tmp_path, more=instant_servers(0), communities=communities) as hub:
        first, me = gather(hub, hub.workshop("Dos"), 2, "dos")
        await asyncio.to_thread(first.start)
        page = await new_device("es-PE")
        cookie = {"name": COOKIE, "value": me.device.session.cookies[COOKIE]}
        await page.context.add_cookies([{**cookie, "domain": "127.0.0.1", "path": "/hub/"}])
        await page.clock.install()
        await page.goto(f"{hub.url}/hub/spawn")
        await expect(page.locator("#place")).to_have_text("1")
        await hang_once(page)
        hub.process.kill()
        hub.process.wait()
        async with page.expect_response(lambda answer: answer.status >= 500):
            pass
        await asyncio.to_thread(hub.start)
        await asyncio.to_thread(hub.api, "DELETE", f"/users/{first.username}/server")
        await page.wait_for_url(re.compile(f"/user/{me.username}/"), timeout=30_000)
        assert lost(hub, [me]) == []


async def hang_once(page) -> None:
    """A request that nobody answers, as on a weak connection; and long enough."""
    hangs = asyncio.Event()

    async def answer(route) -> None:
        if hangs.is_set():
            await route.continue_()
        hangs.set()

    await page.route("**/communities/line/**", answer)
    await asyncio.wait_for(hangs.wait(), 30)
    await page.clock.fast_forward(30_000)
