"""Pictures: what was held and spent over time, as SVG that runs no script.

They are shown by `<img>`, so that nothing of them meets the policy of our pages. Their colours are
those of our style, in the light and in the dark. Time runs from left to right in every language.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import pygal
from pygal.style import Style

from ..application.histories import HeldHistory, SpentHistory, Steps
from ..application.usage import Period
from ..domain.units import MEMORY, STORAGE, kind_of
from ..i18n.messages import Messages
from .quotas import UNITS, quantity_in_words, resource_in_words

# It hangs itself into every import of the process, for plug-ins that we have none of.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, pygal.PluginImportFixer)]

_DAY = timedelta(days=1)
_LIGHT = {
    "paper": "#fff",
    "ink": "#1d232b",
    "quiet": "#566070",
    "line": "#c9ced6",
    "used": "#b34700",
    "limit": "#1d232b",
    "reserved": "#0b62a8",
    "borrowed": "#8a2f9c",
    "lent": "#1b6e3c",
}
_DARK = {
    "paper": "#15191f",
    "ink": "#eceff3",
    "quiet": "#a9b3c0",
    "line": "#46505d",
    "used": "#ff9a57",
    "limit": "#eceff3",
    "reserved": "#7cc0ff",
    "borrowed": "#e09bf0",
    "lent": "#6fd398",
}
LEGEND_ROW = 21  # pixels
_DASHES = {"limit": "8,5", "reserved": "2,4", "borrowed": "12,4,2,4", "lent": "5,3"}


@dataclass(frozen=True, slots=True)
class Line:
    kind: str  # of `_LIGHT`
    name: str
    steps: Steps


def draw_held(
    history: HeldHistory, messages: Messages, zone: str, now: datetime, *, is_narrow: bool
) -> bytes:
    """What was in use, below the limit, with what was reserved, borrowed and lent."""
    until = min(now, history.period.end)
    lines = [Line("used", messages.gettext("In use"), _until(history.held, until))]
    if history.reserved:
        reserved = _until(history.reserved, history.period.end)
        lines.append(Line("reserved", messages.gettext("Reserved"), reserved))
    if history.borrowed:
        lines.append(
            Line("borrowed", messages.gettext("Borrowed"), _until(history.borrowed, until))
        )
    if history.lent:
        lines.append(Line("lent", messages.gettext("Lent"), _until(history.lent, until)))
    if history.limits:
        limits = _until(history.limits, history.period.end)
        # TRANSLATORS: In a picture of the past: the limit as it is now, for earlier ones are not kept.
        name = messages.gettext("Limit, as it is now")
        if len({most for _, most in history.limits}) > 1:
            # TRANSLATORS: Likewise, and what was on loan at each time is added or taken away.
            name = messages.gettext("Limit, as it is now, with loans")
        lines.append(Line("limit", name, limits))
    return _draw(lines, history.resource, history.period, messages, zone, is_narrow=is_narrow)


def draw_spent(history: SpentHistory, messages: Messages, zone: str, *, is_narrow: bool) -> bytes:
    """What was spent by hour, day or month."""
    name = {
        # TRANSLATORS: Of what was spent: how much in each hour, in each day, in each month.
        "hour": messages.gettext("By hour"),
        "day": messages.gettext("By day"),
        "month": messages.gettext("By month"),
    }[history.by]
    last = history.spent[-1][0] if history.spent else history.period.start
    length = {"hour": _DAY / 24, "day": _DAY, "month": 31 * _DAY}[history.by]
    until = min(last + length, history.period.end)
    lines = [Line("used", name, _until(history.spent, until))]
    return _draw(lines, history.resource, history.period, messages, zone, is_narrow=is_narrow)


def _until(steps: Steps, end: datetime) -> Steps:
    """Corners: each amount holds up to the next time, the last one to the end."""
    found: Steps = []
    for (start, amount), following in zip(steps, [*(at for at, _ in steps), end][1:], strict=True):
        if found and found[-1][1] == amount:
            found[-1] = (following, amount)
        else:
            found += [(start, amount), (following, amount)]
    return found


def _draw(
    lines: Sequence[Line],
    resource: str,
    period: Period,
    messages: Messages,
    zone: str,
    *,
    is_narrow: bool,
) -> bytes:
    most = max((amount for line in lines for _, amount in line.steps), default=0)
    ticks = ticks_to(most, resource)
    columns = min(2 if is_narrow else 5, len(lines))
    rows = -(-len(lines) // columns)
    chart = pygal.XY(
        js=[],
        no_prefix=True,
        width=360 if is_narrow else 880,
        height=(230 if is_narrow else 280) + LEGEND_ROW * rows,
        margin=8,
        margin_right=24,  # the last time of the axis is centred below its place
        margin_bottom=8 + LEGEND_ROW * (rows - len(lines) // columns),  # which is what pygal leaves
        spacing=8,
        title=directed(resource_in_words(resource, messages), messages),
        show_dots=False,
        legend_at_bottom=True,
        legend_at_bottom_columns=columns,
        truncate_legend=-1,
        truncate_label=-1,
        range=(0, ticks[-1]),
        xrange=(period.start.timestamp(), period.end.timestamp()),
        x_labels=_times(period, messages, zone, most=3 if is_narrow else 7),
        y_labels=ticks,
        value_formatter=lambda amount: directed(
            quantity_in_words(resource, round(amount), messages) if amount else messages.number(0),
            messages,
        ),
        style=Style(
            label_font_size=13, major_label_font_size=13, legend_font_size=14, title_font_size=16
        ),
        css=[f"inline:{css_of(lines)}"],
    )
    for line in lines:
        values = [(at.timestamp(), amount) for at, amount in line.steps]
        chart.add(directed(line.name, messages), values, fill=line.kind == "used")
    chart.add_xml_filter(still)
    drawn: bytes = chart.render()
    return drawn


def directed(text: str, messages: Messages) -> str:
    """Between Unicode's isolates: an image has one direction, and it is not the reader's."""
    return f"\u2067{text}\u2069" if messages.direction == "rtl" else text


def css_of(lines: Sequence[Line]) -> str:
    colours = "".join(
        f".color-{n}{{stroke:var(--{line.kind});fill:var(--{line.kind});"
        f"stroke-dasharray:{_DASHES.get(line.kind, 'none')}}}"
        for n, line in enumerate(lines)
    )
    return (
        f"svg{{{_variables(_LIGHT)}}}"
        f"@media (prefers-color-scheme:dark){{svg{{{_variables(_DARK)}}}}}"
        "svg text{font-family:system-ui,sans-serif!important;fill:var(--quiet);fill-opacity:1}"
        "svg .title{text-anchor:middle;fill:var(--ink)}"
        ".background{fill:var(--paper)}"
        ".axis.x text{text-anchor:middle}.axis.y text{text-anchor:end}"
        ".axis path{fill:none;stroke:var(--line)}.axis.x path{stroke:none}"
        f"{colours}"
        ".reactive{stroke-width:1.5;fill-opacity:.3}.nofill{fill:none}"
    )


def _variables(colours: Mapping[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())


def still(svg: Element) -> Element:
    """Without what pygal writes for its script and for the pointer, for an image has neither; and
    without digits that nobody can see."""
    svg.attrib.pop("id")
    for parent in list(svg.iter()):
        if path := parent.get("d"):
            parent.set("d", re.sub(r"(\.\d)\d+", r"\1", path))
        for child in list(parent):
            tag = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else "comment"
            if tag in ("script", "comment", "title", "desc"):
                parent.remove(child)
    return svg


def ticks_to(most: int, resource: str) -> list[int]:
    """Round amounts from nothing to at least the most, at most six."""
    kind = kind_of(resource)
    if kind in (MEMORY, STORAGE):
        steps = (2**20 << n for n in count())
    else:
        smallest = max(1, UNITS.get(kind, 1) // 10)
        steps = (smallest * digit * 10**n for n in count() for digit in (1, 2, 5))
    step = next(step for step in steps if step * 5 >= most)
    return [n * step for n in range(max(1, -(-most // step)) + 1)]


def _times(period: Period, messages: Messages, zone: str, *, most: int) -> list[dict[str, Any]]:
    """Where a day begins, or an hour, by the clocks of the zone."""
    tz = ZoneInfo(zone)
    length = period.end - period.start
    is_short = length <= 2 * _DAY
    step = (
        next(
            step
            for step in (timedelta(hours=3), timedelta(hours=6), timedelta(hours=12), _DAY)
            if length / step <= most
        )
        if is_short
        else _DAY * -(-length // (_DAY * most))
    )
    day = period.start.astimezone(tz).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    found = []
    while (at := day.astimezone(UTC)) < period.end:
        if at >= period.start:
            is_hour = is_short and (day.hour or day.minute)
            text = messages.time(at, tz) if is_hour else messages.day(at, tz)
            found.append({"value": at.timestamp(), "label": directed(text, messages)})
        day += step  # by the clocks, whatever summer time does
    return found
