"""Timelines: how much was held at which time, as few enough points to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .units import Amounts


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was held from when to when."""

    start: datetime
    end: datetime | None  # None: still
    amounts: Amounts


def most_held(
    stretches: Iterable[Stretch], resource: str, start: datetime, step: timedelta, steps: int
) -> list[int]:
    """The most that was held at any moment of each step, from `start` on. What ends at the moment at
    which something else begins is not counted together with it."""
    end = start + steps * step
    changes: dict[datetime, int] = {}
    for one in stretches:
        amount = one.amounts.get(resource, 0)
        begins, until = max(one.start, start), end if one.end is None else min(one.end, end)
        if amount and begins < until:
            changes[begins] = changes.get(begins, 0) + amount
            changes[until] = changes.get(until, 0) - amount
    most = [0] * steps
    held, told = 0, 0  # the steps before `told` are
    for time in sorted(changes):
        number, past = divmod(time - start, step)
        until_step = number + bool(past)
        for between in range(told, until_step):
            most[between] = max(most[between], held)
        told = max(told, until_step)
        held += changes[time]
        if number < steps:
            most[number] = max(most[number], held)
    return most
