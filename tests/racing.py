"""Races: verbs of the house, called at the same instant from several processes.

The processes are started once; each race hands them a folder and the name of a verb in `RACES`. A few
race in threads of their own; a crowd comes as in a hub, through each house's own pool.
Controls take guards out. Without turns nobody waits for anybody, and whoever has looked something
up dawdles before acting on it; without caps the `UPDATE … WHERE` becomes look-then-write.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from houses import SeededChance, SetClock, actor_of, open_house_in, open_taller
from sqlalchemy import Engine, event, select, update

from jupyterhub_communities.application import (
    changing,
    invites,
    issuing,
    key_requests,
    leases,
    members,
    people,
    repeating,
    waiting,
)
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import InviteChange
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.ports import Desk, Hold
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.refusals import Refusal
from jupyterhub_communities.storage.balances import SqlBalances
from jupyterhub_communities.storage.database import SqlDatabase
from jupyterhub_communities.storage.invites import SqlInvites
from jupyterhub_communities.storage.postgresql import Postgresql
from jupyterhub_communities.storage.sqlite import Sqlite
from jupyterhub_communities.storage.store import SqlStore
from jupyterhub_communities.storage.tables import invites as invite_table

NOW = datetime.now(UTC)  # each process has its own clock, a little apart
PROCESSES = 4
THREADS = 3  # of each process
CROWD = 50  # of each process
_DAWDLES = 0.02  # seconds between looking and acting, without turns
_SPIN = "spin"


def redeem(house: House, who: str, code: str) -> object:
    return house.call(invites.redeem_invite, JoinRequest(code, who, f"N{who}"))


def redeem_own(house: House, who: str, codes: list[str]) -> object:
    """Each with a code of their own: no seat is fought for."""
    return redeem(house, who, codes[_number(who)])


def redeem_the_same_form(house: House, who: str, code: str) -> str:
    return house.call(invites.redeem_invite, JoinRequest(code, "one", "Luz")).account.username


def wait_in_line(house: House, who: str, code: str) -> int:
    return house.call(waiting.wait_in_line, JoinRequest(code, who, f"N{who}")).ticket.number


def pass_seats_on(house: House, who: str) -> None:
    house.call(waiting.pass_seats_on)


def start(house: House, who: str) -> object:
    return house.call(leases.admit, StartRequest(who, ServerKey(f"person-{who}")))


def start_another(house: House, who: str, username: str) -> object:
    return house.call(leases.admit, StartRequest(who, ServerKey(username, who)))


def start_and_stop(house: House, who: str, usernames: list[str]) -> None:
    """People of two communities, in and out: every level is wanted at once."""
    username = usernames[_number(who) % len(usernames)]
    for turn in range(3):
        lease = f"{who}-{turn}"
        house.call(leases.admit, StartRequest(lease, ServerKey(username, who)))
        house.call(leases.settle, lease)


def open_reserving(house: House, who: str, seats: int) -> object:
    return open_taller(house, title=f"Taller {who}", seats=seats, is_reserved=True)


def start_among(house: House, who: str, usernames: list[str]) -> object:
    """Each of these people starts a server."""
    return house.call(leases.admit, StartRequest(who, ServerKey(usernames[_number(who)])))


async def start_in_a_crowd(house: House, who: str, wishes: list[tuple[str, str]]) -> object:
    """Each of these people starts a server of a profile, as their spawner asks for it."""
    username, profile = wishes[_number(who, CROWD)]
    request = StartRequest(who, ServerKey(username), profile=profile)
    return await leases.ask_to_start(house, request)


def choose_language(house: House, who: str) -> None:
    house.call(people.choose_language, "newcomer", "es")


def open_workshop(house: House, who: str) -> str:
    return open_taller(house, title="Taller").workshop.slug


def leave(house: House, who: str, community: str, champions: list[str]) -> object:
    username = champions[_number(who) % len(champions)]
    return house.call(members.remove_member, actor_of(house, username), community, username)


def approve(house: House, who: str, number: str, usernames: list[str]) -> object:
    username = usernames[_number(who) % len(usernames)]
    return house.call(
        key_requests.approve_key,
        actor_of(house, "ana"),
        "andes",
        None,
        username,
        number,
        has_hub_role=False,
    )


def add_a_seat(house: House, who: str, invite_id: str) -> object:
    change = InviteChange(more_seats=1)
    return house.call(issuing.change_invite, actor_of(house, "ana"), "andes", invite_id, change)


def change_the_same_version(house: House, who: str, invite_id: str, version: str) -> object:
    """Each gives a number of seats of their own to what all of them have looked at."""
    change = InviteChange(seats=20 + _number(who))
    place = (actor_of(house, "ana"), "andes", invite_id)
    return house.call(issuing.change_invite, *place, change, expected={version})


def change_the_same_workshop(house: House, who: str, slug: str, version: str) -> object:
    """Each gives a title of their own to what all of them have looked at."""
    place = (actor_of(house, "ana"), "andes", slug)
    change = changing.WorkshopChange(title=f"Taller {who}")
    return house.call(changing.change_workshop, *place, change, expected={version})


def send_the_same_request(house: House, who: str) -> str:
    request = repeating.Request(username="ana", account_id=None, key="1", asked="a workshop")

    def verb(desk: Desk) -> str:
        return open_taller(_AtDesk(desk), title="Taller").workshop.slug

    return house.call(repeating.once, request, verb)


def _number(who: str, of_each: int = THREADS) -> int:
    process, call = who.split("-")
    return int(process) * of_each + int(call)


RACES: dict[str, Callable[..., object]] = {
    race.__name__: race
    for race in (
        redeem,
        redeem_own,
        redeem_the_same_form,
        wait_in_line,
        pass_seats_on,
        start,
        start_another,
        start_and_stop,
        start_among,
        open_reserving,
        choose_language,
        open_workshop,
        leave,
        approve,
        add_a_seat,
        change_the_same_version,
        change_the_same_workshop,
        send_the_same_request,
    )
}
CROWDS: dict[str, Callable[..., Awaitable[object]]] = {start_in_a_crowd.__name__: start_in_a_crowd}


class UncappedInvites(SqlInvites):
    """Looks, then writes."""

    def take_seat(self, invite_id: str) -> bool:
        query = select(invite_table.c.seats, invite_table.c.taken).where(
            invite_table.c.id == invite_id
        )
        seats, taken = self._connection.execute(query).one()
        if seats is not None and taken >= seats:
            return False
        self._connection.execute(
            update(invite_table).where(invite_table.c.id == invite_id).values(taken=taken + 1)
        )
        return True


class UncappedBalances(SqlBalances):
    """Looks, then writes: one counter after another, for two who write them all at once without taking
    turns would wait for each other."""

    def hold(self, holds: Iterable[Hold]) -> bool:
        return super().hold(replace(hold, cap=None) for hold in holds)

    def _execute(self, taking: Any, wanted: Sequence[Mapping[str, Any]], **more: object) -> int:
        each = super()._execute
        return sum(each(taking, [one], **more) for one in wanted)


@contextmanager
def _without_turns(is_crowd: bool) -> Iterator[None]:
    def dawdle(_connection, _cursor, statement, *_more) -> None:
        # A crowd comes one after another: all of it sees what is left at a time, if that takes longest.
        if statement.startswith("SELECT") and (not is_crowd or "FROM balances" in statement):
            time.sleep(_DAWDLES)

    before = Sqlite.begin_write, Postgresql.begin_write, SqlDatabase._own_turn
    SqlDatabase._own_turn = lambda _: nullcontext()
    Sqlite.begin_write = "SELECT 1"  # no transaction: every statement on its own
    Postgresql.begin_write = "BEGIN"
    event.listen(Engine, "after_cursor_execute", dawdle)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", dawdle)
        Sqlite.begin_write, Postgresql.begin_write, SqlDatabase._own_turn = before


@contextmanager
def _without_caps(_is_crowd: bool) -> Iterator[None]:
    invites, balances = vars(SqlStore)["invites"], vars(SqlStore)["balances"]
    before = invites.make, balances.make
    invites.make, balances.make = UncappedInvites, UncappedBalances
    try:
        yield
    finally:
        invites.make, balances.make = before


WITHOUT = {"turns": _without_turns, "caps": _without_caps}


@dataclass(frozen=True, slots=True)
class Job:
    """What all processes do at the same instant."""

    folder: Path
    race: str
    arguments: tuple[Any, ...]
    without: tuple[str, ...]
    settings: dict[str, Any]
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call, and after how many seconds."""

    who: str
    outcome: str  # `won` or what it answered, a refusal's code, or the error
    seconds: float


