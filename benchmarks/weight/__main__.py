"""`python -m benchmarks.weight --out DIR`: weighs and times first visits, and writes the tables."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from jupyterhub_communities.i18n.messages import offered
from tests.tools import need_chromium

from ..signin.hubs import MeasuredHub, running
from . import report
from .pages import both_hubs, first_pages
from .visits import Visit, visit


async def measure(hubs: list[MeasuredHub], rounds: int) -> report.Figures:
    """Weighs every page in every language; then visits all on a weak connection, in turn."""
    weighed, timed = [], []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for hub in hubs:
            for language in offered() if hub.house else (None,):
                weighed += [await visit(browser, page) for page in first_pages(hub, language)]
        pages = [page for hub in hubs for page in first_pages(hub)]
        for number in range(rounds):
            for page in pages[number % len(pages) :] + pages[: number % len(pages)]:
                timed.append(await visit(browser, page, weak=True))
                _say(timed[-1])
        chromium = browser.version
        await browser.close()
    return report.Figures(weighed, timed, rounds=rounds, chromium=chromium)


def _say(seen: Visit) -> None:
    print(f"{seen.page}: {seen.size} bytes, {seen.usable:.2f} s", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.weight", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--rounds", type=int, default=7, help="visits of each page, in turn")
    options = parser.parse_args()
    for asked_to_end in (signal.SIGINT, signal.SIGTERM):  # so that the hubs end too
        signal.signal(asked_to_end, lambda *_: sys.exit("ended early"))
    with (
        tempfile.TemporaryDirectory(prefix="weight-", ignore_cleanup_errors=True) as folder,
        running(both_hubs(), Path(folder)) as hubs,
    ):
        figures = asyncio.run(measure(hubs, options.rounds))
    options.out.mkdir(parents=True, exist_ok=True)
    text = report.markdown(figures)
    (options.out / "weight.md").write_text(text)
    print(text)


main()
