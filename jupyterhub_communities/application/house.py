"""The house behind both doors: where the Hub and the service call the verbs.

Verbs are plain functions of a `Desk`; they run one after another in a small pool of threads, so the
event loop never waits for the database, and a caller never waits longer than `patience` for one that
does not answer. Only for what need wait for nobody the loop stands still, a moment at most.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..domain.refusals import StorageUnreachable
from .glances import Glances
from .ports import Chance, Clock, Database, Desk, Keyring, Settings, WouldWait
from .rush import Rush

P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[Desk, P], T]

# Seconds that a person's request waits for a database that does not answer, and each further one where
# somebody has just waited in vain: whoever asks twice has a verdict within two.
PATIENCE, _AGAIN = 1.6, 0.3
_SILENCE = 3.0  # seconds that this counts as just now
STILL = 0.005  # seconds: as long as Python lets a thread go on before another one has its turn
LONGEST = 30.0  # seconds that it waits behind others, whom the database does answer; or a timer

# Of the request that asks, for the audit: set at the edge, for all that the request brings about.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

log = logging.getLogger(__name__)


class House:
    """Runs verbs against one database. One per process."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        chance: Chance,
        keys: Keyring,
        settings: Settings,
        threads: int = 1,
        patience: float = PATIENCE,
    ) -> None:
        self.database = database
        self.clock = clock
        self.chance = chance
        self.keys = keys
        self.settings = settings
        self._patience = patience
        self.rush = Rush()
        self._glances = Glances()
        self._answered_at = 0.0  # when the database last answered anybody
        self._gave_up_at = 0.0  # when somebody last waited for it in vain
        self._begun: Future[Any] | None = None  # the last verb that the pool was given
        self._stood_still = 0.0  # seconds of this turn of the loop
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="communities")
        self._side = ThreadPoolExecutor(max_workers=1, thread_name_prefix="communities-side")

    def __deepcopy__(self, memo: dict[int, Any]) -> House:
        """Itself: traitlets copy what a configuration holds, and a process has one house."""
        return self

    def desk(self) -> Desk:
        return Desk(
            database=self.database,
            now=self.clock.now(),
            chance=self.chance,
            keys=self.keys,
            settings=self.settings,
            request_id=request_id.get(),
            rush=self.rush,
        )

    def call(self, verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a verb here and now: for the command line and for tests."""
        return verb(self.desk(), *args, **kwargs)

    async def run(self, verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a verb in the pool. Raises its refusal, or `StorageUnreachable` when the database has
        answered nobody for `patience`.

        Cancelling the caller does not stop a verb that has begun: it commits or undoes as a whole.
        """
        return await self._answer(self._begin(verb, *args, **kwargs), undo=None)

    async def run_short(self, verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `run`, for a verb of some milliseconds at most. Does not give the loop a turn where the
        verb has nobody to wait for: no loop without another `await`."""
        return await self._answer(self._begin_short(verb, *args, **kwargs), undo=None)

    async def run_timed(self, verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `run`, for what the clock asks: nobody waits for it, so it may take longer."""
        return await self._answer(self._begin(verb, *args, **kwargs), undo=None, patience=LONGEST)

    async def look(self, verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `run`, for a short verb that only reads: at once where nobody has to be waited for.

        A trip to the pool and back costs as much again as the look itself, and every page of the
        Hub begins with one.
        """
        at_once = self.database.at_once
        if at_once is not None:
            desk = replace(self.desk(), database=at_once)
            try:
                return self._glances.take(lambda: verb(desk, *args, **kwargs))
            except WouldWait:
                pass
        return await self.run(verb, *args, **kwargs)

    async def compute(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does what may take seconds and is no verb: beside the pool, one at a time, so that no verb
        waits for it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._side, lambda: function(*args, **kwargs))

    async def run_or_undo(
        self, undo: Callable[[Desk], object], verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like `run_short`; but when nobody waits for the answer any more, `undo` follows the verb."""
        return await self._answer(self._begin_short(verb, *args, **kwargs), undo=undo)

    async def holds_timers(self) -> bool:
        """Does this process do what the clock asks? Asked before every pass: whoever held the timers
        may be gone."""
        return await self.run(lambda _: self.database.holds_timers())

    def _begin(self, verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def call() -> T:
            try:
                answer = verb(self.desk(), *args, **kwargs)
            except StorageUnreachable:
                self._gave_up_at = time.monotonic()
                raise
            except Exception:
                self._answered_at = time.monotonic()
                raise
            self._answered_at = time.monotonic()
            return answer

        self._begun = self._pool.submit(copy_context().run, call)
        return self._begun

    def _begin_short(self, verb: Verb[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """With a file, and a pool that has nothing else to do, the loop stands still for it: two
        threads that wait for Python's lock behind each other at every statement take longer, both.
        In a rush it goes on: those who ask gather, and one look answers them."""
        is_idle = self._begun is None or self._begun.done()
        is_near = self.database.at_once is not None
        future = self._begin(verb, *args, **kwargs)
        if is_near and is_idle and not self.rush.goes_on(self.clock.now()):
            self._stand_still(future)
        return future

    def _stand_still(self, future: Future[Any]) -> None:
        """For `STILL` at most in one turn of the loop, however many ask in it."""
        if not self._stood_still:
            asyncio.get_running_loop().call_soon(self._move_on)
        began = time.monotonic()
        wait([future], max(0.0, STILL - self._stood_still))
        self._stood_still += time.monotonic() - began

    def _move_on(self) -> None:
        self._stood_still = 0.0

    async def _answer(
        self,
        future: Future[T],
        *,
        undo: Callable[[Desk], object] | None,
        patience: float | None = None,
    ) -> T:
        if future.done() and not future.cancelled():  # the loop has stood still for it
            return future.result()

        def give_up() -> None:
            # Not begun: it never will. Begun: what it commits is undone after it.
            if not future.cancel() and undo is not None:
                future.add_done_callback(lambda _: self._undo(undo))

        timer: asyncio.TimerHandle | None = None

        def watch() -> None:
            nonlocal timer
            if (left := self._left(asked_at, longest)) > 0:
                timer = loop.call_later(left, watch)
            else:
                _set(answered)

        loop = asyncio.get_running_loop()
        answered = loop.create_future()  # done when the verb is, or when patience is at its end
        future.add_done_callback(lambda _: _tell(loop, answered))
        asked_at = time.monotonic()
        longest = self._patience_now() if patience is None else patience
        watch()
        try:
            await answered
        except asyncio.CancelledError:
            give_up()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if future.done() and not future.cancelled():  # cancelled: the pool is closing
            return future.result()
        give_up()
        self._gave_up_at = time.monotonic()
        raise StorageUnreachable

    def _patience_now(self) -> float:
        """A page that asks several times does not wait each time."""
        is_silent = self._answered_at < self._gave_up_at > time.monotonic() - _SILENCE
        return min(_AGAIN, self._patience) if is_silent else self._patience

    def _left(self, asked_at: float, patience: float) -> float:
        """A classroom that comes at once waits its turn: that is no database that does not answer."""
        now = time.monotonic()
        waited_from = max(asked_at, self._answered_at)
        return min(waited_from + patience, asked_at + LONGEST) - now

    def _undo(self, undo: Callable[[Desk], object]) -> None:
        def attempt() -> None:
            try:
                undo(self.desk())
            except Exception:
                # The reconciling timer settles what could not be undone here.
                log.warning("Could not undo an abandoned change", exc_info=True)

        self._pool.submit(attempt)

    def close(self) -> None:
        """Ends the pool and the database's connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._side.shutdown(wait=False, cancel_futures=True)
        self._glances.close()
        self.database.close()


def _tell(loop: asyncio.AbstractEventLoop, answered: asyncio.Future[None]) -> None:
    """From the pool's thread. At the end of a process nobody listens any more."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(_set, answered)


def _set(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)
