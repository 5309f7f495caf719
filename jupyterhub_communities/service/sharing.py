"""Access to a learner's server for who helps them: told to the Hub, and taken back in time."""

from __future__ import annotations

import asyncio

from tornado.httpclient import HTTPError as FetchError
from tornado.log import app_log

from ..application.hands import (
    Shared,
    accesses_over,
    end_old_hands,
    is_shared,
    note_removed,
    username_of,
)
from ..application.house import House
from ..application.ports import Hub
from ..domain.hands import ServerAccess
from ..domain.refusals import StorageUnreachable

PASS_EVERY = 10.0  # seconds

_UNREACHABLE = (FetchError, OSError, StorageUnreachable)


class Sharing:
    """What is over is taken back at once where somebody ended it, else by the clock; and asked for
    again until the Hub has done it."""

    def __init__(self, house: House, hub: Hub) -> None:
        self._house = house
        self._hub = hub
        self._turn = asyncio.Lock()

    async def share(self, access: ServerAccess) -> None:
        """Raises what the client of the Hub raises: then nothing was given."""
        helper = await self._house.run(username_of, access.helper_id)
        if helper is None:
            return
        async with self._turn:
            if not await self._house.run(is_shared, access.id):
                return
            await self._hub.share_server(access.server, helper)
            if not await self._house.run(is_shared, access.id):  # another service took it back
                await self._hub.unshare_server(access.server, helper)

    async def pass_once(self) -> None:
        """Raises what the Hub says last, when all were tried."""
        failed: Exception | None = None
        async with self._turn:
            for shared in await self._house.run(accesses_over):
                try:
                    await self._take_back(shared)
                except (FetchError, OSError) as error:
                    failed = error
        if failed is not None:
            raise failed

    async def _take_back(self, shared: Shared) -> None:
        await self._hub.unshare_server(shared.access.server, shared.helper)
        await self._house.run(note_removed, shared.access.id)

    async def carry_out(self) -> None:
        """At once; what fails is tried again by the clock."""
        try:
            await self.pass_once()
        except _UNREACHABLE as error:
            app_log.warning("Access to a server will be taken back later: %r", error)

    async def keep_carried_out(self, *, every: float = PASS_EVERY) -> None:
        was_failing = False
        while True:
            try:
                if await self._house.holds_timers():
                    await self._house.run(end_old_hands)
                    await self.pass_once()
                was_failing = False
            except _UNREACHABLE as error:
                if not was_failing:  # said once, tried again soon
                    app_log.warning("Access to servers cannot be taken back now: %r", error)
                was_failing = True
            except Exception:
                app_log.exception("Taking back access to servers failed; the next pass goes on")
            await asyncio.sleep(every)
