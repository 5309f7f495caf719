"""What the service does by the clock: reconciling leases, metering, chaining the audit trail, and
leaving when the Hub is gone."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator

from tornado.httpclient import HTTPError as FetchError
from tornado.log import app_log

from ..application.audit import chain_step
from ..application.house import House, Verb
from ..application.metering import Step, meter_step, metering_steps
from ..application.ports import Hub
from ..application.reconciling import Mended, find_mends, mend_leases, recount
from ..application.waiting import pass_seats_on
from ..domain.refusals import StorageUnreachable
from ..parent import STARTED_BY

# Seconds. What differs is mended within a minute, also where it came to differ just after a pass had
# looked: the next one begins, and is over, by then.
RECONCILE_EVERY = 50.0
PASS_ON_EVERY = 60.0
METER_EVERY = 60.0
METER_ENDED_EVERY = 10.0
CHAIN_EVERY = 60.0
TIDY_EVERY = 5.0
_RETRY_AFTER = 5.0  # what failed, and whether the service that holds the timers is still there
_LOOK_FOR_PARENT_EVERY = 1.0
_MENDED_AT_ONCE = 25  # leases in one transaction
# Between two transactions of a tick: who waits for SQLite's lock looks again after so long.
_BREATH = 0.05


async def keep_reconciled(house: House, hub: Hub, *, every: float = RECONCILE_EVERY) -> None:
    """At once, then so often that each minute has a whole pass: leases agree with the servers that the
    Hub reports. Counters are compared with the leases once, when this service comes to hold the timers."""
    was_failing = is_counted = False
    while True:
        is_mine = False
        try:
            is_mine = await house.holds_timers()
            if is_mine and not is_counted:
                await recount_once(house)
            is_counted = is_mine
            if is_mine:
                await reconcile_once(house, hub)
            was_failing = False
        except (FetchError, OSError, StorageUnreachable) as error:
            if not was_failing:  # said once, tried again soon
                app_log.warning("Leases cannot be reconciled now: %r", error)
            was_failing = True
        except Exception:
            app_log.exception("Reconciling failed; the next time goes on")
            was_failing = True
        await asyncio.sleep(every if is_mine and not was_failing else min(_RETRY_AFTER, every))


async def reconcile_once(house: House, hub: Hub) -> None:
    snapshot_at = house.clock.now()  # before asking: what starts meanwhile is younger
    servers = await hub.servers()
    found = await house.run_timed(find_mends, servers, snapshot_at)
    mended = Mended()
    for part in found.parts(_MENDED_AT_ONCE):
        some = await house.run_timed(mend_leases, part)
        mended = Mended(mended.settled + some.settled, mended.adopted + some.adopted)
        await asyncio.sleep(_BREATH)
    if mended.settled or mended.adopted:
        app_log.info("Reconciled: %d settled, %d adopted", len(mended.settled), len(mended.adopted))


async def recount_once(house: House) -> None:
    if wrong := await house.run_timed(recount):
        app_log.warning("%d counters of quotas did not add up, and were mended", wrong)


async def keep_metered(
    house: House, *, every: float = METER_EVERY, steps: Verb[[], Iterator[Step]] = metering_steps
) -> None:
    """At once, then every minute: what runs is in the usage, so that no more than that is in doubt.
    More often with `ended_steps` alone."""
    while True:
        is_mine, began = False, time.monotonic()
        try:
            if is_mine := await house.holds_timers():
                await meter_once(house, steps)
        except StorageUnreachable:
            pass  # said by the timer that reconciles; the gap is metered when it is over
        except Exception:
            app_log.exception("Metering failed; the next pass meters all of it")
        wanted = every if is_mine else min(_RETRY_AFTER, every)
        await asyncio.sleep(max(_BREATH, began + wanted - time.monotonic()))


async def meter_once(house: House, steps: Verb[[], Iterator[Step]] = metering_steps) -> None:
    for step in await house.run_timed(steps):
        await house.run_timed(meter_step, step)
        if not step.is_last or not step.is_complete:
            await asyncio.sleep(_BREATH)


async def keep_passing_seats_on(house: House, *, every: float = PASS_ON_EVERY) -> None:
    """Seats that nobody took in time go to the next in line, also when nobody looks."""
    while True:
        try:
            if await house.holds_timers():
                await house.run(pass_seats_on)
        except StorageUnreachable:
            pass  # said by the timer that reconciles
        await asyncio.sleep(every)


async def keep_chained(house: House, *, every: float = CHAIN_EVERY) -> None:
    """At once, then every minute: what was written to the audit trail is in a link."""
    while True:
        is_mine = False
        try:
            if is_mine := await house.holds_timers():
                await chain_once(house)
        except StorageUnreachable:
            pass  # said by the timer that reconciles
        except Exception:
            app_log.exception("Chaining the audit trail failed; the next minute goes on")
        await asyncio.sleep(every if is_mine else min(_RETRY_AFTER, every))


async def chain_once(house: House) -> None:
    """In steps. Whoever rewrites the trail does not rewrite the log: it tells every link."""
    while link := await house.run_timed(chain_step):
        app_log.info("Audit trail: link %d:%s", link.number, link.hash)
        await asyncio.sleep(_BREATH)


async def keep_tidy(house: House, *, every: float = TIDY_EVERY) -> None:
    """What the database puts off is done between the starts."""
    while True:
        try:
            if await house.holds_timers():
                await house.compute(house.database.tidy)
        except StorageUnreachable:
            pass  # said by the timer that reconciles
        await asyncio.sleep(every)


async def leave_with_the_hub(leave: Callable[[], None]) -> None:
    """Calls `leave` when the Hub that started this process is gone, or was before it got here.

    After a SIGKILL of the Hub nobody ends its services, and an orphan would keep the port.
    """
    while os.getppid() == STARTED_BY:
        await asyncio.sleep(_LOOK_FOR_PARENT_EVERY)
    app_log.warning("The Hub is gone; so is its service")
    leave()
