"""`python -m benchmarks.tick --out DIR`: what the service's tick takes with thousands of servers, how
long it keeps others from writing, and what starts take meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from houses import SetClock
from postgres import Postgresql
from sqlalchemy import insert
from transactions import writing

from benchmarks import filled
from benchmarks.signin.report import environment, p, table
from benchmarks.tick.beside import start_and_stop
from jupyterhub_communities.application.house import House
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.service.stops import Stops
from jupyterhub_communities.service.timers import meter_once, reconcile_once, recount_once
from jupyterhub_communities.storage.tables import leases

ACTIVE = (1_000, 10_000)
ENDED = 300  # a workshop that is over, in the minute before each tick
MOST_MS = 100.0  # that a transaction may keep others from writing
PEOPLE = 20
MINUTE = timedelta(minutes=1)
Part = Callable[[], Coroutine[Any, Any, object]]


class HubOf:
    """A Hub that runs the servers which have leases."""

    def __init__(self, servers: Mapping[ServerKey, RunningServer]) -> None:
        self._servers = servers

    async def servers(self) -> Mapping[ServerKey, RunningServer]:
        return self._servers

    async def stop_server(self, server: ServerKey) -> None:
        raise AssertionError("nothing is due")


@dataclass
class Taken:
    """What one part of the ticks took, in seconds."""

    whole: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)  # each transaction, from its turn on
    lag: list[float] = field(default_factory=list)  # of the event loop, the longest each time


class Filled:
    """A house of one size, with its service's timers and the Hub's process beside it."""

    def __init__(self, database: str, active: int, folder: Path, server: Postgresql) -> None:
        self.database, self.active, self.folder = database, active, folder
        filled.database(database, folder, server)
        self.house, self.place, people = filled.house(folder, days=30, people=PEOPLE)
        self.people = [name for name, _ in people]
        filled.add_active(self.house, self.place, active)
        with self.house.database.read() as store:
            found = [lease.server for lease in store.leases.unsettled()]
        hub: Any = HubOf({key: RunningServer(key, ready=True) for key in found})
        stops = Stops(self.house, hub)
        self.parts: dict[str, Part] = {
            "meter": lambda: meter_once(self.house),
            "reconcile": lambda: reconcile_once(self.house, hub),
            "plan stops": stops.look_once,
            "recount": lambda: recount_once(self.house),
        }
        self.taken = {name: Taken() for name in self.parts}
        self.starts: list[float] = []
        self._ended = 0

    def tick(self) -> None:
        clock = self.house.clock
        assert isinstance(clock, SetClock)
        self._end_some()
        clock.time += MINUTE
        for name, part in self.parts.items():
            with writes_timed(self.house, self.taken[name].writes):
                began, cpu = perf_counter(), process_time()
                self.taken[name].lag.append(asyncio.run(_with_lag(part)))
                self.taken[name].whole.append(perf_counter() - began)
                self.taken[name].cpu.append(process_time() - cpu)

    def _end_some(self) -> None:
        """Rows of leases that have ended since the last tick."""
        rows = [
            filled.row(f"ended-{self._ended + n}", f"ended-{n}", self.place)
            | {"requested_at": self.house.clock.now(), "active_at": self.house.clock.now()}
            | {"settled_at": self.house.clock.now() + MINUTE / 2}
            for n in range(ENDED)
        ]
        self._ended += ENDED
        with writing(self.house.database) as connection:
            connection.execute(insert(leases), rows)

    def forget(self) -> None:
        self.taken = {name: Taken() for name in self.parts}


@contextmanager
def writes_timed(house: House, seconds: list[float]) -> Iterator[None]:
    """How long each writing transaction of this process has its turn."""
    write = house.database.write

    @contextmanager
    def timed() -> Iterator[Any]:
        with write() as store:
            began = perf_counter()
            try:
                yield store
            finally:
                wrote = began
        seconds.append(perf_counter() - wrote)  # with the commit

    house.database.write = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        house.database.write = write  # type: ignore[method-assign]


async def _with_lag(part: Part) -> float:
    """The longest that the event loop came late meanwhile."""
    task = asyncio.ensure_future(part())
    longest = 0.0
    while not task.done():
        asked = perf_counter()
        await asyncio.sleep(0.002)
        longest = max(longest, perf_counter() - asked - 0.002)
    await task
    return longest


@contextmanager
def starts_beside(one: Filled) -> Iterator[None]:
    spawn = multiprocessing.get_context("spawn")
    ready, over, answers = spawn.Event(), spawn.Event(), spawn.Queue()
    hub = spawn.Process(
        target=start_and_stop, args=(one.folder, one.people, ready, over, answers), daemon=True
    )
    hub.start()
    ready.wait(60)
    try:
        yield
    finally:
        over.set()
        one.starts += answers.get(timeout=60)
        hub.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.tick", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print where one tick's time goes")
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    options = parser.parse_args()
    kinds = [options.only] if options.only else ["SQLite", "PostgreSQL"]
    with (
        tempfile.TemporaryDirectory(prefix="tick-", ignore_cleanup_errors=True) as folder,
        closing(Postgresql()) as server,
    ):
        houses = [
            Filled(kind, active, Path(folder) / f"{kind}-{active}", server)
            for kind in kinds
            for active in ACTIVE
        ]
        for one in houses:
            one.tick()
            one.forget()
            if options.profile:
                _profile(one)
        for number in range(options.rounds):
            start = number % len(houses)
            for one in houses[start:] + houses[:start]:
                with starts_beside(one):
                    one.tick()
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        for one in houses:
            one.house.close()
    write(options.out, houses, rounds=options.rounds)


def _profile(one: Filled) -> None:
    """Of what the pool's thread does: it is called here."""
    from jupyterhub_communities.application.metering import meter_leases

    one._end_some()
    one.house.clock.time += MINUTE  # type: ignore[attr-defined]
    profile = cProfile.Profile()
    profile.runcall(one.house.call, meter_leases)
    print(f"{one.database}, {one.active} active", flush=True)
    profile.print_stats("cumulative") if one.active == max(ACTIVE) else None


