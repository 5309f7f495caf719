"""The pictures in which translators see where a sentence stands: every page in English, on a phone.

Each bears the name of the template that draws it, which catalogues name above a message.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images" / "translating"
COMMUNITY = "bonde"
COLOURS = "24"  # enough for flat pages, and a quarter of the bytes
TALLEST = 1500  # pixels: below, lists only go on


def draw(facts: dict[str, Any], browser: Browser) -> None:
    """Takes every picture from a demo that runs."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    hub, service = facts["hub_url"], facts["service_url"]
    code = next(i["code"] for i in facts["invites"] if i["language"] == "en")
    champion = next(c for c in facts["champions"] if c["community"] == COMMUNITY)
    people = f"{service}communities/{COMMUNITY}"

    someone = device(browser)
    someone.goto(f"{hub}login")
    take(someone, "hub/login")
    someone.goto(f"{hub}join?code=AAAA-AAAA-AAAA")
    take(someone, "hub/code")
    someone.goto(f"{hub}nowhere")
    take(someone, "hub/error")

    baraka = device(browser)
    baraka.goto(f"{hub}join?code={code}")
    take(baraka, "hub/join")
    join(baraka, "Baraka")
    take(baraka, "hub/welcome")
    baraka.goto(f"{service}me")
    take(baraka, "service/me")
    baraka.goto(f"{service}")
    take(baraka, "service/home")

    wanjiru = device(browser)
    sign_in(wanjiru, hub, champion["return_key"])
    workshop = workshop_of(facts, champion)
    for path, name in (
        ("", "service/community"),
        ("/workshops/new", "service/new_workshop"),
        (f"/workshops/{workshop}", "service/workshop"),
        (f"/workshops/{workshop}/close", "service/close_workshop"),
        (f"/workshops/{workshop}/change", "service/change_workshop"),
        (f"/workshops/{workshop}/clone", "service/clone_workshop"),
        (f"/workshops/{workshop}/projector", "service/projector"),
        (f"/workshops/{workshop}/handouts", "service/handouts"),
        (f"/workshops/{workshop}/codes", "service/codes"),
        (f"/workshops/{workshop}/keys", "service/keys"),
    ):
        wanjiru.goto(people + path)
        unfold(wanjiru)
        take(wanjiru, name)
    only = make_code(facts, champion, {"role": "learner", "workshop": workshop, "seats": 1})
    wanjiru.goto(f"{people}/codes/{only['id']}")
    unfold(wanjiru)
    take(wanjiru, "service/code")
    wanjiru.goto(f"{people}/codes")
    unfold(wanjiru)
    wanjiru.locator("#names").fill("Juma\nRehema")
    wanjiru.get_by_role("button", name="Make the codes").click()
    take(wanjiru, "service/slips")

    first, second = device(browser), device(browser)
    first.goto(f"{hub}join?code={only['code']}")
    join(first, "Juma")
    second.goto(f"{hub}join?code={only['code']}")
    take(second, "hub/full")
    second.locator("#name").fill("Rehema")
    second.get_by_role("button", name="Wait for a seat").click()
    take(second, "hub/waiting")
    someone.goto(f"{hub}lost-key")
    take(someone, "hub/lost_key")

    operator = device(browser)
    sign_in(operator, hub, facts["operator"]["return_key"])
    operator.goto(f"{service}hub")
    take(operator, "service/hub")
    operator.goto(f"{hub}home")
    take(operator, "hub/home")
    wanjiru.goto(f"{hub}spawn")
    take(wanjiru, "hub/spawn")
    wanjiru.get_by_role("button", name="Start", exact=True).click(no_wait_after=True)
    wanjiru.wait_for_url("**/spawn-pending/**")
    take(wanjiru, "hub/spawn_pending")


def device(browser: Browser) -> Page:
    page = browser.new_context(locale="en-GB", viewport={"width": 360, "height": 640}).new_page()
    page.set_default_timeout(30_000)
    return page


def take(page: Page, name: str) -> None:
    path = FOLDER / f"{name.replace('/', '-')}.png"
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    clip = {"x": 0, "y": 0, "width": 360, "height": height}
    page.screenshot(path=str(path), full_page=True, clip=clip)
    subprocess.run(
        ["convert", str(path), "-strip", "+dither", "-colors", COLOURS, f"PNG8:{path}"], check=True
    )


def join(page: Page, name: str) -> None:
    page.locator("#name").fill(name)
    page.get_by_role("button", name="Join", exact=True).click()
    page.wait_for_url("**/welcome")


def sign_in(page: Page, hub: str, key: str) -> None:
    page.goto(f"{hub}login")
    page.locator("#return_key").fill(key)
    page.locator("form", has=page.locator("#return_key")).get_by_role("button").click()
    page.wait_for_load_state()


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def workshop_of(facts: dict[str, Any], champion: dict[str, Any]) -> str:
    workshops = ask(facts, champion, f"communities/{COMMUNITY}/workshops")
    return next(each["slug"] for each in workshops if each["language"] == "en")


def make_code(
    facts: dict[str, Any], champion: dict[str, Any], wanted: dict[str, Any]
) -> dict[str, Any]:
    return ask(facts, champion, f"communities/{COMMUNITY}/invites", wanted)


def ask(
    facts: dict[str, Any], person: dict[str, Any], path: str, body: dict[str, Any] | None = None
) -> Any:
    """The service's API, as the person."""
    request = urllib.request.Request(
        facts["api_url"] + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"token {person['api_token']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())
