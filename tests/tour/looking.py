"""What is read from a page in a real browser: its words, its edges, and what axe-core finds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
from babel import Locale
from playwright.async_api import Page

SCRIPT = (Path(__file__).parent / "looking.js").read_text(encoding="utf-8")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
OF_COLOUR = ("color-contrast", "link-in-text-block")  # the rules that a dark page may break
WIDTHS = (1280, 640, 360, 320)  # 640 is 1280 at 200 % zoom
HEIGHT = 740

# The first of each on a page; which of its edges the other direction must mirror.
MARKS = {
    ".brand, .navbar-brand": "start",
    ".bar-links a, .communities-nav a": "start",
    ".account .btn, #logout, #login": "end",
    ".languages": "both",
    ".languages a:last-of-type": "end",
    "main, body > .container": "both",
    "h1": "text",
    "h2": "text",
    ".lead": "text",
    ".card": "both",
    ".alert": "both",
    "label": "text",
    ".form-control": "start",
    ".form-check input": "start",
    ".btn-block": "both",
    ".actions > *": "start",
    "dt": "text",
    "th": "text",
    "td": "start",
    "legend": "text",
    ".card summary, .error summary": "text",
}
_TOLERANCE = 1.5  # CSS pixels

_OBJECT = re.compile(r"[^<>\n]{1,60} at 0x[0-9a-f]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
# Addresses, names of time zones, and what stands between Unicode's isolates: names from elsewhere
_NO_WORDS = re.compile(
    r"https?://\S+|\S+@\S+|\b(?:America|Africa)/\w+|[\u2066\u2068][^\u2069]*\u2069"
)


@dataclass
class Seen:
    """One page in one language."""

    stop: str
    tag: str
    status: int
    lang: str
    direction: str
    texts: list[tuple[str, str]]
    objects: list[str] = field(default_factory=list)  # of Python, as a page prints them by mistake
    boxes: dict[int, dict[str, Any]] = field(default_factory=dict)  # by width
    cut: dict[int, list[str]] = field(default_factory=dict)
    mixed: list[str] = field(default_factory=list)
    copied: list[tuple[str, str]] = field(default_factory=list)
    obscured: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


async def call(page: Page, what: str, argument: Any = None) -> Any:
    if not await page.evaluate("'looking' in window"):
        await page.evaluate(SCRIPT)
    return await page.evaluate(f"argument => looking.{what}(argument)", argument)


async def read(page: Page, stop: str, tag: str, status: int) -> Seen:
    texts = await call(page, "texts")
    html = page.locator("html")
    lang, direction = [await html.get_attribute(name) or "" for name in ("lang", "dir")]
    objects = _OBJECT.findall(await page.content())
    return Seen(stop, tag, status, lang, direction, [tuple(text) for text in texts], objects)


async def look(page: Page, seen: Seen, secrets: list[str]) -> None:
    """Everything beyond words. Leaves the page as wide as it was."""
    before = page.viewport_size
    await call(page, "openAll")
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        seen.cut[width] = await call(page, "cut")
        seen.boxes[width] = await call(page, "boxes", list(MARKS))
    seen.obscured = await call(page, "obscured")
    seen.mixed = await call(page, "mixed", secrets)
    seen.copied = [tuple(pair) for pair in await call(page, "copied")]
    seen.violations = await violations(page)
    await page.set_viewport_size(before)
    await page.emulate_media(color_scheme="dark")
    seen.violations += [f"dark: {each}" for each in await violations(page, rules=OF_COLOUR)]
    await page.emulate_media(color_scheme="light")


async def violations(page: Page, *, rules: Iterable[str] = ()) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA: the rule, the place, and what it says."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    # The only rule of WCAG 2.2 is off by default.
    options: dict[str, Any] = {"rules": {"target-size": {"enabled": True}}}
    options["runOnly"] = {"type": "tag", "values": list(WCAG)}
    if rules:
        options = {"runOnly": {"type": "rule", "values": list(rules)}}
    # No rule here reads the styles, which would be loaded once more for it.
    options["preload"] = {"assets": ["media"]}
    found = await page.evaluate(
        """async (options) => (await axe.run(document, {...options, resultTypes: ["violations"]}))
            .violations.flatMap((each) => each.nodes.map((node) =>
                `${each.id}: ${node.target}: ${node.failureSummary.replaceAll("\\n", " ")}`))""",
        options,
    )
    return list(found)


def words(texts: Iterable[tuple[str, str]], names: Iterable[str]) -> dict[str, str]:
    """The words of a page → where they stand; without names, codes and addresses."""
    known = sorted(filter(None, names), key=len, reverse=True)
    found: dict[str, str] = {}
    for place, text in texts:
        rest = _NO_WORDS.sub(" ", text)
        for name in known:
            rest = rest.replace(name, " ")
        for word in _WORD.findall(rest):
            found.setdefault(word.casefold(), f"{place}: {text}")
    return found


def left_over(english: Seen, other: Seen, names: Iterable[str], same: Iterable[str]) -> list[str]:
    """The words of the English page that stand on the other one too."""
    names = list(names)
    theirs = words(other.texts, names)
    allowed = {*same, *_words_of_cldr(other.tag)}
    return [
        f"{word!r} in {theirs[word]}"
        for word in words(english.texts, names)
        if word in theirs and word not in allowed
    ]


def _words_of_cldr(tag: str) -> set[str]:
    """Months, days, countries (of time zones) and languages: Unicode says what they are called."""
    locale = Locale.parse(tag, sep="-")
    dates = [form for named in (locale.months, locale.days) for form in named["format"].values()]
    names = [
        name for each in (*dates, locale.territories, locale.languages) for name in each.values()
    ]
    return {word.casefold() for name in names for word in _WORD.findall(name)}


def not_mirrored(ltr: dict[str, Any], rtl: dict[str, Any], width: int) -> list[str]:
    """The marks whose edges do not lie where the other direction's lie, seen in a mirror."""
    found = []
    for mark, edges in MARKS.items():
        if mark not in ltr or mark not in rtl:
            continue
        kind = "text" if edges == "text" else "box"
        if not (one := ltr[mark][kind]) or not (other := rtl[mark][kind]):
            continue
        mirrored = (width - other[1], width - other[0])
        pairs = {"start": one[0] - mirrored[0], "end": one[1] - mirrored[1]}
        if edges == "text" and ltr[mark]["centred"]:
            differences = [sum(one) / 2 - sum(mirrored) / 2]
        else:
            wanted = {"both": ("start", "end"), "text": ("start",)}.get(edges, (edges,))
            differences = [pairs[edge] for edge in wanted]
        if any(abs(difference) > _TOLERANCE for difference in differences):
            found.append(f"{mark} at {width} px: {one} and, mirrored, {mirrored}")
    return found
