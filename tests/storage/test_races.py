"""Races between processes, on a real database file; each with its negative control.

The control takes the guard out, the cap in the `UPDATE … WHERE`, and replaces it by the usual
look-then-write. It must overshoot: otherwise the race test would prove nothing.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from houses import SeededChance, SetClock, make_house, open_taller
from sqlalchemy import select, update

from jupyterhub_communities.application import invites, leases
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.refusals import InviteFull, QuotaExceeded
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage import balances as balances_module
from jupyterhub_communities.storage import database as database_module
from jupyterhub_communities.storage import invites as invites_module
from jupyterhub_communities.storage.tables import balances as balance_table
from jupyterhub_communities.storage.tables import invites as invite_table

NOW = datetime.now(UTC)


class UnguardedInvites(invites_module.SqlInvites):
    """The negative control: looks, then writes."""

    def take_seat(self, invite_id: str) -> bool:
        query = select(invite_table.c.seats, invite_table.c.taken).where(
            invite_table.c.id == invite_id
        )
        seats, taken = self._connection.execute(query).one()
        time.sleep(0.05)
        if seats is not None and taken >= seats:
            return False
        self._connection.execute(
            update(invite_table).where(invite_table.c.id == invite_id).values(taken=taken + 1)
        )
        return True


class UnguardedBalances(balances_module.SqlBalances):
    def hold(self, scope, resource, amount, *, capped=True) -> bool:
        balance = self.get(scope, resource)
        time.sleep(0.05)
        if not balance.fits(amount):
            return False
        self._connection.execute(
            update(balance_table)
            .where(self._is(scope, resource))
            .values(held=balance.held + amount)
        )
        return True


def take_guard_out() -> None:
    """In this process only: no cap in the `WHERE`, and no turn taken before reading."""
    from jupyterhub_communities.storage import store

    store.SqlInvites = UnguardedInvites
    store.SqlBalances = UnguardedBalances

    def autocommit(connection) -> None:
        """Every statement on its own: what a check-then-write outside a transaction does."""

    database_module._begin_sqlite = autocommit


def redeem_in_process(folder, code, process, guarded, gate, results) -> None:
    race_in_threads(
        folder,
        guarded,
        gate,
        results,
        [
            lambda house, n=n: house.call(
                invites.redeem_invite, JoinRequest(code, f"{process}-{n}", f"N{n}")
            )
            for n in range(4)
        ],
        chance_seed=process + 10,
    )


def admit_in_process(folder, process, guarded, gate, results) -> None:
    race_in_threads(
        folder,
        guarded,
        gate,
        results,
        [
            lambda house, n=n: house.call(
                leases.admit,
                StartRequest(f"{process}-{n}", ServerKey(f"person-{process}-{n}")),
            )
            for n in range(5)
        ],
        chance_seed=process + 10,
    )


def race_in_threads(folder, guarded, gate, results, works, *, chance_seed) -> None:
    if not guarded:
        take_guard_out()
    house = open_existing(Path(folder), chance_seed)
    outcomes = []

    def run(work) -> None:
        gate.wait()
        try:
            work(house)
            outcomes.append("won")
        except (InviteFull, QuotaExceeded):
            outcomes.append("refused")
        except Exception as error:
            outcomes.append(repr(error))

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(outcomes)
    house.close()


def open_existing(folder: Path, seed: int) -> House:
    return make_house(
        folder, hub_servers=3, clock=SetClock(NOW), chance=SeededChance(seed), busy_timeout=30
    )


def run_processes(target, arguments, threads_each: int) -> list[str]:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2 * threads_each)
    results = context.Queue()
    processes = [
        context.Process(target=target, args=(*arguments(number), gate, results))
        for number in range(2)
    ]
    for process in processes:
        process.start()
    outcomes = [outcome for _ in processes for outcome in results.get(timeout=60)]
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    return outcomes


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, hub_servers=3, clock=SetClock(NOW))
    yield house
    house.close()


def race_for_the_last_seat(house, folder, *, guarded: bool) -> list[str]:
    code = open_taller(house, seats=1).learner_invite.code
    return run_processes(
        redeem_in_process, lambda number: (str(folder), code, number, guarded), threads_each=4
    )


def test_eight_redemptions_of_the_last_seat_from_two_processes_give_exactly_one(
    house, tmp_path
) -> None:
    assert sorted(race_for_the_last_seat(house, tmp_path, guarded=True)) == [
        *["refused"] * 7,
        "won",
    ]


def test_without_the_guard_the_last_seat_is_given_twice(house, tmp_path) -> None:
    outcomes = race_for_the_last_seat(house, tmp_path, guarded=False)
    assert outcomes.count("won") > 1, "the negative control did not race"


def test_ten_starts_against_a_limit_of_three_from_two_processes_give_exactly_three(
    house, tmp_path
) -> None:
    outcomes = run_processes(
        admit_in_process, lambda number: (str(tmp_path), number, True), threads_each=5
    )
    assert sorted(outcomes) == [*["refused"] * 7, *["won"] * 3]
    with house.database.read() as store:
        assert store.balances.get(HUB, SERVERS).held == 3


def test_without_the_guard_more_than_three_start(house, tmp_path) -> None:
    outcomes = run_processes(
        admit_in_process, lambda number: (str(tmp_path), number, False), threads_each=5
    )
    assert outcomes.count("won") > 3, "the negative control did not race"
