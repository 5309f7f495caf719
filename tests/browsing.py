"""What people do again and again in a real browser."""

from __future__ import annotations

from playwright.async_api import Page


async def sign_in(page: Page, hub: str, key: str) -> None:
    """With a return key, at the login page of the hub whose address (`…/hub/`) this is."""
    await page.goto(f"{hub}login")
    field = page.locator("#return_key")
    await field.fill(key)
    await page.locator("form", has=field).get_by_role("button").click()
    await page.wait_for_load_state()
