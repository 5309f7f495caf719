"""The Hub's page of tokens, in the person's language and with a script of ours."""

from __future__ import annotations

import pytest
import requests
from playwright.async_api import expect

pytestmark = pytest.mark.browser


def status_with(demo, token: str) -> int:
    headers = {"Authorization": f"token {token}"}
    return requests.get(f"{demo.hub}api/user", headers=headers, timeout=30).status_code


async def test_a_token_is_made_shown_once_and_revoked(demo, new_device) -> None:
    page = await new_device("es-PE")
    await page.goto(f"{demo.hub}join?code={demo.code('es')}")
    await page.get_by_label("Tu nombre").fill("Saywa")
    await page.get_by_role("button", name="Unirme", exact=True).click()
    await expect(page.locator("#return-key")).to_be_visible()

    await page.goto(f"{demo.hub}token")
    await page.get_by_label("¿Para qué es?").fill("Mapas")
    await page.get_by_label("Cuánto tiempo es válido").select_option("1 hora")
    await page.get_by_role("button", name="Crear un token").click()
    await expect(page.get_by_text("Copia el token ahora.")).to_be_visible()
    token = await page.locator("#token-result").inner_text()
    assert status_with(demo, token) == 200

    await page.reload()
    row = page.get_by_role("row", name="Mapas")
    await expect(row).to_be_visible()
    assert token not in await page.content()
    await row.get_by_role("button", name="Anular").click()
    await expect(row).to_have_count(0)
    assert status_with(demo, token) == 403


async def test_what_the_hub_refuses_is_said_on_the_button(demo, new_device) -> None:
    page = await new_device("es-PE")
    await page.goto(f"{demo.hub}join?code={demo.code('es')}")
    await page.get_by_label("Tu nombre").fill("Urpi")
    await page.get_by_role("button", name="Unirme", exact=True).click()
    await expect(page.locator("#return-key")).to_be_visible()

    await page.goto(f"{demo.hub}token")
    await page.get_by_label("Permisos").fill("admin:users")  # more than they have themselves
    await page.get_by_role("button", name="Crear un token").click()
    await expect(
        page.get_by_role("button", name="Esto no funcionó. Inténtalo de nuevo.")
    ).to_be_visible()
    await expect(page.locator("#token-made")).to_be_hidden()
