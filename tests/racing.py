"""Races: verbs of the house, called at the same instant from threads of several processes.

The processes are started once; each race hands them a folder and the name of a verb in `RACES`.
Controls take guards out. Without turns nobody waits for anybody, and whoever has looked something
up dawdles before acting on it; without caps the `UPDATE … WHERE` becomes look-then-write.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from houses import SeededChance, SetClock, actor_of, open_house_in, open_taller
from sqlalchemy import Engine, event, select, update

from jupyterhub_communities.application import (
    invites,
    issuing,
    key_requests,
    leases,
    members,
    people,
    waiting,
)
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import InviteChange
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.ports import Hold
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.refusals import Refusal
from jupyterhub_communities.storage import store as store_module
from jupyterhub_communities.storage.balances import SqlBalances
from jupyterhub_communities.storage.invites import SqlInvites
from jupyterhub_communities.storage.postgresql import Postgresql
from jupyterhub_communities.storage.sqlite import Sqlite
from jupyterhub_communities.storage.tables import invites as invite_table

NOW = datetime.now(UTC)  # each process has its own clock, a little apart
PROCESSES = 4
THREADS = 3  # of each process
_DAWDLES = 0.02  # seconds between looking and acting, without turns


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


def _number(who: str) -> int:
    process, thread = who.split("-")
    return int(process) * 3 + int(thread)


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
    )
}


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
    """Looks, then writes."""

    def hold(self, holds: Iterable[Hold]) -> bool:
        return super().hold(replace(hold, cap=None) for hold in holds)


@contextmanager
def _without_turns() -> Iterator[None]:
    def dawdle(_connection, _cursor, statement, *_more) -> None:
        if statement.startswith("SELECT"):
            time.sleep(_DAWDLES)

    before = Sqlite.begin_write, Postgresql.begin_write
    Sqlite.begin_write = "SELECT 1"  # no transaction: every statement on its own
    Postgresql.begin_write = "BEGIN"
    event.listen(Engine, "after_cursor_execute", dawdle)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", dawdle)
        Sqlite.begin_write, Postgresql.begin_write = before


@contextmanager
def _without_caps() -> Iterator[None]:
    before = store_module.SqlInvites, store_module.SqlBalances
    store_module.SqlInvites, store_module.SqlBalances = UncappedInvites, UncappedBalances
    try:
        yield
    finally:
        store_module.SqlInvites, store_module.SqlBalances = before


WITHOUT = {"turns": _without_turns, "caps": _without_caps}


def _serve(number: int, jobs: Any, gate: Any, results: Any) -> None:
    while (job := jobs.get()) is not None:
        results.put(_run(number, gate, *job))


def _run(
    number: int,
    gate: Any,
    folder: Path,
    race: str,
    arguments: tuple[Any, ...],
    without: tuple[str, ...],
    settings: dict[str, Any],
) -> list[str]:
    outcomes: list[str] = []

    def run(who: str) -> None:
        gate.wait(60)
        try:
            answer = RACES[race](house, who, *arguments)
            outcomes.append(str(answer) if isinstance(answer, (str, int)) else "won")
        except Refusal as refusal:
            outcomes.append(refusal.code)
        except Exception as error:
            outcomes.append(f"error: {error!r}"[:500])

    with ExitStack() as controls:
        for guard in without:
            controls.enter_context(WITHOUT[guard]())
        chance = SeededChance(number + 10)
        house = open_house_in(folder, clock=SetClock(NOW), chance=chance, busy_timeout=30)
        house.settings = replace(house.settings, **settings)
        runners = [
            threading.Thread(target=run, args=(f"{number}-{thread}",)) for thread in range(THREADS)
        ]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        house.close()
    return outcomes


class Racers:
    """The processes, ready to run."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._gate = context.Barrier(PROCESSES * THREADS)
        self._jobs = [context.Queue() for _ in range(PROCESSES)]
        self._results = context.Queue()
        self._processes = [
            context.Process(
                target=_serve, args=(number, jobs, self._gate, self._results), daemon=True
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
        """What became of each call: `won` or what it answered, a refusal's code, or the error."""
        for jobs in self._jobs:
            jobs.put((folder, race, arguments, without, settings))
        return sorted(
            outcome for _ in self._processes for outcome in self._results.get(timeout=100)
        )

    def close(self) -> None:
        for jobs in self._jobs:
            jobs.put(None)
        for process in self._processes:
            process.join(30)
            assert process.exitcode == 0
