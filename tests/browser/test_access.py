"""The learner's way without scripts, and with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from hubs import real_hub
from playwright.async_api import expect

pytestmark = pytest.mark.browser

ON_SERVER = re.compile(r"/user/[^/]+/")
NARROW, WIDE = 360, 1280

# What Tab should stop at: whatever can be used, in the order in which it stands on the page.
STOPS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter((e) => !e.disabled && e.checkVisibility())
  .filter((e) => e.type !== "radio" || e.checked)
  .map((e) => e.outerHTML)"""

# Where the focus is: the element, and whether a person sees that it is there.
FOCUS = """() => {
  const e = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(e);
  const { top, bottom, width, height } = e.getBoundingClientRect();
  return {
    html: e === document.body ? null : e.outerHTML,
    isSeen: outlineStyle === "solid" && parseFloat(outlineWidth) >= 2 && width > 1 && height > 1
      && bottom > 0 && top < innerHeight,
  };
}"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


async def tab_through(page) -> list[str]:
    """Presses Tab from the page's beginning to its end: each stop, on all of which focus is seen."""
    stops = []
    await page.evaluate("document.activeElement?.blur()")
    while True:
        await page.keyboard.press("Tab")
        focus = await page.evaluate(FOCUS)
        if focus["html"] is None or focus["html"] in stops[:1]:
            return stops
        assert focus["isSeen"], (page.url, focus["html"])
        stops.append(focus["html"])
        assert len(stops) < 100, "Tab is caught"


async def tab_to(page, target) -> None:
    for _ in range(60):
        if await target.evaluate("e => e === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {target}")


async def press(page, target, key: str = "Enter") -> None:
    await tab_to(page, target)
    await page.keyboard.press(key)


async def type_into(page, target, text: str) -> None:
    await tab_to(page, target)
    await page.keyboard.type(text)
    await page.keyboard.press("Enter")


async def test_without_scripts_a_learner_joins_starts_stops_and_comes_back(
    hub, new_device, picture
) -> None:
    page = await new_device("es-PE", java_script_enabled=False)
    await page.goto(f"{hub.url}/hub/login")
    await page.locator("#code").fill(hub.workshop("Sin guiones").learner_invite.code)
    await page.locator("form", has=page.locator("#code")).get_by_role("button").click()
    await page.get_by_label("Tu nombre").fill("Yaku")
    await page.get_by_role("button", name="Unirme", exact=True).click()
    key = await page.locator("#return-key").inner_text()
    await page.get_by_role("button", name=re.compile("Ya guardé")).click()
    await page.wait_for_url(ON_SERVER)

    await page.goto(f"{hub.url}/hub/home")
    await picture(page, "without-scripts-home")
    await page.get_by_role("button", name="Detener mi servidor").click()
    await page.get_by_role("button", name="Iniciar mi servidor").click()
    await page.get_by_label("Mediano").check()
    await page.get_by_role("button", name="Iniciar").click()
    await page.wait_for_url(ON_SERVER)
    await page.goto(f"{hub.url}/hub/home")
    await page.get_by_role("button", name="Detener mi servidor").click()

    await page.get_by_role("button", name="Iniciar mi servidor").click()
    await page.get_by_label("Colgado").check()
    await page.get_by_role("button", name="Iniciar").click()
    await page.wait_for_url("**/hub/spawn-pending/**")
    await picture(page, "without-scripts-starting")
    await page.get_by_role("button", name="Cancelar el inicio").click()
    await expect(page.get_by_role("button", name="Iniciar mi servidor")).to_be_visible()

    await page.get_by_role("link", name="Salir").click()
    await page.locator("#return_key").fill(key)
    await page.locator("form", has=page.locator("#return_key")).get_by_role("button").click()
    await page.goto(f"{hub.url}/hub/home")
    await expect(page.get_by_text("Yaku")).to_be_visible()


@pytest.mark.parametrize(("language", "width"), [("es", NARROW), ("ar", WIDE)])
async def test_tab_stops_at_every_control_in_order_and_the_focus_is_seen(
    hub, new_device, language, width
) -> None:
    page = await new_device("en", width=width)
    await page.goto(f"{hub.url}/hub/login")
    await page.locator(f"[hreflang={language}]").click()

    async def check() -> None:
        assert await page.locator("html").get_attribute("lang") == language
        assert await tab_through(page) == await page.evaluate(STOPS), page.url

    await check()
    await page.goto(f"{hub.url}/hub/join?code={hub.workshop('Teclas').learner_invite.code}")
    await check()
    await page.locator("#name").fill("Tika")
    await page.locator("[name=action][value=join]").click()
    await page.wait_for_url("**/hub/welcome")
    await check()
    await page.locator("form[action='/hub/welcome'] button").click()
    await page.wait_for_url(ON_SERVER)
    await page.goto(f"{hub.url}/hub/home")
    await check()
    await page.locator("#stop").click()
    await expect(page.locator("#stop")).to_have_count(0)
    await expect(page.locator("#start")).to_be_visible()
    await page.wait_for_load_state()  # it was drawn anew: until then nothing has the focus
    await check()
    await page.goto(f"{hub.url}/hub/spawn")
    await check()


async def test_with_the_keyboard_alone_a_learner_joins_starts_stops_and_comes_back(
    hub, new_device
) -> None:
    page = await new_device("es-PE", width=WIDE)
    await page.goto(f"{hub.url}/hub/login")
    await type_into(page, page.locator("#code"), hub.workshop("Teclado").learner_invite.code)
    await page.wait_for_url("**/hub/join")
    await type_into(page, page.locator("#name"), "Illari")
    await page.wait_for_url("**/hub/welcome")
    key = await page.locator("#return-key").inner_text()
    await press(page, page.get_by_role("button", name=re.compile("Ya guardé")))
    await page.wait_for_url(ON_SERVER)

    await page.goto(f"{hub.url}/hub/home")
    await press(page, page.get_by_role("button", name="Detener mi servidor"))
    await expect(page.locator("#stop")).to_have_count(0)
    await press(page, page.get_by_role("button", name="Iniciar mi servidor"))
    await page.wait_for_url("**/hub/spawn**")
    await press(page, page.locator("[type=radio]:checked"), "ArrowDown")
    await expect(page.get_by_label("Mediano")).to_be_checked()
    await press(page, page.get_by_role("button", name="Iniciar"))
    await page.wait_for_url(ON_SERVER)

    await page.goto(f"{hub.url}/hub/home")
    await press(page, page.get_by_role("link", name="Salir"))
    await page.wait_for_url("**/hub/login**")
    await type_into(page, page.locator("#return_key"), key)
    await page.wait_for_url(ON_SERVER)


@pytest.mark.parametrize("path", ["/hub/login", "/hub/nowhere"])
async def test_the_first_stop_leads_past_the_menu(hub, new_device, path) -> None:
    page = await new_device("es-PE")
    await page.goto(hub.url + path)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Ir al contenido")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('#main') !== null")


async def test_a_control_without_a_seen_focus_or_out_of_reach_is_found(hub, new_device) -> None:
    page = await new_device("es-PE")
    await page.goto(f"{hub.url}/hub/nowhere")
    assert await tab_through(page) == await page.evaluate(STOPS)
    await page.locator("main a").evaluate("e => e.tabIndex = -1")
    assert await tab_through(page) != await page.evaluate(STOPS)
    await page.add_style_tag(content=":focus-visible { outline: 0 !important; }")
    with pytest.raises(AssertionError):
        await tab_through(page)
