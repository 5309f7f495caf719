"""Looks that whoever asks waits for, a moment at most.

SQLite answers a reader at once, or says at once that it is busy; save where a process holds the locks
by which readers find their place: then it tries for ten seconds, whatever its timeout, and a disk that
hangs takes longer. On an event loop nobody else is served meanwhile. So another thread looks. To wait
for it like this costs a quarter of what a trip to the pool and back does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from .ports import WouldWait

T = TypeVar("T")

MOMENT = 0.1  # seconds


class _Glance(Generic[T]):
    answer: T
    error: BaseException | None = None

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._context = copy_context()
        self._done = threading.Lock()
        self._done.acquire()

    def take(self) -> None:
        try:
            self.answer = self._context.run(self._look)
        except BaseException as error:
            self.error = error
        self._done.release()

    @property
    def is_done(self) -> bool:
        return not self._done.locked()

    def wait(self, seconds: float) -> bool:
        return self._done.acquire(timeout=seconds)


class Glances:
    """One thread, that is begun with the first look."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[_Glance[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._late: _Glance[Any] | None = None  # that nobody waited for any longer

    def take(self, look: Callable[[], T]) -> T:
        """What it finds. Raises what it raises, and `WouldWait` where that takes longer than a moment,
        or an earlier one has not come back."""
        if self._late is not None and not self._late.is_done:
            raise WouldWait
        self._late = None
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="communities-look", daemon=True)
            self._thread.start()
        glance = _Glance(look)
        self._asked.put(glance)
        if not glance.wait(MOMENT):
            self._late = glance
            raise WouldWait
        if glance.error is not None:
            raise glance.error
        return glance.answer

    def _run(self) -> None:
        while (glance := self._asked.get()) is not None:
            glance.take()

    def close(self) -> None:
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join(MOMENT)
