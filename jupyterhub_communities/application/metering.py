"""Metering: what leases spend is written down at least every minute, by the hour.

A tick is one transaction on most hubs. With thousands of servers, or after a gap, it is several that
others can write between, each of them exact by itself: what is kept of a lease says how far it is
metered. Only what is left of a spent allowance is judged by all of them together, so that while a
long tick goes on, no more than a minute of what runs may count twice, as it may be missing before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..domain.metering import METERED, meter, metered_to, whole_second
from .ports import Desk

MOST_LEASES = 250  # metered in one transaction: some 20 ms of it
_MOST_ROWS = 500  # written in one transaction, roughly: leases times hours
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction meters."""

    until: datetime
    lease_ids: tuple[str, ...]
    is_complete: bool  # with it, all that has run up to `until` is metered
    is_last: bool


def meter_leases(desk: Desk) -> None:
    """Adds to the usage all that this hub's leases have spent since they were last metered. Twice in
    one second adds nothing."""
    for step in metering_steps(desk):
        meter_step(desk, step)


def metering_steps(desk: Desk) -> Iterator[Step]:
    with desk.database.read() as store:
        begins = store.leases.unmetered_since()
    return _steps(begins, whole_second(desk.now))


def ended_steps(desk: Desk) -> Iterator[Step]:
    """Only what has ended: until it is metered, every start reads it to know what was spent."""
    with desk.database.read() as store:
        begins = store.leases.unmetered_since(has_ended=True)
    steps = _steps(begins, whole_second(desk.now)) if begins else iter(())
    return (replace(step, is_complete=False) for step in steps)


def meter_step(desk: Desk, step: Step) -> None:
    with desk.database.write() as store:
        leases = [
            lease if step.is_last else metered_to(lease, step.until)
            for lease in store.leases.unmetered(step.lease_ids)
        ]
        store.usage.add(meter(leases, step.until))
        store.leases.note_metered(step.lease_ids, step.until, is_last=step.is_last)
        if step.is_complete:
            last = store.marks.get(METERED)
            store.marks.set(METERED, step.until if last is None else max(last, step.until))


def _steps(begins: Mapping[str, datetime], now: datetime) -> Iterator[Step]:
    """All leases up to some hour, then up to a later one: a mark tells how far all of them are."""
    until = whole_second(min(begins.values(), default=now))
    hours = max(1, _MOST_ROWS // max(1, len(begins)))
    is_last = False
    while not is_last:
        until = min(now, until + hours * _HOUR)
        is_last = until == now
        lease_ids = [one for one, since in begins.items() if is_last or since < until]
        for first in range(0, max(1, len(lease_ids)), MOST_LEASES):
            part = tuple(lease_ids[first : first + MOST_LEASES])
            yield Step(until, part, first + MOST_LEASES >= len(lease_ids), is_last)
