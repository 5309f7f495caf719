"""A lost key with three browsers at once, and what is left open in the others, with a real lab."""

from __future__ import annotations

import asyncio
import os
import re
import struct
import time
from pathlib import Path

import pytest
import requests
from browsing import sign_in
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def join(page, demo, code, name, *, shared=False) -> str:
    await page.goto(f"{demo.hub}join?code={code}")
    await page.get_by_label("Tu nombre").fill(name)
    if shared:
        await page.get_by_label("Este dispositivo es compartido").check()
    await page.get_by_role("button", name="Unirme", exact=True).click()
    return (await page.locator("#return-key").inner_text()).strip()


async def open_lab(page) -> None:
    await page.get_by_role("button", name="Ya guardé mi clave").click()
    await page.wait_for_url(re.compile("/user/.*/lab"), timeout=90_000)
    await expect(page.locator("#jp-top-panel")).to_be_visible(timeout=60_000)


async def ask(page, demo) -> str:
    await page.goto(f"{demo.hub}login")
    await page.get_by_role("link", name="Perdí mi clave").click()
    await page.get_by_role("button", name="Mostrarme un número").click()
    return await page.locator("#number").inner_text()


def helper_code(demo, workshop) -> str:
    champion = demo.champion("andes")
    answer = requests.post(
        f"{demo.facts['api_url']}communities/andes/invites",
        json={"role": "helper", "workshop": workshop, "seats": 5},
        headers={"Authorization": f"token {champion['api_token']}"},
        timeout=30,
    )
    return answer.json()["code"]


async def contents_status(page) -> int:
    """What the lab's own page gets when it asks its server."""
    return await page.evaluate(
        """async () => {
            const address = location.pathname.split("/lab")[0] + "/api/contents";
            const xsrf = document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? "";
            return (await fetch(address, {headers: {"X-XSRFToken": xsrf}})).status;
        }"""
    )


async def test_a_learner_a_helper_and_a_champion(demo, new_device, picture) -> None:
    workshop = "primeros-pasos-con-python"
    service = demo.facts["service_url"]
    old = await new_device("es-PE", width=1280)
    old_key = await join(old, demo, demo.code("es"), "Wayra Mamani")
    await open_lab(old)
    assert await contents_status(old) == 200

    # The helper has lost theirs, too: that one is for the champion.
    champion = await new_device("es-PE", width=1280)
    await sign_in(champion, demo.hub, demo.champion("andes")["return_key"])
    helper = await new_device("es-PE", width=1280)
    first = await new_device("es-PE")
    await join(first, demo, helper_code(demo, workshop), "Hugo Condori")
    number = await ask(helper, demo)
    await champion.goto(f"{service}communities/andes")
    await picture(champion, "keys-champion-1-community")
    await champion.get_by_role("link", name="Alguien perdió su clave").click()
    hugo = champion.locator("option", has_text="Hugo Condori").last
    await champion.get_by_label("¿Quién es?").select_option(await hugo.get_attribute("value"))
    await champion.get_by_label("El número que ve").fill(number)
    await champion.get_by_role("button", name="Aprobar una clave nueva").click()
    await expect(champion.get_by_text("Listo. Hugo Condori")).to_be_visible()
    await picture(champion, "keys-champion-2-approved")
    await helper.get_by_role("button", name="Entrar como Hugo Condori").click(timeout=20_000)
    await helper.get_by_role("button", name="Ya guardé mi clave").click()
    await helper.wait_for_url(re.compile("/hub/|/user/"))

    # The learner on a phone, and the helper.
    phone = await new_device("es-PE", accept_downloads=True)
    await phone.goto(f"{demo.hub}login")
    await phone.get_by_role("link", name="Perdí mi clave").click()
    await picture(phone, "keys-learner-1-lost")
    await phone.get_by_role("button", name="Mostrarme un número").click()
    number = await phone.locator("#number").inner_text()
    await picture(phone, "keys-learner-2-number")

    await helper.goto(f"{service}communities/andes/workshops/{workshop}")
    await helper.get_by_role("link", name="Alguien perdió su clave").click()
    wayra = helper.locator("option", has_text="Wayra Mamani").last
    await helper.get_by_label("¿Quién es?").select_option(await wayra.get_attribute("value"))
    wrong = f"{(int(number.replace(' ', '')) + 1) % 1_000_000:06}"
    await helper.get_by_label("El número que ve").fill(wrong)
    await helper.get_by_role("button", name="Aprobar una clave nueva").click()
    await expect(helper.get_by_text("Este número está mal")).to_be_visible()
    await picture(helper, "keys-helper-1-wrong")
    await helper.get_by_label("El número que ve").fill(number)
    await helper.get_by_role("button", name="Aprobar una clave nueva").click()
    await expect(helper.get_by_text("Listo. Wayra Mamani")).to_be_visible()

    button = phone.get_by_role("button", name="Entrar como Wayra Mamani")
    await expect(button).to_be_visible(timeout=20_000)  # it asks again by itself
    await picture(phone, "keys-learner-3-approved")
    await button.click()
    new_key = (await phone.locator("#return-key").inner_text()).strip()
    assert new_key != old_key
    await expect(phone.get_by_text("Hugo Condori aprobó esta clave nueva.")).to_be_visible()
    await picture(phone, "keys-learner-4-welcome")
    async with phone.expect_download() as saving:
        await phone.get_by_role("button", name="Guardar como imagen").click()
    saved = (await (await saving.value).path()).read_bytes()
    assert saved.startswith(b"\x89PNG")
    assert struct.unpack(">II", saved[16:24]) == (1080, 560)
    await expect(phone.locator("#key-picture img")).to_be_visible()
    await picture(phone, "keys-learner-5-picture")
    for paper in ("A4", "Letter"):
        printed = await phone.pdf(format=paper, prefer_css_page_size=False)
        assert len(re.findall(rb"/Type /Page\b", printed)) == 1, f"one page of {paper}"
        if folder := os.environ.get("PICTURES"):
            (Path(folder) / f"keys-learner-6-{paper}.pdf").write_bytes(printed)

    assert await contents_status(old) == 200, "nothing has ended before the new key is kept"
    await open_lab(phone)
    kept_at = time.monotonic()
    while await contents_status(old) == 200:
        assert time.monotonic() - kept_at < 60, "the lab still believes the old token"
        await asyncio.sleep(2)
    await old.reload()
    assert "/hub/login" in old.url
    assert await contents_status(phone) == 200
    await phone.goto(f"{demo.hub}home")
    await expect(phone.get_by_text("Hugo Condori te aprobó una nueva clave")).to_be_visible()
    await picture(phone, "keys-learner-7-home")
    await phone.goto(service)
    await picture(phone, "keys-learner-8-service")
    await phone.get_by_role("button", name="Ya lo leí").click()
    await expect(phone.get_by_role("button", name="Ya lo leí")).to_have_count(0)
    await phone.goto(f"{demo.hub}home")
    await expect(phone.get_by_role("button", name="Ya lo leí")).to_have_count(0)
    await phone.locator("#stop").click()
    await expect(phone.locator("#stop")).to_be_hidden(timeout=60_000)


