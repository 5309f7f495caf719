"""A rush: many want a server while there is none left."""

from __future__ import annotations

from datetime import datetime, timedelta

LASTS = timedelta(seconds=1)  # after the last one who was refused


class Rush:
    """Whether one goes on, as far as this process knows. Costs nothing where nobody is refused."""

    def __init__(self) -> None:
        self._refused_at: datetime | None = None

    def note(self, now: datetime) -> None:
        """Somebody was told that it is full."""
        self._refused_at = now

    def goes_on(self, now: datetime) -> bool:
        return self._refused_at is not None and now - self._refused_at < LASTS