def rows(houses: list[Filled]) -> list[dict[str, Any]]:
    return [
        {
            "database": one.database,
            "active": one.active,
            "part": name,
            "whole_ms": 1000 * median(taken.whole),
            "cpu_ms": 1000 * median(taken.cpu),
            "writes": len(taken.writes) / len(taken.whole),
            "longest_write_ms": 1000 * max(taken.writes, default=0.0),
            "lag_ms": 1000 * max(taken.lag),
        }
        for one in houses
        for name, taken in one.taken.items()
    ]


def markdown(result: dict[str, Any]) -> str:
    made = ", ".join(f"{name} {value}" for name, value in result["environment"].items())
    names = ("whole_ms", "cpu_ms", "writes", "longest_write_ms", "lag_ms")
    heads = ["database", "active", "part", "ms", "CPU ms", "writes", "longest write", "loop's lag"]
    starts = [
        [
            one["database"],
            f"{one['active']:,}",
            str(one["n"]),
            *(f"{one[name]:.1f}" for name in ("p50_ms", "p99_ms", "max_ms")),
        ]
        for one in result["starts"]
    ]
    found = [
        [one["database"], f"{one['active']:,}", one["part"], *(f"{one[n]:.1f}" for n in names)]
        for one in result["rows"]
    ]
    return (
        f"# A tick: what the service does each minute\n\n{made}; {result['rounds']} rounds; {ENDED} "
        "servers have ended in the minute before each.\n\n"
        "Whole parts and CPU are medians (CPU of this process: the database too with SQLite); a write is "
        "one transaction, from its turn to its commit, and the longest of all rounds stands here, as does "
        f"the longest that the event loop came late. A write may take {MOST_MS:g} ms.\n\n"
        + table(heads, found)
        + "\n\nStarts by another process while the ticks go on, in ms:\n\n"
        + table(["database", "active", "starts", "p50", "p99", "longest"], starts)
        + "\n"
    )


def write(folder: Path, houses: list[Filled], *, rounds: int) -> None:
    """Writes `tick.json` and `tick.md`."""
    result = {
        "environment": environment(),
        "rounds": rounds,
        "rows": rows(houses),
        "starts": [
            {
                "database": one.database,
                "active": one.active,
                "n": len(one.starts),
                "p50_ms": 1000 * median(one.starts),
                "p99_ms": 1000 * p(one.starts, 99),
                "max_ms": 1000 * max(one.starts),
            }
            for one in houses
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tick.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "tick.md").write_text(markdown(result))
    print(markdown(result))


main()
