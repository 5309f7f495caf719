"""Servers that have come up, noted together: where a class starts at once, each would take a turn in
the database of its own, just when the others want theirs."""

from __future__ import annotations

import asyncio

from tornado.log import app_log

from ..application.house import House
from ..application.leases import activate
from ..domain.refusals import StorageUnreachable

ACTIVATIONS = "communities_activations"  # where the Hub's settings have them
GATHERED = 0.5  # seconds


class Activations:
    """Of one Hub, on its event loop. What is lost with it, reconciling notes."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._unwritten: set[str] = set()  # lease ids
        self.writing: asyncio.Task[None] | None = None

    def note(self, lease_id: str) -> None:
        """Its server has come up."""
        self._unwritten.add(lease_id)
        if self.writing is None or self.writing.done():
            self.writing = asyncio.create_task(self._write())

    def has(self, lease_id: str | None) -> bool:
        """Whether that was noted and may not be written yet: who settles the lease writes it too."""
        return lease_id in self._unwritten

    async def _write(self) -> None:
        while self._unwritten:
            await asyncio.sleep(GATHERED)
            gathered = tuple(self._unwritten)
            try:
                await self._house.run(activate, *gathered)
            except StorageUnreachable:
                app_log.info("%s starts are noted by the next reconciling", len(gathered))
            finally:
                self._unwritten.difference_update(gathered)