class _AtDesk:
    """A house for a verb that has its turn in the pool already."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.clock = SetClock(desk.now)

    def call(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return verb(self._desk, *args, **kwargs)


def _serve(number: int, jobs: Any, gates: Any, results: Any) -> None:
    while (job := jobs.get()) is not None:
        results.put(_run(number, gates, job) if isinstance(job, Job) else _spin(gates[1]))


def _spin(gate: Any) -> float:
    """For how many seconds this process waits for each second of a processor that it gets."""
    gate.wait(60)
    began, used = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < 0.2:
        pass
    return (time.perf_counter() - began) / (time.process_time() - used)


def _run(number: int, gates: Any, job: Job) -> list[Answer]:
    with ExitStack() as controls:
        for guard in job.without:
            controls.enter_context(WITHOUT[guard](job.is_crowd))
        chance = SeededChance(number + 10)
        # A crowd is no less patient than the people of a hub.
        busy = {} if job.is_crowd else {"busy_timeout": 30}
        house = open_house_in(job.folder, clock=SetClock(NOW), chance=chance, **busy)
        controls.callback(house.close)
        house.settings = replace(house.settings, **job.settings)
        if job.is_crowd:
            return asyncio.run(_crowd(number, gates[1], house, job))
        return _few(number, gates[0], house, job)


def _few(number: int, gate: Any, house: House, job: Job) -> list[Answer]:
    answers: list[Answer] = []

    def run(who: str) -> None:
        gate.wait(60)
        began = time.perf_counter()
        try:
            outcome = _outcome(RACES[job.race](house, who, *job.arguments))
        except Exception as error:
            outcome = _failure(error)
        answers.append(Answer(who, outcome, time.perf_counter() - began))

    runners = [
        threading.Thread(target=run, args=(f"{number}-{thread}",)) for thread in range(THREADS)
    ]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    return answers


async def _crowd(number: int, gate: Any, house: House, job: Job) -> list[Answer]:
    """All of them wait for the house's pool, as requests to a hub do."""

    async def run(who: str) -> Answer:
        try:
            outcome = _outcome(await CROWDS[job.race](house, who, *job.arguments))
        except Exception as error:
            outcome = _failure(error)
        return Answer(who, outcome, time.perf_counter() - began)

    await asyncio.gather(*(_warm_up(house, f"{number}-{n}") for n in range(house.database.threads)))
    gate.wait(60)
    began = time.perf_counter()
    return await asyncio.gather(*(run(f"{number}-{call}") for call in range(CROWD)))


