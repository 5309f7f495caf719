"""A tick over thousands of servers: in short transactions, between which others start theirs."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from adding_up import assert_adds_up, assert_metered
from houses import NOON, andes, make_house, open_taller
from sql_statements import counted
from sqlalchemy import insert
from transactions import writing

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit, settle
from jupyterhub_communities.application.metering import (
    MOST_LEASES,
    ended_steps,
    meter_leases,
    meter_step,
    metering_steps,
)
from jupyterhub_communities.application.reconciling import recount
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Quota, Spending
from jupyterhub_communities.domain.metering import METERED
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.units import SERVER_TIME
from jupyterhub_communities.domain.windows import Rolling
from jupyterhub_communities.service.timers import meter_once, reconcile_once
from jupyterhub_communities.storage.tables import leases

MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(tmp_path, clock=clock, communities=(andes(servers=None),))
    yield house
    house.close()


def add_running(house, count: int, *, of: str = "running") -> None:
    """Leases of people who are of no community: nothing is held, for the test fills rows alone."""
    rows = [
        {
            "id": f"{of}-{n}",
            "hub": "hub",
            "username": f"{of}-{n}",
            "server_name": "",
            "requested_at": house.clock.now(),
            "active_at": house.clock.now(),
            "adopted": False,
            "amounts": {"servers": 1},
        }
        for n in range(count)
    ]
    with writing(house.database) as connection:
        connection.execute(insert(leases), rows)


def join(house) -> str:
    opened = open_taller(house)
    request = JoinRequest(opened.learner_invite.code, "a", "Luz")
    return house.call(redeem_invite, request).account.username


@contextmanager
def between_transactions(house, what):
    """Does something whenever a writing transaction has ended."""
    write = house.database.write

    @contextmanager
    def and_then():
        with write() as store:
            yield store
        house.database.write = write
        try:
            what()
        finally:
            house.database.write = and_then

    house.database.write = and_then
    try:
        yield
    finally:
        house.database.write = write


def test_a_tick_asks_so_much_for_each_thousand_servers_and_no_more(house, clock) -> None:
    """A step reads its leases and the mark, and writes usage, sums and how far the leases are."""
    asked = []
    for count in (1000, 2000):
        add_running(house, count, of=f"of-{count}")
        clock.advance(minutes=1)
        house.call(meter_leases)  # opens the hour's rows
        clock.advance(minutes=1)
        with counted(house) as statements:
            house.call(meter_leases)
        asked.append(len(statements))
    steps = [1000 // MOST_LEASES, 3000 // MOST_LEASES]
    each, left = divmod(asked[1] - asked[0], steps[1] - steps[0])
    assert (each, left) == (7, 0)
    assert asked[0] == 2 + 7 * steps[0] + 2, "finding them, and the mark at the end"


async def test_starts_get_in_between_while_ten_thousand_servers_are_metered(house, clock) -> None:
    """Also while all of them are found and a hundred are adopted; and all adds up in the end."""
    name = join(house)
    add_running(house, 10_000)
    clock.advance(minutes=1)
    admitted = []

    def start() -> None:
        lease_id = f"between-{len(admitted)}"
        house.call(admit, StartRequest(lease_id, ServerKey(name, lease_id)))
        admitted.append(lease_id)

    with between_transactions(house, start):
        await meter_once(house)
    assert len(admitted) == 10_000 // MOST_LEASES
    assert_metered(house)
    for lease_id in admitted:
        assert house.call(settle, lease_id)
    await adopt_a_hundred(house, clock, start, admitted)


async def adopt_a_hundred(house, clock, start, admitted) -> None:
    keys = [ServerKey(f"running-{n}") for n in range(10_000)]
    keys += [ServerKey(f"unknown-{n}") for n in range(100)]
    before = len(admitted)
    with between_transactions(house, start):
        await reconcile_once(house, HubWith(keys))
    assert len(admitted) - before == 4
    with house.database.read() as store:
        assert sum(lease.adopted for lease in store.leases.unsettled()) == 100


class HubWith:
    def __init__(self, keys) -> None:
        self._servers = {key: RunningServer(key, ready=True) for key in keys}

    async def servers(self):
        return self._servers


def test_no_step_keeps_the_lock_for_long(house, clock) -> None:
    """The same with all in one transaction is the negative control: others have no turn in it."""
    add_running(house, 10_000)
    clock.advance(minutes=1)
    steps = list(house.call(metering_steps))
    held = []
    for step in steps:
        began = time.process_time()
        house.call(meter_step, step)
        held.append(time.process_time() - began)
    # Nine of ten: Python's collector may take its time in any one of them.
    assert sorted(held)[len(held) * 9 // 10] < 0.1
    clock.advance(minutes=1)
    ids = tuple(lease_id for step in steps for lease_id in step.lease_ids)
    began = time.process_time()
    house.call(meter_step, replace(steps[-1], until=clock.now(), lease_ids=ids))
    assert time.process_time() - began > 4 * sum(held) / len(held)


def test_a_tick_that_is_cut_short_is_gone_on_with_and_counts_nothing_twice(house, clock) -> None:
    """As the kill of a service between two steps leaves it."""
    add_running(house, 3 * MOST_LEASES)
    clock.advance(minutes=1)
    first, *_ = house.call(metering_steps)
    house.call(meter_step, first)
    assert_metered(house)
    clock.advance(minutes=1)
    house.call(meter_step, first)  # asked for twice
    house.call(meter_leases)
    assert_metered(house)
    with house.database.read() as store:
        rows = store.usage.sums(HUB, NOON, NOON + 60 * MINUTE, "hour")
    assert sum(amounts[SERVER_TIME] for _, amounts in rows) == 3 * MOST_LEASES * 120


def test_while_a_long_tick_goes_on_no_more_than_a_minute_is_in_doubt(house, clock) -> None:
    """What is left of an allowance errs to the safe side: nothing is overspent."""
    count = 2 * MOST_LEASES
    limit = 10**9
    with house.database.write() as store:
        allowance = Allowance(limit, Rolling(30))
        store.limits.set_quota(HUB, Quota({}, (Spending(SERVER_TIME, allowance),)))
    house.call(meter_leases)
    add_running(house, count)
    house.call(recount)
    for minutes in (1, 2):
        clock.advance(minutes=1)
        exact = limit - count * 60 * minutes
        assert left(house) == exact
        first, second = house.call(metering_steps)
        house.call(meter_step, first)
        assert exact - MOST_LEASES * 60 <= left(house) <= exact
        house.call(meter_step, second)
        assert left(house) == exact
    assert_adds_up(house)


def left(house) -> int:
    with house.database.read() as store:
        (drain,) = store.drains.all(house.clock.now())
        return drain.left


def test_whoever_ends_while_a_tick_goes_on_is_metered_to_the_second(house, clock) -> None:
    name = join(house)
    house.call(admit, StartRequest("one", ServerKey(name)))
    house.call(admit, StartRequest("two", ServerKey(name, "two")))
    clock.advance(minutes=1)
    (step,) = house.call(metering_steps)
    clock.advance(seconds=5)
    house.call(settle, "one")
    house.call(meter_step, step)
    assert_metered(house)
    clock.advance(seconds=5)
    house.call(settle, "two")
    house.call(meter_leases)
    with house.database.read() as store:
        rows = store.usage.sums(Scope("andes"), NOON, NOON + 60 * MINUTE, "hour")
    assert sum(amounts[SERVER_TIME] for _, amounts in rows) == 65 + 70


def test_what_has_ended_is_metered_between_ticks_and_read_by_no_start_again(house, clock) -> None:
    with house.database.write() as store:
        allowance = Allowance(10**9, Rolling(30))
        store.limits.set_quota(HUB, Quota({}, (Spending(SERVER_TIME, allowance),)))
    name = join(house)
    house.call(meter_leases)
    house.call(admit, StartRequest("one", ServerKey(name)))
    house.call(admit, StartRequest("two", ServerKey(name, "two")))
    clock.advance(seconds=20)
    house.call(settle, "one")
    clock.advance(seconds=5)
    before, ended, mark = left(house), unmetered(house, has_ended=True), metered_until(house)
    assert (before, ended) == (10**9 - 20 - 25, {"one"})
    for step in house.call(ended_steps):
        house.call(meter_step, step)
    assert (left(house), unmetered(house, has_ended=True)) == (before, set())
    assert unmetered(house) == {"two"}, "who runs waits for the tick"
    assert metered_until(house) == mark, "nor is the mark moved: not all is metered"
    assert list(house.call(ended_steps)) == []
    house.call(meter_leases)
    assert left(house) == before
    assert_metered(house)


def unmetered(house, **which) -> set[str]:
    with house.database.read() as store:
        return set(store.leases.unmetered_since(**which))


def metered_until(house):
    with house.database.read() as store:
        return store.marks.get(METERED)
