"""Named points of a start, a stop and a tick, at which a process of a real hub can be held.

Nothing in the package knows of them: a `sitecustomize` of the test's own, which every Python process of
that hub imports, wraps the functions named here as their modules are loaded. A file `NAME` or
`NAME@USERNAME` in the folder arms a point. Who comes there turns the file into `….reached` with its
process id, once, and waits until that is gone: it is released, or killed meanwhile.

The timers of that hub's service keep their own pace. Who appends to the file `ticks` beside the folder
makes each of them pass at once, as if its minute were over, and then wait for its whole minute again.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.abc
import importlib.util
import inspect
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

OURS = "jupyterhub_communities."


@dataclass(frozen=True)
class Point:
    name: str
    module: str
    function: str  # or Class.method
    is_before: bool = False  # else after it


_MIXIN = (f"{OURS}hub.spawner", "CommunitySpawnerMixin")
_LOCAL = ("jupyterhub.spawner", "LocalProcessSpawner")


def _method(name: str, of: tuple[str, str], method: str, *, is_before: bool = False) -> Point:
    return Point(name, of[0], f"{of[1]}.{method}", is_before)


# In the Hub: any number of servers can be held at these at one time.
START = [
    _method("start.asked", _MIXIN, "_admit", is_before=True),
    _method("start.admitted", _MIXIN, "_admit"),
    _method("start.before-spawner", _LOCAL, "start", is_before=True),
    _method("start.is-up", _LOCAL, "start"),
    _method("start.noted", _MIXIN, "start"),
]
STOP = [
    _method("stop.asked", _LOCAL, "stop", is_before=True),
    _method("stop.has-ended", _LOCAL, "stop"),
    _method("stop.before-settled", _MIXIN, "run_post_stop_hook", is_before=True),
    _method("stop.settled", _MIXIN, "run_post_stop_hook"),
]
# After the last statement, before the commit.
IN_TRANSACTION = [
    Point("admitting", f"{OURS}storage.leases", "SqlLeases.add"),
    Point("activating", f"{OURS}storage.leases", "SqlLeases.activate"),
    Point("settling", f"{OURS}storage.balances", "SqlBalances.release"),
]
# In the service.
TICK = [
    Point("metering", f"{OURS}storage.leases", "SqlLeases.note_metered"),
    Point("metered", f"{OURS}application.metering", "meter_step"),
    Point("reconcile.before", f"{OURS}application.reconciling", "find_mends", True),
    Point("reconcile.after", f"{OURS}application.reconciling", "find_mends"),
    Point("mended", f"{OURS}application.reconciling", "mend_leases"),
    Point("adopting", f"{OURS}application.reconciling", "_adopt"),
    Point("warning", f"{OURS}storage.leases", "SqlLeases.plan_stops"),
    Point("warned", f"{OURS}application.running", "plan_stops"),
    Point("hub.before-asked", f"{OURS}hub.client", "HubClient.stop_server", True),
    Point("hub.asked", f"{OURS}hub.client", "HubClient.stop_server"),
]
POINTS = [*START, *STOP, *IN_TRANSACTION, *TICK]
# Whose sleep ends with a tick.
TIMERS = {f"{OURS}service.timers", f"{OURS}service.stops"}


def install(folder: Path) -> None:
    """For this process: modules that are loaded from now on."""
    sys.meta_path.insert(0, _Finder(folder))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted = {point.module for point in POINTS} | TIMERS

    def find_spec(self, name, path=None, target=None):
        if name not in self._wanted:
            return None
        self._wanted.discard(name)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module) -> None:
            load(module)
            _fit(module, self._folder)

        spec.loader.exec_module = exec_module
        return spec


def _fit(module, folder: Path) -> None:
    for point in POINTS:
        if point.module == module.__name__:
            owner, name = _place(module, point.function)
            setattr(owner, name, _wrapped(getattr(owner, name), point, folder))
    if module.__name__ in TIMERS:
        module.asyncio = _TickedAsyncio(ticks_beside(folder))


def ticks_beside(folder: Path) -> Path:
    return folder.with_name("ticks")


class _TickedAsyncio:
    """`asyncio`, save that a tick ends the sleep of those that sleep for a second or more. A tick that
    came since their last sleep ended counts: the pass that was under way began before it."""

    def __init__(self, ticks: Path) -> None:
        self._file = ticks
        self._first = self._ticks()
        self._seen: WeakKeyDictionary[asyncio.Task, int] = WeakKeyDictionary()

    def __getattr__(self, name: str):
        return getattr(asyncio, name)

    def _ticks(self) -> int:
        return self._file.stat().st_size

    async def sleep(self, seconds: float) -> None:
        if seconds < 1:
            await asyncio.sleep(seconds)
            return
        task = asyncio.current_task()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._ticks() != self._seen.get(task, self._first):
                break
            await asyncio.sleep(min(left, 0.05))
        self._seen[task] = self._ticks()


def _place(module, function: str):
    *parts, name = function.split(".")
    return functools.reduce(getattr, parts, module), name


def _wrapped(function, point: Point, folder: Path):
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def at_point(*args, **more):
            if point.is_before:
                await _stay(folder, point, args)
            result = await function(*args, **more)
            if not point.is_before:
                await _stay(folder, point, args)
            return result

    else:

        @functools.wraps(function)
        def at_point(*args, **more):
            if point.is_before:
                _stay_here(folder, point, args)
            result = function(*args, **more)
            if not point.is_before:
                _stay_here(folder, point, args)
            return result

    return at_point


async def _stay(folder: Path, point: Point, args) -> None:
    reached = _reached(folder, point, args)
    while reached is not None and reached.exists():
        await asyncio.sleep(0.01)


def _stay_here(folder: Path, point: Point, args) -> None:
    reached = _reached(folder, point, args)
    while reached is not None and reached.exists():
        time.sleep(0.01)


def _reached(folder: Path, point: Point, args) -> Path | None:
    user = getattr(args[0], "user", None) if args else None
    for armed in (folder / point.name, folder / f"{point.name}@{getattr(user, 'name', '')}"):
        reached = armed.with_name(f"{armed.name}.reached")
        try:
            armed.write_text(str(os.getpid())) if armed.exists() else None
            armed.rename(reached)
        except FileNotFoundError:
            continue
        return reached
    return None
