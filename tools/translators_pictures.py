"""The pictures in which translators see where a sentence stands: every page in English, on a phone.

Each bears the name of the template that draws it, which catalogues name above a message. The pages are
those of the tests' tour, where everything that can be there is there.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from demos import start_demo, stop_demo
from hubs import real_hub
from playwright.async_api import Browser, Page, async_playwright
from tour import rare, stops
from tour.visits import Stop, Visit, World, bring_cookies, speak
from tour.walk import LATELY
from tour.world import leave_world, make_world

DOCS = Path(__file__).resolve().parents[1] / "docs"
FOLDER = DOCS / "images" / "translating"
PAGE = DOCS / "translating-pictures.md"
COLOURS = "24"  # enough for flat pages, and a quarter of the bytes
WIDTH = 360  # pixels
TALLEST = 1500  # below, lists only go on
TOP = """# Where the sentences stand

Every page in English, on a phone. Above each message a catalogue names the template or module that it
comes from; here are the templates, in the order in which people meet them. `languages.html` and
`layout.html` are the bar above every page, `service/fields.html` frames what is wrong in a form.
`make screenshots` draws all of this anew.
"""


@dataclass(frozen=True)
class Picture:
    template: str
    stop: str  # of the tour
    says: str


PICTURES = [
    Picture(
        "hub/login",
        "stranger: login with an upstream",
        "The sign-in page, to somebody whom nobody knows yet; `hub/upstream_fields.html` is there where people can sign in with an account elsewhere.",
    ),
    Picture(
        "hub/code",
        "stranger: a mistyped code",
        "A code that was typed wrong. `hub/code_field.html` is its field.",
    ),
    Picture(
        "hub/refused",
        "stranger: a code that is not open yet",
        "A code that is not open. Refusals look alike; their sentences are in `pages/refusals.py`.",
    ),
    Picture(
        "hub/join",
        "stranger: join",
        "A code was right: who comes to which workshop. `hub/shared_field.html` is the box to tick.",
    ),
    Picture("hub/full", "stranger: all seats taken", "The code has no seat left."),
    Picture("hub/waiting", "in line: waiting for a seat", "In line for a seat."),
    Picture(
        "hub/welcome",
        "newcomer: welcome",
        "After joining: the return key, shown once.",
    ),
    Picture(
        "hub/lost_key",
        "lost: a number to tell",
        "Somebody who lost the return key asks for another one, and tells a helper this number.",
    ),
    Picture(
        "hub/home",
        "runner: home with servers",
        "One’s servers: to open, to stop. `notices.html`, `workshop_messages.html`, `stops.html` and `asked.html` stand above them when there is something to tell.",
    ),
    Picture(
        "hub/spawn",
        "learner: spawn form",
        "What a server may be started with. The sizes come from `hub/options.py` and `i18n/messages.py`.",
    ),
    Picture("hub/in_line", "waiter: in line", "In line for a server."),
    Picture("hub/spawn_pending", "starter: starting", "A server is starting."),
    Picture("hub/stop_pending", "stopper: stopping", "A server is stopping."),
    Picture("hub/not_running", "newcomer: not running", "The server of this address does not run."),
    Picture("hub/token", "learner: tokens", "The Hub’s page of tokens."),
    Picture("hub/oauth", "runner: allow access", "A service asks for access."),
    Picture("hub/link", "runner: link", "Another way to sign in is tied to the account."),
    Picture("hub/replace_key", "learner: another key", "Another return key in place of one’s own."),
    Picture("hub/logout", "stranger: logout", "Signed out."),
    Picture(
        "hub/error",
        "stranger: no such page of the hub",
        "An error. What only the Hub says is in `hub/hub_says.html`.",
    ),
    Picture(
        "service/home",
        "learner: my communities",
        "The communities that one belongs to; `service/offers.html` is what one is asked to become.",
    ),
    Picture("service/me", "learner: my data", "One’s account, and all that is one’s own."),
    Picture("service/erased", "leaver: erased", "The account was erased."),
    Picture("service/leave", "champion: leave", "Before somebody leaves a community."),
    Picture(
        "service/community",
        "champion: community",
        "A community, to its champion. The badges are in `service/words.html`; `service/overbooked.html` stands here where more is reserved than there is.",
    ),
    Picture(
        "service/community_settings",
        "champion: settings of the community",
        "A community’s settings; read-only where the operator’s file says them.",
    ),
    Picture(
        "service/workshops",
        "champion: all workshops",
        "All workshops of a community, with `service/workshop_pieces.html`.",
    ),
    Picture(
        "service/people",
        "champion: people of the community",
        "Who belongs to a community. The table and the field to look for somebody are in `service/people_pieces.html`.",
    ),
    Picture("service/person", "champion: a person", "One person, and what they may do."),
    Picture(
        "service/new_workshop",
        "champion: new workshop",
        "The form for a new workshop. What is wrong in a field comes from `service/forms.py`.",
    ),
    Picture(
        "service/workshop",
        "champion: workshop",
        "A workshop, to its instructor; `service/board.html` is the list of people, `service/rehearsal.html` and `service/outcome_links.html` are parts of it. To a learner `service/help.html` asks whether they need help.",
    ),
    Picture(
        "service/participant",
        "champion: a person who asks for help",
        "One person of a workshop’s board.",
    ),
    Picture("service/retire", "champion: retire", "Before the double of an account is retired."),
    Picture(
        "service/change_workshop",
        "champion: change workshop",
        "A workshop that is there, to be changed. Its fields, in `service/workshop_fields.html`, are those of a new one.",
    ),
    Picture(
        "service/clone_workshop",
        "champion: clone workshop",
        "The same workshop once more, on other days.",
    ),
    Picture("service/close_workshop", "champion: close", "Before a workshop is closed."),
    Picture(
        "service/projector",
        "champion: projector",
        "What a whole room sees: as large as the screen has room for, in the workshop’s language.",
    ),
    Picture(
        "service/handouts",
        "champion: a sheet for the wall",
        "A sheet for the wall. What is printed stands in `service/sheet.html` and `service/handout_pieces.html`.",
    ),
    Picture(
        "service/codes", "champion: codes", "The codes of a workshop, and the forms for new ones."
    ),
    Picture("service/code", "champion: a code", "One code."),
    Picture(
        "service/slips",
        "champion: slips",
        "Personal codes; `service/slip_list.html` is what is cut out.",
    ),
    Picture("service/keys", "helper: keys", "A helper approves a new key."),
    Picture("service/questions", "graduate: questions", "Three questions after a workshop."),
    Picture("service/feedback", "champion: what people said", "What was answered."),
    Picture(
        "service/training",
        "champion: who completed it",
        "Who completed a workshop, and gets a role.",
    ),
    Picture("service/trainings", "champion: who trained whom", "Who was trained by whom."),
    Picture(
        "service/numbers",
        "champion: numbers",
        "A community’s numbers; `service/span.html` chooses the days.",
    ),
    Picture(
        "service/report",
        "champion: report",
        "The same on one sheet of paper, `service/report_sheet.html`.",
    ),
    Picture(
        "service/quota",
        "champion: quota",
        "Quota and usage. The pictures’ words are in `pages/pictures.py`.",
    ),
    Picture("service/audit", "champion: audit", "Who did what, to a champion."),
    Picture(
        "service/audit_summary",
        "learner: audit summary",
        "How often, to a member; its table is `service/audit_months.html`.",
    ),
    Picture(
        "service/transparency",
        "learner: what everybody may know",
        "What a community tells everybody.",
    ),
    Picture(
        "service/cohort",
        "champion: cohort",
        "Communities that lend to one another. Its sentences are in `pages/cohorts.py`, too.",
    ),
    Picture(
        "service/ask",
        "champion: ask for more without an amount",
        "A champion asks for more.",
    ),
    Picture(
        "service/lend", "champion: lend more than there is", "A champion lends for some hours."
    ),
    Picture("service/templates", "champion: shared workshops", "Workshops that are shared."),
    Picture(
        "service/use_template", "champion: a shared workshop to hold", "One of them, to hold here."
    ),
    Picture(
        "service/hub",
        "operator: the hub",
        "The operator’s page; `service/numbers_of_hub.html` is its table.",
    ),
    Picture(
        "service/hub_community", "operator: a community of the hub", "A community, to the operator."
    ),
    Picture(
        "service/new_community",
        "operator: new community with errors",
        "A community is founded.",
    ),
    Picture("service/error", "learner: no such page of the service", "An error of the service."),
]


def draw(chromium: str, flags: Sequence[str]) -> None:
    """Takes every picture from a demo and a hub that run, and writes the page that shows them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        demo = start_demo(Path(folder) / "demo")
        try:
            world = make_world(demo)
            asyncio.run(_walk(stops.DEMO_STOPS, world, chromium, flags))
            leave_world(world)
        finally:
            stop_demo(demo)
        with real_hub(Path(folder), more=rare.CONFIG, communities=rare.COMMUNITIES) as hub:
            try:
                world = rare.make_rare_world(hub)
                asyncio.run(_walk(rare.RARE_STOPS, world, chromium, flags))
            finally:
                rare.let_go(hub)
    PAGE.write_text("\n".join([TOP, *map(_section, PICTURES)]), encoding="utf-8")


