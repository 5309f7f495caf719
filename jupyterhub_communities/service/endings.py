"""What follows the end of somebody's access: the Hub is told, at once or by the next pass."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from tornado.httpclient import HTTPError as FetchError
from tornado.log import app_log

from ..application.ending import (
    ends_carried_out,
    note_ends_carried_out,
    people_to_look_at,
    plan_ending,
)
from ..application.heirs import hand_on_of_all
from ..application.house import House
from ..application.line import end_lost_places
from ..application.ports import Hub
from ..domain.access import Access
from ..domain.refusals import StorageUnreachable

PASS_EVERY = 10.0  # seconds
# A change may be committed a little after its own time: each pass looks back over the last one.
_OVERLAP = timedelta(seconds=10)
_AT_ONCE = 8  # people whom the Hub is told of at the same time
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

UNREACHABLE = (FetchError, OSError, StorageUnreachable)


class Endings:
    """Carries out ends: groups, tokens and running servers follow what the database says.

    The Hub's own login sessions end by themselves: the authenticator looks again every 30 seconds.
    """

    def __init__(self, house: House, hub: Hub) -> None:
        self._house = house
        self._hub = hub
        self._until: datetime | None = None
        self._failed: set[str] = set()  # usernames to try again
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """The next pass is now."""
        self._awake.set()

    async def keep_carried_out(self, *, every: float = PASS_EVERY) -> None:
        """Passes for ever: when woken, and by the clock where this service holds the timers. What
        fails is said once, and tried again."""
        was_failing = False
        while True:
            is_woken = self._awake.is_set()
            self._awake.clear()
            try:
                if is_woken or await self._house.holds_timers():
                    await self.pass_once()
                was_failing = False
            except UNREACHABLE as error:
                if not was_failing:
                    app_log.warning("Ends of access cannot be carried out now: %r", error)
                was_failing = True
            except Exception:
                app_log.exception("A pass over ends of access failed; the next one goes on")
            try:
                await asyncio.wait_for(self._awake.wait(), every)
            except TimeoutError:
                pass

    async def pass_once(self) -> None:
        """Everybody whose access may have ended since the last pass, and who failed before."""
        now = self._house.clock.now()
        if self._until is None:
            self._until = await self._house.run(ends_carried_out) or _FIRST + _OVERLAP
        since, after = self._until - _OVERLAP, ""
        await self._carry_out_all(self._failed.copy())
        while people := await self._house.run(people_to_look_at, since, now, after=after):
            await self._house.run(hand_on_of_all, [person.id for person in people])
            await self._carry_out_all({person.username for person in people})
            after = people[-1].id
        self._until = now
        if not self._failed:
            await self._house.run(note_ends_carried_out, now)

    async def _carry_out_all(self, usernames: set[str]) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(username: str) -> None:
            async with slots:
                try:
                    await self.carry_out(username)
                    self._failed.discard(username)
                except UNREACHABLE as error:
                    if username not in self._failed:
                        app_log.warning("An end of access will be tried again: %r", error)
                    self._failed.add(username)

        await asyncio.gather(*map(one, usernames))

    async def carry_out(self, username: str) -> None:
        """Tells the Hub what this person may not do any more. Safe to repeat, and for anybody."""
        ending = await self._house.run(plan_ending, username)
        if ending is None:
            return
        is_spared = (
            ending.access is not Access.FULL
            and ending.spares_admins
            and await self._hub.has_role(username)
        )
        await self._house.run(end_lost_places, username, is_hub_admin=is_spared)
        prefix = self._house.settings.group_prefix
        await self._hub.set_groups(username, ending.groups, prefix=prefix)
        if ending.access is Access.FULL:
            stop = ending.stop
        elif is_spared:
            return
        elif ending.access is Access.GRACE:
            stop = ending.stop
            await self._hub.revoke_tokens(username, keep_servers=True)
        else:
            await self._hub.revoke_tokens(username, keep_servers=False)
            stop = tuple(await self._hub.servers_of(username))
        for server in stop:
            await self._hub.stop_server(server)
