"""A plug-in for the measured hubs: how long the event loop was held, and by whose code.

Off until `GET /hub/bench/lag?on=1`; `?on=0` answers with what was seen and switches it off again.

- A ticker wants to run every millisecond; the longest time that it came late is the loop's lag,
  whatever the cause: the Hub, this package, another thread's turn, another process.
- Every callback of the loop is timed. In it a timer signal looks each millisecond whose code runs:
  the innermost frame that belongs to this package (its templates included) or to the Hub. So time
  is this package's when its own code ran, and the Hub's when our page called the Hub to do its work.
  What counts is the thread's CPU time: on a shared machine other processes lengthen the rest. A
  collection of garbage counts as nobody's: it looks through all that the process holds, whoever's
  frame it comes up in.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import time
from collections import Counter
from types import FrameType

from tornado.web import RequestHandler

TICK = 0.001  # seconds
KEPT = 5  # the longest holds that are told with their place
_OURS = ("/jupyterhub_communities/", "/jupyterhub-communities/templates/")
_HUBS = (
    "/site-packages/jupyterhub/",
    "/jupyterhub/templates/",
    "/sqlalchemy/orm/",  # its database; this package's own is asked without
    "/nativeauthenticator/",
)


class Watch:
    """What the loop did since it was switched on."""

    def __init__(self) -> None:
        self.is_on = False
        self._is_collecting = False

    def start(self) -> None:
        self.longest_lag = 0.0
        self.late: Counter[int] = Counter()  # whole milliseconds → how often the ticker was so late
        self.holds: list[tuple[float, float, str]] = []  # ours (CPU), in all (CPU), where
        self.longest_hold = 0.0
        self._spent: Counter[str] = Counter()
        self._where: Counter[str] = Counter()
        self._since = time.thread_time()
        self.is_on = True
        self._loop = asyncio.get_running_loop()
        self._wanted = self._loop.time() + TICK
        self._loop.call_at(self._wanted, self._tick)
        # The loop need not wake for the timer: its self-pipe would fill up while the loop is held.
        self._wakeup_fd = signal.set_wakeup_fd(-1)
        gc.callbacks.append(self._collecting)
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, TICK, TICK)

    def stop(self) -> dict[str, object]:
        self.is_on = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(self._wakeup_fd)
        gc.callbacks.remove(self._collecting)
        return {
            "longest_lag": self.longest_lag,
            "longest_hold": self.longest_hold,
            "longest_of_ours": self.holds[0][0] if self.holds else 0.0,
            "holds_of_ours": self.holds,
            "late": {str(key): count for key, count in sorted(self.late.items())},
        }

    def _tick(self) -> None:
        if not self.is_on:
            return
        now = self._loop.time()
        lag = now - self._wanted
        self.longest_lag = max(self.longest_lag, lag)
        self.late[int(lag * 1000)] += 1
        self._wanted = now + TICK
        self._loop.call_at(self._wanted, self._tick)

    def _collecting(self, phase: str, _info: dict[str, int]) -> None:
        now = time.thread_time()
        self._is_collecting = phase == "start"
        if self._is_collecting:
            self._collects_since = now
        else:
            self._since += now - self._collects_since

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        if self._is_collecting:
            return  # the signal waited for the collection to end, and comes before it is taken off
        owner, where = "other", ""
        while frame is not None:
            name = frame.f_code.co_filename
            if any(part in name for part in _OURS):
                owner = "ours"
                where = f"{name.rsplit('/', 2)[-2]}/{name.rsplit('/', 1)[-1]}:{frame.f_lineno}"
                break
            if any(part in name for part in _HUBS):
                owner = "hub"
                break
            frame = frame.f_back
        now = time.thread_time()
        self._spent[owner] += now - self._since
        if where:
            self._where[where] += now - self._since
        self._since = now

    def begin(self) -> None:
        self._spent.clear()
        self._where.clear()
        self._since = time.thread_time()

    def end(self, held: float) -> None:
        self.longest_hold = max(self.longest_hold, held)
        ours = self._spent["ours"]
        if ours > 0.002:
            (where, _) = self._where.most_common(1)[0]  # the line that took most of it
            self.holds.append((ours, held, where))
            self.holds.sort(reverse=True)
            del self.holds[KEPT:]


watch = Watch()
_run = asyncio.Handle._run


def _timed_run(handle: asyncio.Handle) -> None:
    if not watch.is_on:
        _run(handle)
        return
    begun = time.thread_time()
    watch.begin()
    _run(handle)
    if watch.is_on:
        watch.end(time.thread_time() - begun)


class LagHandler(RequestHandler):
    """Switches the watch on and off."""

    def get(self) -> None:
        if self.get_query_argument("on") == "1":
            asyncio.Handle._run = _timed_run  # type: ignore[method-assign]
            watch.start()
        else:
            self.write(json.dumps(watch.stop()))
            asyncio.Handle._run = _run  # type: ignore[method-assign]