async def _warm_up(house: House, who: str) -> None:
    """As in a hub where some have started and stopped servers before: statements are prepared."""
    for turn in range(6):
        lease = f"before-{who}-{turn}"
        await house.run(leases.admit, StartRequest(lease, ServerKey(lease)))
        await house.run(leases.settle, lease)


def _outcome(answer: object) -> str:
    return str(answer) if isinstance(answer, (str, int)) else "won"


def _failure(error: Exception) -> str:
    return error.code if isinstance(error, Refusal) else f"error: {error!r}"[:500]


class Racers:
    """The processes, ready to run."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        # Kept: a barrier that nobody here knows is gone before a process has opened it.
        self._gates = (context.Barrier(PROCESSES * THREADS), context.Barrier(PROCESSES))
        self._jobs = [context.Queue() for _ in range(PROCESSES)]
        self._results = context.Queue()
        self._processes = [
            context.Process(
                target=_serve, args=(number, jobs, self._gates, self._results), daemon=True
            )
            for number, jobs in enumerate(self._jobs)
        ]
        for process in self._processes:
            process.start()

    def run(
        self,
        folder: Path,
        race: str,
        *arguments: Any,
        without: tuple[str, ...] = (),
        **settings: Any,
    ) -> list[str]:
        """What became of each call."""
        answers = self._all_do(Job(folder, race, arguments, without, settings))
        return sorted(answer.outcome for answer in answers)

    def rush(
        self, folder: Path, race: str, *arguments: Any, without: tuple[str, ...] = ()
    ) -> list[Answer]:
        """What became of each call of a crowd, in their order."""
        answers = self._all_do(Job(folder, race, arguments, without, {}, is_crowd=True))
        return sorted(answers, key=lambda answer: _number(answer.who, CROWD))

    def slowdown(self) -> float:
        """How much slower the machine is for them than when it does nothing else: 1 or more."""
        for jobs in self._jobs:
            jobs.put(_SPIN)
        waited = sum(self._results.get(timeout=100) for _ in self._processes) / PROCESSES
        return max(1.0, waited * min(1.0, len(os.sched_getaffinity(0)) / PROCESSES))

    def _all_do(self, job: Job) -> list[Answer]:
        for jobs in self._jobs:
            jobs.put(job)
        return [answer for _ in self._processes for answer in self._results.get(timeout=100)]

    def close(self) -> None:
        for jobs in self._jobs:
            jobs.put(None)
        for process in self._processes:
            process.join(30)
            assert process.exitcode == 0
