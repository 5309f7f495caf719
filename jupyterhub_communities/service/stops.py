"""Warning and stopping servers by the clock: the plan is kept with the leases, the Hub is asked."""

from __future__ import annotations

import asyncio
from datetime import datetime

from tornado.httpclient import HTTPError as FetchError
from tornado.log import app_log

from ..application.house import House
from ..application.ports import Hub
from ..application.running import is_due, plan_stops
from ..domain.leases import Lease
from ..domain.refusals import StorageUnreachable

LOOK_EVERY = 60.0  # seconds; sooner where somebody is to be warned or stopped sooner
_RETRY_AFTER = 5.0
_SOONEST = 1.0
_AT_ONCE = 8  # servers that the Hub stops for us at the same time
_LONGEST = 60.0  # seconds that one stop may take; then it is asked for again

_UNREACHABLE = (FetchError, OSError, StorageUnreachable, TimeoutError)


class Stops:
    """Stops beside planning: while the Hub takes its time for some, others are warned as they should
    be. Nothing is kept here that a service which starts anew would miss."""

    def __init__(self, house: House, hub: Hub) -> None:
        self._house = house
        self._hub = hub
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._under_way: dict[str, asyncio.Task[None]] = {}  # by lease
        self._is_failing = False

    async def keep_carried_out(self, *, every: float = LOOK_EVERY) -> None:
        """Looks for ever, where this service holds the timers."""
        was_failing = False
        while True:
            wait = min(_RETRY_AFTER, every)
            try:
                if await self._house.holds_timers():
                    wait = self._wait(await self.look_once(), every)
                was_failing = False
            except StorageUnreachable as error:
                if not was_failing:
                    app_log.warning("Servers cannot be warned or stopped now: %r", error)
                was_failing = True
            except Exception:
                app_log.exception("A look at the running servers failed; the next one goes on")
            await asyncio.sleep(wait)

    async def look_once(self) -> datetime | None:
        """Warns who is to be warned, and begins to stop what is due. When to look again at the
        latest, as far as that is known."""
        plan = await self._house.run_timed(plan_stops)
        for lease in plan.due:
            if lease.id not in self._under_way:
                self._under_way[lease.id] = asyncio.create_task(self._stop(lease))
        return plan.next_at

    async def finished(self) -> None:
        """Waits for the stops that are under way."""
        await asyncio.gather(*self._under_way.values())

    def _wait(self, next_at: datetime | None, every: float) -> float:
        if self._is_failing:
            every = min(_RETRY_AFTER, every)
        if next_at is None:
            return every
        coming = (next_at - self._house.clock.now()).total_seconds()
        return min(max(coming, _SOONEST), every)

    async def _stop(self, lease: Lease) -> None:
        """Asks the Hub. It answers before a slow server is gone: who is still there at the next look
        is asked for again."""
        try:
            async with self._slots:
                if await self._house.run(is_due, lease.id):
                    await asyncio.wait_for(self._hub.stop_server(lease.server), _LONGEST)
                    app_log.info("Asked the Hub to stop a server: %s", lease.stop_reason)
            self._is_failing = False
        except _UNREACHABLE as error:
            if not self._is_failing:
                app_log.warning("A server that is due will be stopped later: %r", error)
            self._is_failing = True
        except Exception:
            app_log.exception("A server could not be stopped; the next look tries again")
        finally:
            del self._under_way[lease.id]
