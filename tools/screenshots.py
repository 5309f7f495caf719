"""Draws the README's and the translators' pictures from a real demo: `make screenshots`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import translators_pictures
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None or shutil.which("convert") is None:
        print("Install Debian's packages chromium and imagemagick", file=sys.stderr)
        return 2
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        demo = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterhub_communities", "demo", "--json"),
                *("--port", "8123", "--data-dir", f"{data}/demo"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert demo.stdout is not None
            draw(json.loads(demo.stdout.readline()), chromium)
        finally:
            demo.terminate()
            demo.wait()
    translators_pictures.draw(chromium, FLAGS)
    return 0


def draw(facts: dict, chromium: str) -> None:
    hub, service = facts["hub_url"], facts["service_url"]
    code = next(i["code"] for i in facts["invites"] if i["language"] == "es")
    champion = next(c for c in facts["champions"] if c["community"] == "andes")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        phone = browser.new_context(locale="es-PE", viewport={"width": 360, "height": 740})
        for name in ("Illari", "Wayra", "Sumaq"):
            page = browser.new_context(locale="es-PE").new_page()
            page.goto(f"{hub}join?code={code}")
            page.locator("#name").fill(name)
            page.get_by_role("button", name="Unirme", exact=True).click()
            page.wait_for_url("**/welcome")
        page = phone.new_page()
        page.goto(f"{hub}join?code={code}")
        page.screenshot(path=str(IMAGES / "join.png"))
        page = browser.new_context(
            locale="es-PE", viewport={"width": 1100, "height": 1250}
        ).new_page()
        page.goto(f"{hub}login")
        page.locator("#return_key").fill(champion["return_key"])
        page.locator("form", has=page.locator("#return_key")).get_by_role("button").click()
        page.goto(f"{service}communities/andes")
        page.screenshot(path=str(IMAGES / "community.png"))
        page.goto(f"{service}communities/andes/workshops/primeros-pasos-con-python")
        page.screenshot(path=str(IMAGES / "workshop.png"))
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
