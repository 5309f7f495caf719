"""A flood of wrong codes, as a process of its own: `flood.py URL many|one|none|fresh WORKERS`.

Every code has a right check letter, so that each reaches the budget. Ends with its standard input,
and prints how often it got which status.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
from collections import Counter
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.domain.codes import INVITE_CODE

PAUSE = 1.0  # seconds of one worker between two attempts


class Device:
    """What one cookie jar holds."""

    attempt = cookie = ""

    async def prepare(self, http: AsyncHTTPClient, url: str) -> None:
        page = await http.fetch(f"{url}/hub/login")
        cookies = page.headers.get_list("Set-Cookie")
        self.cookie = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        self.attempt = re.search(r'name="attempt" value="([^"]+)"', page.body.decode())[1]


async def work(http: AsyncHTTPClient, url: str, device: Device, is_fresh: bool, seen) -> None:
    while True:
        if is_fresh:
            await device.prepare(http, url)
        code = INVITE_CODE.draw(secrets.choice)
        answer = await http.fetch(
            f"{url}/hub/join",
            method="POST",
            headers={"Cookie": device.cookie},
            body=urlencode({"action": "look", "code": code, "attempt": device.attempt}),
            raise_error=False,
            follow_redirects=False,
            request_timeout=60,
        )
        seen[answer.code] += 1
        await asyncio.sleep(PAUSE)


async def main(url: str, mode: str, workers: int) -> None:
    http = AsyncHTTPClient(max_clients=workers)
    devices = [Device() for _ in range(workers if mode in ("many", "fresh") else 1)]
    if mode != "none":
        await asyncio.gather(*(device.prepare(http, url) for device in devices))
    seen: Counter[int] = Counter()
    tasks = [
        asyncio.create_task(work(http, url, devices[n % len(devices)], mode == "fresh", seen))
        for n in range(workers)
    ]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
