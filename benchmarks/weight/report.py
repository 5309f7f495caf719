"""The tables: bytes by kind, seconds on a weak connection, and the run that they came from."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import psutil

from ..signin.report import environment, table
from .visits import Visit

KINDS = {
    "page": ("Redirect", "Document"),
    "style": ("Stylesheet",),
    "scripts": ("Script",),
    "pictures and fonts": ("Image", "Font", "Other"),
}


@dataclass(frozen=True, slots=True)
class Figures:
    weighed: list[Visit]
    timed: list[Visit]
    rounds: int
    chromium: str


def markdown(figures: Figures) -> str:
    facts = {
        **environment(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "chromium": figures.chromium,
        "rounds": str(figures.rounds),
    }
    made = ", ".join(f"{name} {value}" for name, value in facts.items())
    return "\n".join(
        [
            f"Run {made}.\n",
            "**Bytes on the wire**, headers and bodies, of a first visit with everything that it loads:\n",
            table(
                ["page", "language", "requests", *KINDS, "in all"],
                [
                    [
                        seen.page,
                        seen.language,
                        str(sum(answer.size > 0 for answer in seen.answers)),
                        *(f"{seen.size_of(*kinds):,}" for kinds in KINDS.values()),
                        f"**{seen.size:,}**",
                    ]
                    for seen in figures.weighed
                ],
            ),
            "\n**Seconds on a weak connection** (400 kbit/s, 400 ms, nothing cached), medians and the "
            "slowest visit:\n",
            table(
                ["page", "first contentful paint", "usable", "usable, slowest", "visits"],
                [_times(page, figures.timed) for page in _names(figures.timed)],
            ),
            "",
        ]
    )


def _names(visits: list[Visit]) -> list[str]:
    return sorted({seen.page for seen in visits})


def _times(page: str, visits: list[Visit]) -> list[str]:
    seen = [each for each in visits if each.page == page]
    return [
        page,
        f"{median(each.painted for each in seen):.1f}",
        f"**{median(each.usable for each in seen):.1f}**",
        f"{max(each.usable for each in seen):.1f}",
        str(len(seen)),
    ]
