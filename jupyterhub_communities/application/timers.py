"""Who does what the clock asks: of several services of one hub, one."""

from __future__ import annotations

from .ports import Desk


def holds_timers(desk: Desk) -> bool:
    """Is it this process? Asked before every pass: whoever holds them may be gone."""
    return desk.database.holds_timers()
