"""Erasures carried out: the Hub's user first, what we hold after it. Tried again until done."""

from __future__ import annotations

import asyncio

from tornado.log import app_log

from ..application.erasure import begin_retention, due_erasures, finish_erasure, forget_tickets
from ..application.house import House
from ..application.ports import Hub
from ..application.repeating import forget_answers
from ..domain.accounts import Account
from .endings import UNREACHABLE

PASS_EVERY = 15.0  # seconds
_PATIENCE = 8.0  # seconds that a person waits for their servers to stop
_ASK_AGAIN_EVERY = 0.5


class Erasures:
    """Whoever is being erased has no access already; nothing here is urgent, and all is repeatable."""

    def __init__(self, house: House, hub: Hub) -> None:
        self._house = house
        self._hub = hub
        self._failed: set[str] = set()  # account ids, said once

    async def keep_carried_out(self, *, every: float = PASS_EVERY) -> None:
        was_failing = False
        while True:
            try:
                if await self._house.holds_timers():
                    await self.pass_once()
                was_failing = False
            except UNREACHABLE as error:
                if not was_failing:
                    app_log.warning("Erasures cannot be carried out now: %r", error)
                was_failing = True
            except Exception:
                app_log.exception("A pass over erasures failed; the next one goes on")
            await asyncio.sleep(every)

    async def pass_once(self) -> None:
        after: str | None = ""
        while after is not None:
            after = await self._house.run(begin_retention, after=after)
        await self._house.run(forget_tickets)
        await self._house.run(forget_answers)
        last = ""
        while due := await self._house.run(due_erasures, after=last):
            for account in due:
                await self._try(account)
            last = due[-1].id

    async def _try(self, account: Account) -> None:
        try:
            if await self.carry_out(account):
                self._failed.discard(account.id)
        except UNREACHABLE as error:
            if account.id not in self._failed:
                app_log.warning("Erasing account %s will be tried again: %r", account.id, error)
            self._failed.add(account.id)

    async def carry_out(self, account: Account) -> bool:
        """False: the servers are still stopping. Safe to repeat."""
        if not await self._hub.delete_user(account.username):
            return False
        await self._house.run(finish_erasure, account.id)
        return True

    async def carry_out_soon(self, account: Account) -> bool:
        """Waits a little for the servers. False: the next pass goes on."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        try:
            while not await self.carry_out(account):
                if loop.time() > deadline:
                    return False
                await asyncio.sleep(_ASK_AGAIN_EVERY)
        except UNREACHABLE as error:
            app_log.warning("Erasing account %s will be tried again: %r", account.id, error)
            return False
        return True
