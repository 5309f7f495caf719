"""How long it counts that somebody has shown who they are, by their key or upstream's sign-in."""

from __future__ import annotations

from datetime import datetime, timedelta

LASTS = timedelta(minutes=15)
# Two processes write and read the time, perhaps on two machines.
_APART = timedelta(minutes=1)


def is_recent(proved_at: datetime, now: datetime) -> bool:
    return -_APART <= now - proved_at < LASTS
