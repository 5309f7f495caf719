"""Metering: what leases spend is written down at least every minute, by the hour."""

from __future__ import annotations

from ..domain.metering import METERED, meter, whole_second
from .ports import Desk


def meter_leases(desk: Desk) -> int:
    """Adds to the usage what this hub's leases have spent since they were last metered; of how many.
    Twice in one second adds nothing."""
    with desk.database.write() as store:
        leases = store.leases.unmetered()
        now = whole_second(desk.now)
        store.usage.add(meter(leases, now))
        store.leases.note_metered(now)
        last = store.marks.get(METERED)
        store.marks.set(METERED, now if last is None else max(last, now))
        return len(leases)