async def test_without_scripts_the_page_asks_again_and_says_what_to_do(
    demo, new_device, picture
) -> None:
    page = await new_device("pt-BR", java_script_enabled=False)
    await page.goto(f"{demo.hub}join?code={demo.code('pt-BR')}")
    await page.get_by_label("Seu nome").fill("Iracema")
    await page.get_by_role("button", name="Participar", exact=True).click()
    await expect(page.get_by_text("tire uma foto ou anote")).to_be_visible()
    await expect(page.get_by_role("button", name="Copiar")).to_be_hidden()
    await picture(page, "keys-without-scripts-1-welcome")
    username = re.search(r"iracema-\w+", await page.content())[0]

    other = await new_device("pt-BR", java_script_enabled=False)
    await other.goto(f"{demo.hub}lost-key")
    await other.get_by_role("button", name="Mostrar um número").click()
    number = await other.locator("#number").inner_text()
    champion = demo.champion("cerrado")
    answer = requests.post(
        f"{demo.facts['api_url']}communities/cerrado/keys",
        json={"username": username, "number": number},
        headers={"Authorization": f"token {champion['api_token']}"},
        timeout=30,
    )
    assert answer.ok, answer.text
    button = other.get_by_role("button", name="Entrar como Iracema")
    await expect(button).to_be_visible(timeout=20_000)
    await button.click()
    await expect(other.locator("#return-key")).to_be_visible()
    await other.get_by_role("link", name="Sair").click()
    await other.goto(f"{demo.hub}lost-key")
    await expect(other.get_by_role("button", name="Mostrar um número")).to_be_visible()


async def test_after_sign_out_back_opens_nothing(demo, new_device, picture) -> None:
    page = await new_device("es-PE")
    key = await join(page, demo, demo.code("es"), "Killa Puma", shared=True)
    await open_lab(page)
    lab = page.url
    await page.goto(f"{demo.hub}home")
    await expect(page.locator("#stop")).to_be_visible()
    await page.get_by_role("link", name="Salir").click()
    await page.wait_for_url(f"{demo.hub}login")
    for _ in range(5):
        await page.go_back()
        await page.wait_for_load_state()
        if "/user/" in page.url:  # the lab's frame, from the browser's cache: nothing fills it
            assert await contents_status(page) != 200
            await asyncio.sleep(3)
            assert await page.get_by_role("tab").count() == 0, page.url
        assert key not in await page.content(), page.url
        assert await page.get_by_text("Killa Puma").count() == 0, page.url
    for address in (
        lab,
        f"{demo.hub}welcome",
        f"{demo.hub}home",
        lab.split("/lab")[0] + "/api/contents",
    ):
        answer = await page.goto(address)
        assert "/hub/login" in page.url or answer.status == 403, address
    await page.goto(f"{demo.hub}join?code={demo.code('es')}")
    await expect(page.get_by_text("Continuar como")).to_have_count(0)

    await sign_in(page, demo.hub, key)
    await page.goto(f"{demo.hub}home")
    await page.locator("#stop").click()
    await expect(page.locator("#stop")).to_be_hidden(timeout=60_000)