def _section(picture: Picture) -> str:
    name = picture.template
    return f"## {name}.html\n\n{picture.says}\n\n![{name}.html](images/translating/{_file(name)})\n"


def _file(template: str) -> str:
    return f"{template.replace('/', '-')}.png"


async def _walk(walked: Iterable[Stop], world: World, chromium: str, flags: Sequence[str]) -> None:
    shown = {picture.stop: picture.template for picture in PICTURES}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        for stop in walked:
            if stop.name in shown:
                await _visit(browser, stop, shown[stop.name], world)
        await browser.close()


async def _visit(browser: Browser, stop: Stop, template: str, world: World) -> None:
    if stop.who in LATELY:
        world.sign_in(stop.who, world.keys[stop.who])
    context = await browser.new_context(
        locale="en-GB", viewport={"width": WIDTH, "height": 640}, reduced_motion="reduce"
    )
    context.set_default_timeout(30_000)
    page = await context.new_page()
    if stop.who in world.people:
        await bring_cookies(page, world.people[stop.who])
    await speak(page, "en", world)
    await stop.go(Visit(page, world, "en"))
    await page.evaluate(
        "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
    )
    await _take(page, FOLDER / _file(template))
    await context.close()


async def _take(page: Page, path: Path) -> None:
    height = min(await page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
    await page.screenshot(path=str(path), full_page=True, clip=clip)
    reduce = ["convert", str(path), "-strip", "+dither", "-colors", COLOURS, f"PNG8:{path}"]
    subprocess.run(reduce, check=True)
