"""Timelines: how much was held at which time, as few enough points to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Changes:
    """All that changed what was held during one step of time."""

    step: int  # its number
    first_at: datetime
    net: int
    most: int  # that was held after any of them


def most_held(
    changes: Iterable[Changes], start: datetime, step: timedelta, steps: int
) -> list[int]:
    """The most that was held at any moment of each step, from `start` on. What ends at the moment at
    which something else begins is not counted together with it."""
    by_step = {one.step: one for one in changes}
    most = []
    held = 0
    for number in range(steps):
        one = by_step.get(number)
        if one is None:
            most.append(held)
            continue
        is_at_once = one.first_at == start + number * step  # nothing was held before in this step
        most.append(one.most if is_at_once else max(held, one.most))
        held += one.net
    return most


def held_at_ends(changes: Iterable[Changes], steps: int) -> list[int]:
    """What was held at the end of each step: for several who are looked at, at the same moments."""
    net = {one.step: one.net for one in changes}
    found = []
    held = 0
    for number in range(steps):
        held += net.get(number, 0)
        found.append(held)
    return found


def folded(values: Sequence[int], by: int) -> list[int]:
    """The most of each `by` values."""
    return [max(values[at : at + by]) for at in range(0, len(values), by)]
