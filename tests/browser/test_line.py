"""A class of 150 clicks at once where 20 may start: one of them in a real browser."""

from __future__ import annotations

import asyncio
import re

import pytest
from crowds import COMMUNITIES, COOKIE, all_start, gather, instant_servers, lost
from hubs import real_hub

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
        seen = [place]
        while "/communities/line/" in page.url:
            await page.wait_for_event("load", timeout=30_000)
            if "/communities/line/" in page.url:
                seen.append(int(await page.locator("#place").inner_text()))
        assert seen == sorted(seen, reverse=True), "nobody overtakes"
        await page.wait_for_url(re.compile(f"/user/{me.username}/"), timeout=30_000)
        await crowd
        assert lost(hub, [*others, me]) == []
        assert {status for one in others for status in one.statuses} <= {200, 302, 303}
        assert sum(one.waited for one in others) >= 100
