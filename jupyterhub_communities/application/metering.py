"""Metering: what leases spend is written down at least every minute, by the hour.

A tick is one transaction. After a gap it is several, each of them exact by itself: what a month of
three hundred servers spent fits into none that others could wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ..domain.leases import Lease
from ..domain.metering import METERED, meter, unmetered, whole_second
from .ports import Desk

_MOST_ROWS = 500  # written in one transaction, roughly: leases times hours
_HOUR = timedelta(hours=1)


def meter_leases(desk: Desk) -> int:
    """Adds to the usage all that this hub's leases have spent since they were last metered; of how
    many. Twice in one second adds nothing."""
    count = 0
    is_left = True
    while is_left:
        metered, is_left = meter_some(desk)
        count = max(count, metered)
    return count


def meter_some(desk: Desk) -> tuple[int, bool]:
    """As much of it as one transaction holds: of how many leases, and whether something is left."""
    now = whole_second(desk.now)
    with desk.database.write() as store:
        leases = store.leases.unmetered()
        until = _as_far(leases, now)
        is_last = until == now
        store.usage.add(meter(leases if is_last else _cut(leases, until), until))
        store.leases.note_metered(until, is_last=is_last)
        last = store.marks.get(METERED)
        store.marks.set(METERED, until if last is None else max(last, until))
        return len(leases), not is_last


def _as_far(leases: Sequence[Lease], now: datetime) -> datetime:
    stretches = [stretch for lease in leases if (stretch := unmetered(lease, now)) is not None]
    if not stretches:
        return now
    hours = max(1, _MOST_ROWS // len(stretches))
    return min(now, min(start for start, _ in stretches) + hours * _HOUR)


def _cut(leases: Sequence[Lease], until: datetime) -> list[Lease]:
    """What ended later is metered up to there first."""
    return [
        lease
        if lease.settled_at is None or lease.settled_at <= until
        else replace(lease, settled_at=None)
        for lease in leases
    ]
