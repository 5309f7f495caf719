"""The board in a real browser: it follows what happens, and leaves the reader where they are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from browsing import sign_in
from hubs import Browser, text_of, xsrf_in
from playwright.async_api import expect

pytestmark = pytest.mark.browser

WORKSHOP = "primeros-pasos-con-python"


async def test_a_raised_hand_appears_by_itself_and_the_learner_reads_who_comes(
    demo, new_device
) -> None:
    page = await new_device("es-CO")
    await sign_in(page, demo.hub, demo.champion("andes")["return_key"])
    at = f"{demo.facts['service_url']}communities/andes/workshops/{WORKSHOP}"
    await page.goto(at)

    learner = Browser(SimpleNamespace(url=demo.hub.removesuffix("/hub/")), "es-CO")
    learner.join(demo.code("es"), "Sami Yupanqui", action="new")
    learner.keep_key(allow_redirects=False)
    link = page.get_by_role("link", name="Sami Yupanqui")
    await expect(link).to_be_visible(timeout=15_000)
    await link.focus()
    await page.evaluate("window.isTheSamePage = true")

    mine = at.removeprefix(demo.hub.removesuffix("/hub/"))
    form = {"_xsrf": xsrf_in(learner.get(mine)), "action": "raise", "question": "¿Y el mapa?"}
    learner.post(f"{mine}/help", form)
    hand = page.locator("#hands form", has_text="¿Y el mapa?")
    await expect(hand).to_be_visible(timeout=15_000)
    assert await page.evaluate("window.isTheSamePage"), "nobody loaded it again"
    await expect(link).to_be_focused()
    await hand.get_by_role("button", name="Voy yo").click()
    await expect(page.locator("#hands")).to_contain_text("viene en camino")
    assert "viene en camino" in text_of(learner.get(mine))
