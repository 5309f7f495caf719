"""A person's way through a real provider, in a real browser."""

from __future__ import annotations

import pytest
from hubs import real_hub
from playwright.async_api import expect
from upstreams.glewlwyd import glewlwyd

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with glewlwyd(tmp_path_factory.mktemp("glewlwyd")) as provider:
        yield provider


@pytest.fixture(scope="module")
def hub(provider, tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("hub"), more=provider.hub_config()) as hub:
        provider.add_client(hub.url)
        yield hub


async def test_a_person_signs_in_through_a_provider_and_comes_again(
    hub, provider, new_device
) -> None:
    provider.add_user("maria", groups=["/research/peru/team"])
    page = await new_device("es-PE")
    for _ in range(2):
        await page.goto(f"{hub.url}/hub/login?next=/hub/home")
        await page.get_by_role("button", name="OAuth 2.0").click()
        await page.wait_for_url(f"{provider.url}/login.html**")
        await provider.sign_in_on_page(page, "maria")
        await page.wait_for_url(f"{hub.url}/hub/home")
        assert hub.user("maria")["kind"] == "user"
        await page.goto(f"{hub.url}/hub/logout")
        await expect(page.get_by_role("button", name="OAuth 2.0")).to_be_visible()
