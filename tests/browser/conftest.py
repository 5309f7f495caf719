"""A real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tools import CHROMIUM_FLAGS, need_chromium

# Five seconds are few for JupyterLab on a machine that does much else.
expect.set_options(timeout=45_000)


@pytest.fixture
async def browser():
    path = need_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def new_device(browser):
    """A browser of its own: a phone unless told otherwise."""

    async def new_device(locale: str = "en-US", *, width: int = 360, **more):
        context = await browser.new_context(
            locale=locale, viewport={"width": width, "height": 740}, **more
        )
        context.set_default_timeout(45_000)
        return await context.new_page()

    return new_device


@pytest.fixture
def picture(request):
    """Keeps screenshots where PICTURES says, for looking at them; nowhere by default."""
    import os

    folder = os.environ.get("PICTURES")

    async def picture(page, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    return picture
