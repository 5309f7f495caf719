"""Which groups of ours this process has lately synced to the Hub, for whom."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

LASTS = 300.0  # seconds; the refresh of a signed-in person compares sooner
MOST = 10_000  # people


class SyncedGroups:
    """Remembers for a while, so that the Hub is not asked to compare the same sets again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._known: OrderedDict[str, tuple[frozenset[str], float]] = OrderedDict()

    def has(self, username: str, groups: frozenset[str]) -> bool:
        known, until = self._known.get(username, (None, 0.0))
        return known == groups and self._clock() < until

    def add(self, username: str, groups: frozenset[str]) -> None:
        self._known[username] = (groups, self._clock() + LASTS)
        self._known.move_to_end(username)
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def forget(self, username: str) -> None:
        self._known.pop(username, None)
