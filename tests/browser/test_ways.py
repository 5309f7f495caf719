"""The learner's and the champion's way, in a real browser against the real demo."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

WORDS = {
    "es": {
        "browser": "es-PE",
        "join": "Unirme",
        "name": "Tu nombre",
        "key": "Tu clave de regreso",
        "kept": "Ya guardé mi clave",
        "in_lab": ("menuitem", "Archivo"),
        "lesson": "leccion.ipynb",
        "sign_out": "Salir",
        "key_label": "Clave de regreso",
        "sign_in": "Entrar",
    },
    "pt-BR": {
        "browser": "pt-BR",
        "join": "Participar",
        "name": "Seu nome",
        "key": "Sua chave de retorno",
        "kept": "Já guardei minha chave",
        "in_lab": ("tab", "Inspetor de propriedades"),
        "lesson": "licao.ipynb",
        "sign_out": "Sair",
        "key_label": "Chave de retorno",
        "sign_in": "Entrar",
    },
    "fr": {
        "browser": "fr-SN",
        "join": "Rejoindre",
        "name": "Votre nom",
        "key": "Votre clé de retour",
        "kept": "J’ai bien gardé ma clé",
        "in_lab": ("menuitem", "Fichier"),
        "lesson": "lecon.ipynb",
        "sign_out": "Se déconnecter",
        "key_label": "Clé de retour",
        "sign_in": "Se connecter",
    },
}


async def sign_in_with_key(page, hub, key, words) -> None:
    await page.goto(f"{hub}login")
    await page.get_by_label(words["key_label"]).fill(key)
    form = page.locator("form", has=page.locator("#return_key"))
    await form.get_by_role("button", name=words["sign_in"]).click()


async def stop_server(page, hub) -> None:
    await page.goto(f"{hub}home")
    if await page.locator("#stop").count():
        await page.locator("#stop").click()
        await expect(page.locator("#stop")).to_be_hidden(timeout=60_000)


@pytest.mark.parametrize("language", ["es", "pt-BR", "fr"])
async def test_a_learner_joins_keeps_the_key_and_comes_back(
    demo, new_device, picture, language
) -> None:
    words = WORDS[language]
    page = await new_device(words["browser"])
    code = demo.code(language)

    await page.goto(f"{demo.hub}login")
    await picture(page, f"{language}-1-login")
    await page.locator("#code").fill(code.lower().replace("-", " "))
    await page.locator("form", has=page.locator("#code")).get_by_role("button").click()

    assert page.url == f"{demo.hub}join", "the code is in no address"
    assert await page.locator("html").get_attribute("lang") == language
    await picture(page, f"{language}-2-join")
    await page.get_by_label(words["name"]).fill("Ñusta Ωmega 李")
    await page.get_by_role("button", name=words["join"], exact=True).click()

    await expect(page.get_by_text("Ñusta Ωmega 李").first).to_be_visible()
    key = (await page.locator("#return-key").inner_text()).strip()
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", key)
    await picture(page, f"{language}-3-welcome")
    await page.reload()
    assert (await page.locator("#return-key").inner_text()).strip() == key, "the key that they saw"
    await page.get_by_role("button", name=re.compile(words["kept"])).click()

    await page.wait_for_url(re.compile(rf"/user/.*{words['lesson']}"), timeout=90_000)
    await page.set_viewport_size({"width": 1280, "height": 800})
    role, name = words["in_lab"]
    await expect(page.get_by_role(role, name=name, exact=True)).to_be_visible(timeout=60_000)
    await expect(page.get_by_role("tab", name=re.compile(words["lesson"]))).to_be_visible()
    await expect(page.locator("strong", has_text=" + ")).to_be_visible()
    await picture(page, f"{language}-4-lab")
    username = page.url.split("/user/")[1].split("/")[0]

    other = await new_device(words["browser"])
    await sign_in_with_key(other, demo.hub, key, words)
    await other.wait_for_url(re.compile(f"/user/{username}/|/hub/"))
    await other.goto(f"{demo.hub}home")
    await expect(other.get_by_text("Ñusta Ωmega 李")).to_be_visible()
    await picture(other, f"{language}-5-home")
    await stop_server(other, demo.hub)
    await other.get_by_role("link", name=words["sign_out"]).click()
    await other.goto(f"{demo.hub}home")
    assert "/hub/login" in other.url, "signed out"


async def test_a_champion_opens_a_workshop_watches_and_closes_it(demo, new_device, picture) -> None:
    champion = demo.champion("andes")
    page = await new_device("es-CO", width=1280)
    await sign_in_with_key(page, demo.hub, champion["return_key"], WORDS["es"])
    await page.goto(demo.facts["service_url"])
    await picture(page, "champion-1-home")
    await page.get_by_role("link", name="Comunidad de Datos de los Andes").click()
    await picture(page, "champion-2-community")
    await page.get_by_role("link", name="Abrir un taller").click()

    await page.get_by_label("Título").fill("Mapas con Python")
    await page.get_by_label("Zona horaria").fill("Marte/Base")
    await page.get_by_role("button", name="Abrir el taller").click()
    await expect(page.get_by_text("Marte/Base no es una zona horaria.")).to_be_visible()
    assert await page.get_by_label("Título").input_value() == "Mapas con Python", "nothing is lost"
    await picture(page, "champion-3-wrong")
    await page.get_by_label("Zona horaria").fill("America/Bogota")
    await page.locator("[name=day_0]").fill("2030-01-07")
    await page.get_by_role("button", name="Abrir el taller").click()

    code = await page.locator("#code").inner_text()
    await expect(page.locator("img.qr")).to_be_visible()
    await expect(page.get_by_text("Quedan 30 cupos")).to_be_visible()
    await picture(page, "champion-4-workshop")

    learner = await new_device("es-CO")
    await learner.goto(f"{demo.hub}join?code={code}")
    await learner.get_by_label("Tu nombre").fill("Amaru")
    await learner.get_by_role("button", name="Unirme", exact=True).click()
    await expect(learner.locator("#return-key")).to_be_visible()
    await expect(page.get_by_role("cell", name="Amaru", exact=True)).to_be_visible(timeout=15_000)
    await picture(page, "champion-5-board")

    second_tab = await page.context.new_page()
    await second_tab.goto(page.url)
    await page.get_by_role("link", name="Cerrar el taller").click()
    await page.get_by_role("button", name="Cerrar el taller").click()
    await expect(page.get_by_text("Cerrado")).to_be_visible()
    await second_tab.get_by_role("button", name="Un código nuevo").click()
    await expect(second_tab.get_by_text("Este taller ya terminó.")).to_be_visible()

    late = await new_device("es-CO")
    await late.goto(f"{demo.hub}join?code={code}")
    await expect(late.get_by_text("Este código ya no es válido.")).to_be_visible()
    await expect(late.get_by_text("hola@andes.example")).to_be_visible()
    await picture(late, "learner-closed")


async def test_the_language_switch_is_on_every_page_and_stays(demo, new_device, picture) -> None:
    page = await new_device("en-US")
    await page.goto(f"{demo.hub}login")
    await page.get_by_role("link", name="Português (Brasil)").click()
    await expect(page.get_by_text("Tenho um código")).to_be_visible()
    await page.goto(f"{demo.hub}join?code={demo.code('es')}")
    await expect(page.get_by_role("button", name="Participar", exact=True)).to_be_visible()


async def test_a_shared_device_forgets_at_sign_out(demo, new_device) -> None:
    page = await new_device("es-PE")
    await page.goto(f"{demo.hub}join?code={demo.code('es')}")
    await page.get_by_label("Tu nombre").fill("Quilla")
    await page.get_by_label("Este dispositivo es compartido").check()
    await page.get_by_role("button", name="Unirme", exact=True).click()
    await expect(page.locator("#return-key")).to_be_visible()
    cookies = await page.context.cookies()
    hub_cookies = [c for c in cookies if c["name"].startswith("jupyterhub-hub-login")]
    assert hub_cookies
    assert all(cookie["expires"] == -1 for cookie in hub_cookies)
    await page.get_by_role("link", name="Salir").click()
    await page.go_back()
    await page.go_back()
    await page.goto(f"{demo.hub}welcome")
    assert "/hub/login" in page.url
    await page.goto(f"{demo.hub}join?code={demo.code('es')}")
    await expect(page.get_by_label("Tu nombre")).to_be_visible()
    assert await page.get_by_text("Continuar como").count() == 0, "nobody is offered to be Quilla"
