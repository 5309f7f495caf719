"""The run: every hub alive, batches in turn, so that a drifting machine drifts for all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from .hubs import ROOT, MeasuredHub

NEW, RETURNING = "new", "returning"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    repetitions: int = 5
    batches: dict[int, int] = field(  # at once → sign-ins of a batch
        default_factory=lambda: {1: 40, 10: 80, 50: 100, 100: 150}
    )
    hub5_batches: dict[int, int] = field(default_factory=lambda: {10: 60})
    native_batches: dict[int, int] = field(default_factory=lambda: {10: 10})
    warm_up: int = 20
    rooms: int = 3  # how often the classroom fills, and the loop is watched
    classroom: int = 300
    classroom_seconds: float = 30.0  # in which the learners of the classroom arrive

    @classmethod
    def quick(cls) -> Plan:
        """For a busy machine: fewer sign-ins a batch, as many repetitions."""
        return cls(
            batches={1: 12, 10: 20, 50: 50, 100: 100},
            hub5_batches={10: 30},
            native_batches={10: 10},
            rooms=1,
        )

    def of(self, hub: MeasuredHub) -> dict[int, int]:
        if "native" in hub.system.name:
            return self.native_batches
        return self.hub5_batches if "Hub 5" in hub.system.name else self.batches


@dataclass(frozen=True, slots=True)
class Batch:
    """Sign-ins of one kind on one hub, and what they took."""

    system: str
    kind: str
    at_once: int
    repetition: int
    cpu: float  # seconds of the hub's process, in all
    wall: float
    client_cpu: float
    seconds: list[float]
    errors: list[str]
    spread: float = 0.0  # seconds over which people arrived; 0: all clicked at once

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Client:
    """The learners' process."""

    def __init__(self, process: subprocess.Popen[str]):
        assert process.stdin is not None
        assert process.stdout is not None
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout

    def run(self, **job: Any) -> dict[str, Any]:
        print(json.dumps(job), file=self._in, flush=True)
        answer: dict[str, Any] = json.loads(self._out.readline())
        return answer


@contextmanager
def client() -> Iterator[Client]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.signin.client"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Client(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def sign_in(
    learners: Client,
    hub: MeasuredHub,
    kind: str,
    count: int,
    at_once: int,
    *,
    repetition: int = 0,
    spread: float = 0.0,
) -> Batch:
    """One batch. Whoever came in new may return later."""
    people = hub.newcomers(count) if kind == NEW else hub.returners(count)
    way = hub.system.new if kind == NEW else hub.system.returning
    cpu = hub.cpu()
    done = learners.run(url=hub.url, way=way, people=people, at_once=at_once, spread=spread)
    cpu = hub.cpu() - cpu
    if kind == NEW and hub.house is None:
        hub.known = [*people, *hub.known]
    return Batch(
        system=hub.system.name,
        kind=kind,
        at_once=at_once,
        repetition=repetition,
        cpu=cpu,
        wall=done["wall"],
        client_cpu=done["client_cpu"],
        seconds=done["seconds"],
        errors=done["errors"],
        spread=spread,
    )


def prepare(learners: Client, hub: MeasuredHub, plan: Plan) -> dict[str, Any]:
    """People who can return, and a warm hub; what the first sign-ins after a start do to the loop."""
    hub.watch_loop()
    sign_in(learners, hub, NEW, 3, 1)
    first = hub.seen_of_loop()
    count = max(plan.of(hub).values())
    people = hub.newcomers(count)
    way = "by_code_and_confirm" if hub.house is not None else hub.system.new
    done = learners.run(url=hub.url, way=way, people=people, at_once=10)
    if done["errors"]:
        raise RuntimeError(f"{hub.system.name}: {done['errors'][:3]}")
    hub.known = [
        {"name": person["name"], "key": done["keys"].get(person["name"], "")} for person in people
    ]
    warm_up = min(plan.warm_up, count)
    for kind in (NEW, RETURNING):
        sign_in(learners, hub, kind, warm_up, 10)
    return first


def measure(learners: Client, hubs: list[MeasuredHub], plan: Plan) -> Iterator[Batch]:
    """Batches of all hubs in turn; each repetition begins with another hub."""
    for repetition in range(plan.repetitions):
        for at_once in plan.batches:
            for kind in (NEW, RETURNING):
                for hub in _rotated(hubs, repetition):
                    count = plan.of(hub).get(at_once)
                    if count is not None:
                        yield sign_in(learners, hub, kind, count, at_once, repetition=repetition)


def classrooms(learners: Client, hubs: list[MeasuredHub], plan: Plan) -> Iterator[Batch]:
    """Learners behind one address: all at the same moment, and as they arrive in a workshop."""
    count = plan.classroom
    quick = [hub for hub in hubs if hub.system.name in ("dummy", "communities")]
    for repetition in range(plan.rooms):
        for spread in (0.0, plan.classroom_seconds):
            for hub in _rotated(quick, repetition):
                yield sign_in(
                    learners, hub, NEW, count, count, repetition=repetition, spread=spread
                )


def lags(learners: Client, hubs: list[MeasuredHub], plan: Plan) -> Iterator[dict[str, Any]]:
    """What sign-ins, one at a time and many at once, do to the loop."""
    for repetition in range(plan.rooms):
        for hub in _rotated(hubs, repetition):
            count = max(plan.of(hub).values())
            hub.watch_loop()
            for kind in (NEW, RETURNING):
                for at_once in (1, max(plan.of(hub))):
                    sign_in(learners, hub, kind, min(50, count), at_once)
            yield {
                "system": hub.system.name,
                "repetition": repetition,
                **hub.seen_of_loop(),
            }


def _rotated(hubs: list[MeasuredHub], by: int) -> list[MeasuredHub]:
    by %= len(hubs)
    return hubs[by:] + hubs[:by]
