"""JupyterLab speaks the language of the hub's pages, until the person chooses another one there."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


def menu(page, name: str):
    return page.get_by_role("menuitem", name=name, exact=True)


async def stop(page) -> None:
    """A lab whose kernel is just starting takes up to a minute to end; the page shows it meanwhile."""
    await page.locator("#stop").click()
    for _ in range(60):
        await page.wait_for_load_state()
        if await page.locator("#stop").is_hidden():
            return
        await page.wait_for_timeout(2000)
        await page.reload()
    raise AssertionError("the server did not stop")


async def test_what_the_person_chooses_in_jupyterlab_wins_and_stays(
    demo, new_device, picture
) -> None:
    page = await new_device("es-PE", width=1280)
    await page.goto(f"{demo.hub}join?code={demo.code('es')}")
    await page.get_by_label("Tu nombre").fill("Sisa")
    await page.get_by_role("button", name="Unirme", exact=True).click()
    await page.get_by_role("button", name=re.compile("Ya guardé")).click()
    await page.wait_for_url(re.compile("/user/.*leccion.ipynb"), timeout=90_000)
    await expect(menu(page, "Archivo")).to_be_visible(timeout=60_000)

    await menu(page, "Configuración").click()
    await page.locator(".lm-Menu-item", has_text="Idioma").click()
    await page.locator(".lm-Menu-item", has_text="French (France)").click()
    await page.locator(".jp-Dialog button.jp-mod-accept").click()
    await expect(menu(page, "Fichier")).to_be_visible(timeout=60_000)
    await picture(page, "lab-own-choice")

    # A new server, started from pages in Spanish, keeps it.
    await page.goto(f"{demo.hub}home")
    await stop(page)
    await page.locator("#start").click()
    await page.wait_for_url(re.compile("/user/|/hub/spawn"), timeout=90_000)
    if "/hub/spawn" in page.url and "pending" not in page.url:
        await page.locator("form [type=submit]").last.click()
    await page.wait_for_url(re.compile("/user/"), timeout=90_000)
    await expect(menu(page, "Fichier")).to_be_visible(timeout=60_000)
    await page.goto(f"{demo.hub}home")
    assert await page.locator("html").get_attribute("lang") == "es"
    await stop(page)
