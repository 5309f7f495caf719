"""What is printed and projected, in a real browser: pages of paper, and a screen across a room."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
import requests
from browsing import sign_in
from playwright.async_api import expect

pytestmark = pytest.mark.browser

PAPERS = {"A4": (595, 842), "Letter": (612, 792)}  # points
LONG_TITLE = "Introducción al análisis de datos abiertos con Python para comunidades de los Andes y la Amazonía, segunda edición"


@pytest.fixture(scope="module")
def workshop(demo) -> str:
    """The address of a workshop with all that makes a sheet long."""
    champion = demo.champion("andes")
    start = datetime.now(UTC) + timedelta(days=300)
    days = [start + timedelta(days=number) for number in range(4)]
    answer = requests.post(
        f"{demo.facts['api_url']}communities/andes/workshops",
        headers={"Authorization": f"token {champion['api_token']}"},
        json={
            "title": LONG_TITLE,
            "language": "es",
            "zone": "America/Lima",
            "seats": 30,
            "sessions": [
                {"starts_at": day.isoformat(), "ends_at": (day + timedelta(hours=3)).isoformat()}
                for day in days
            ],
        },
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return f"{demo.facts['service_url']}communities/andes/workshops/{answer.json()['slug']}"


@pytest.fixture
def champion_at(demo, new_device):
    """The champion's own browser."""

    async def champion_at(width: int, locale: str = "es-PE"):
        page = await new_device(locale, width=width)
        await sign_in(page, demo.hub, demo.champion("andes")["return_key"])
        return page

    return champion_at


def sheets_of(pdf: bytes) -> list[tuple[int, int]]:
    """Width and height of each page, in points, as Chromium writes them."""
    found = [
        (round(float(width)), round(float(height)))
        for width, height in re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    ]
    assert [len(found)] == [int(count) for count in re.findall(rb"/Count (\d+)", pdf)]
    return found


def is_paper(size: tuple[int, int], paper: str) -> bool:
    return all(abs(one - other) <= 1 for one, other in zip(size, PAPERS[paper], strict=True))


@pytest.mark.parametrize("kind", ["sheet", "slips"])
async def test_a_handout_is_one_page_of_paper_in_every_language(
    workshop, champion_at, kind
) -> None:
    page = await champion_at(1000)
    for language in ("es", "ar", "en", "fr", "pt-BR", "sw"):
        await page.goto(f"{workshop}/handouts?kind={kind}&language={language}")
        for paper in PAPERS:
            sizes = sheets_of(await page.pdf(format=paper))
            assert len(sizes) == 1, (language, paper)
            assert is_paper(sizes[0], paper)


async def test_a_report_is_one_page_of_paper_in_every_language(workshop, champion_at) -> None:
    """With as many workshops as other tests have left here: more than it lists, or fewer."""
    page = await champion_at(1000)
    base = workshop.partition("/workshops/")[0]
    for language in ("es", "ar", "en", "fr", "pt-BR", "sw"):
        await page.goto(f"{base}/report?language={language}")
        await page.evaluate(
            """() => {
                const list = document.querySelector(".report-list");
                const one = list.querySelector("li");
                while (list.children.length < 12) list.append(one.cloneNode(true));
                for (const title of list.querySelectorAll("bdi")) title.textContent = "x ".repeat(60);
            }"""
        )
        sizes = sheets_of(await page.pdf(format="A4"))
        assert len(sizes) == 1, language
        assert is_paper(sizes[0], "A4")


async def test_a_sheet_that_does_not_fit_is_noticed(workshop, champion_at) -> None:
    page = await champion_at(1000)
    await page.goto(f"{workshop}/handouts?kind=slips")
    await page.evaluate(
        "document.querySelector('.slips').append(document.querySelector('.slip').cloneNode(true))"
    )
    assert len(sheets_of(await page.pdf(format="A4"))) == 2


async def test_on_paper_stand_only_the_handouts(workshop, champion_at) -> None:
    page = await champion_at(1000)
    await page.goto(f"{workshop}/handouts?language=ar")
    code = (await page.locator(".sheet .secret").inner_text()).strip()
    await page.emulate_media(media="print")
    text = await page.locator("body").inner_text()
    assert text.count(code) == 2
    assert LONG_TITLE in text
    assert "hola@andes.example" in text
    for hidden in ("Salir", "Imprimir", "Español", "Hojas para repartir"):
        assert hidden not in text, "nothing of the page around it"
    await page.goto(f"{workshop}/handouts?kind=slips&language=ar")
    slips = page.locator(".slip")
    assert await slips.count() == 8
    boxes = [await slips.nth(number).bounding_box() for number in range(8)]
    assert boxes[0]["x"] > boxes[1]["x"], "the first one is on the right"
    assert {round(box["y"]) for box in boxes[:2]} == {round(boxes[0]["y"])}
    for number in range(8):
        words = await slips.nth(number).inner_text()
        assert code in words
        assert await slips.nth(number).evaluate("slip => slip.scrollWidth <= slip.clientWidth + 1")


async def test_the_projector_fills_any_screen_in_the_light_and_in_the_dark(
    workshop, champion_at, picture
) -> None:
    page = await champion_at(1920, "ar")
    for scheme, size in product(("light", "dark"), ((1920, 1080), (1024, 768), (360, 740))):
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        await page.goto(f"{workshop}/projector")
        assert await page.locator("html").get_attribute("lang") == "es"
        box = await page.locator("#code").bounding_box()
        assert box["width"] > 0.8 * size[0], "as wide as the screen has room for"
        wide = await page.evaluate("document.scrollingElement.scrollWidth")
        assert wide <= size[0]
        if size[0] > size[1]:
            high = await page.evaluate("document.scrollingElement.scrollHeight")
            assert high <= size[1], "all of it at once"
        colours = await page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        paper, ink = (sum(map(int, re.findall(r"\d+", colour))) for colour in colours)
        assert (paper < ink) == (scheme == "dark")
        await picture(page, f"projector-{scheme}-{size[0]}")


async def test_the_projector_keeps_itself_up_to_date(
    demo, workshop, champion_at, new_device
) -> None:
    page = await champion_at(1024, "ar")
    await page.goto(f"{workshop}/projector")
    before = await page.locator("#note").inner_text()
    assert re.fullmatch(r"Quedan \d+ cupos", before)
    code = (await page.locator("#code").inner_text()).strip()
    learner = await new_device("es-PE")
    await learner.goto(f"{demo.hub}join?code={code}")
    await learner.locator("#name").fill("Illa")
    await learner.get_by_role("button", name="Unirme", exact=True).click()
    await learner.wait_for_url(re.compile("welcome"))
    await expect(page.locator("#note")).not_to_have_text(before, timeout=15_000)
    assert "Illa" not in await page.content()
