"""What scripts add to a workshop's form and page: an answer while one types, and the reader's own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests
from browsing import sign_in
from playwright.async_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def champion_at(demo, new_device):
    async def champion_at(**more):
        page = await new_device("es-PE", **more)
        await sign_in(page, demo.hub, demo.champion("andes")["return_key"])
        return page

    return champion_at


async def test_whether_servers_can_be_kept_is_told_while_typing(demo, champion_at) -> None:
    page = await champion_at()
    await page.goto(f"{demo.facts['service_url']}communities/andes/workshops/new")
    told = page.locator("#reserved_check")
    await expect(told).to_be_empty()
    day = (datetime.now(UTC) + timedelta(days=900)).date().isoformat()
    await page.locator("[name=day_0]").fill(day)
    await page.locator("#profile").select_option("small")
    await page.locator("#seats").fill("500")
    await page.locator("#reserved").check()
    await expect(told).to_contain_text("puede reservar")
    await page.locator("#seats").fill("1")
    await expect(told).to_contain_text("Reservado para cada sesión: 1 servidor")
    await page.locator("#reserved").uncheck()
    await expect(told).to_be_empty()


async def test_who_reads_far_away_sees_their_own_time_too(demo, champion_at) -> None:
    champion = demo.champion("andes")
    opened = requests.post(
        f"{demo.facts['api_url']}communities/andes/workshops",
        headers={"Authorization": f"token {champion['api_token']}"},
        json={
            "title": "Horas",
            "language": "es",
            "zone": "America/Lima",
            "sessions": [
                {"starts_at": "2031-03-03T09:00:00-05:00", "ends_at": "2031-03-03T12:00:00-05:00"}
            ],
        },
        timeout=60,
    ).json()
    address = f"{demo.facts['service_url']}communities/andes/workshops/{opened['slug']}"
    near = await champion_at(timezone_id="America/Bogota")
    await near.goto(address)
    await expect(near.locator(".times").first).to_contain_text("9:00")
    await expect(near.locator(".here")).to_have_count(0)
    far = await champion_at(timezone_id="Africa/Nairobi")
    await far.goto(address)
    await expect(far.locator(".here")).to_have_text("Tu hora: 3 mar 2031, 17:00–20:00")
