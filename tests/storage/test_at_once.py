"""Looks that wait for nobody: at once with SQLite, in the pool wherever there is to be waited."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress

import pytest
from houses import database_in, make_house

from jupyterhub_communities.application.glances import MOMENT
from jupyterhub_communities.application.house import STILL, request_id
from jupyterhub_communities.application.people import choose_language, find_person
from jupyterhub_communities.domain.refusals import InviteUnknown, StorageUnreachable


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, busy_timeout=0.2, patience=1.0)
    yield house
    house.close()


def is_sqlite(tmp_path) -> bool:
    return database_in(tmp_path).startswith("sqlite")


@pytest.fixture
async def turns():
    """Says how many turns the loop has had."""
    count = 0

    async def count_on() -> None:
        nonlocal count
        while True:
            count += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_on())
    await asyncio.sleep(0)
    yield lambda: count
    counting.cancel()


def where(desk) -> int:
    """The thread in which a verb that only reads has looked."""
    assert find_person(desk, "ana").account is not None
    return threading.get_ident()


async def test_a_look_at_a_file_is_taken_at_once_and_at_a_server_in_the_pool(
    house, tmp_path, turns
) -> None:
    await house.look(where)  # connected by now
    before = turns()
    assert await house.look(where) != threading.get_ident(), "never on the loop itself"
    assert (turns() == before) is is_sqlite(tmp_path), "the loop has waited for it"


@pytest.mark.alone
async def test_a_look_sees_what_was_committed_and_waits_for_no_writer(house) -> None:
    await house.run(choose_language, "ana", "fr")
    with house.database.write() as store:
        account = store.accounts.by_username("ana")
        store.accounts.set_language(account.id, "pt-BR")
        before = time.monotonic()
        person = await house.look(find_person, "ana")
        assert time.monotonic() - before < 0.15, "less than the patience with a lock"
        assert person.account.language == "fr"
    assert (await house.look(find_person, "ana")).account.language == "pt-BR"


async def test_a_verb_that_has_to_write_is_carried_out_in_the_pool_once(house) -> None:
    await house.look(choose_language, "ana", "sw")
    assert (await house.look(find_person, "ana")).account.language == "sw"


async def test_a_refusal_of_a_look_is_the_refusal(house) -> None:
    def refuse(desk) -> None:
        with desk.database.read():
            raise InviteUnknown

    with pytest.raises(InviteUnknown):
        await house.look(refuse)


@pytest.mark.alone
async def test_where_somebody_keeps_the_whole_file_a_look_never_blocks_the_loop(tmp_path) -> None:
    house = make_house(tmp_path, busy_timeout=0.2, patience=1.0)
    house.database.close()  # nobody can keep a file to themselves that another one has open
    with closing(sqlite3.connect(tmp_path / "communities.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE accounts SET language = language")
        looking = asyncio.create_task(house.look(find_person, "ana"))
        longest = 0.0
        while not looking.done():
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)
        with pytest.raises(StorageUnreachable):
            await looking
        assert longest < 0.15, "less than the 0.2 s for which the pool's thread waited"
    assert (await house.look(find_person, "ana")).account is not None
    house.close()


HOLDS_READERS_LOCKS = (
    "import fcntl, sys; file = open(sys.argv[1], 'r+b');"
    "fcntl.lockf(file, fcntl.LOCK_EX, 8, 120); print(flush=True); sys.stdin.read()"
)


@pytest.mark.alone
async def test_where_readers_find_no_place_the_loop_stands_still_a_moment_at_most(tmp_path) -> None:
    """SQLite tries that for ten seconds, whatever its timeout, and cannot be told to stop."""
    house = make_house(tmp_path, busy_timeout=0.2, patience=1.0)
    assert (await house.look(find_person, "ana")).account is not None
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS_READERS_LOCKS, str(tmp_path / "communities.sqlite-shm")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    holder.stdout.readline()
    try:
        began = time.monotonic()
        looking = [asyncio.create_task(house.look(find_person, "ana")) for _ in range(3)]
        longest = 0.0
        while not all(look.done() for look in looking):
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)
        for look in looking:
            with pytest.raises(StorageUnreachable):
                await look
        assert time.monotonic() - began < 2.0, "a second of patience, for all of them"
        assert longest < 3 * MOMENT, "one moment, and none for those after it"
    finally:
        holder.communicate(timeout=10)
    for _ in range(150):
        with suppress(StorageUnreachable):
            assert (await house.look(find_person, "ana")).account is not None
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("it never answered again")
    house.close()


async def test_for_a_short_verb_the_loop_stands_still_where_nobody_has_to_be_waited_for(
    house, tmp_path, turns
) -> None:
    await house.run(where)  # connected by now

    async def turns_during(asked) -> int:
        before = turns()
        assert await asked != threading.get_ident(), "never on the loop itself"
        return turns() - before

    tries = [await turns_during(house.run_short(where)) for _ in range(5)]
    assert (min(tries) == 0) is is_sqlite(tmp_path)
    assert min([await turns_during(house.run(where)) for _ in range(5)]) > 0


@pytest.mark.alone
async def test_for_a_short_verb_that_has_to_wait_the_loop_stands_still_once_and_briefly(
    house,
) -> None:
    await house.run_short(find_person, "ana")
    with house.database.write():  # its own process keeps the turn
        began = time.monotonic()
        asked = [asyncio.create_task(house.run_short(choose_language, "ana", "fr"))]
        asked += [asyncio.create_task(house.run_short(find_person, "ana")) for _ in range(40)]
        await asyncio.sleep(0)
        assert time.monotonic() - began < 20 * STILL, "once; 41 times would be as long as 41 of it"
    await asyncio.gather(*asked)
    assert (await house.look(find_person, "ana")).account.language == "fr"


async def test_many_short_verbs_of_one_turn_hold_the_loop_no_longer_than_one(house, turns) -> None:
    def take_a_moment(desk) -> None:
        time.sleep(STILL / 2)

    await house.run(where)
    before = turns()
    await asyncio.gather(*(house.run_short(take_a_moment) for _ in range(20)))
    assert turns() - before > 10, "it would be one or two, had it waited for each"


@pytest.mark.alone
async def test_who_asks_twice_of_a_silent_file_has_a_verdict_soon(tmp_path) -> None:
    house = make_house(tmp_path, busy_timeout=0.8, patience=1.0)
    with closing(sqlite3.connect(tmp_path / "communities.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        took = []
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StorageUnreachable):
                await house.run_short(choose_language, "ana", "fr")
            took.append(time.monotonic() - began)
        other.execute("ROLLBACK")
    assert took[0] > 0.7
    assert took[1] < 0.6, "it was told a moment ago"
    await house.run_short(choose_language, "ana", "fr")
    house.close()


async def test_a_refusal_of_a_short_verb_is_the_refusal(house) -> None:
    def refuse(desk) -> None:
        raise InviteUnknown

    for _ in range(2):
        with pytest.raises(InviteUnknown):
            await house.run_short(refuse)


async def test_a_look_has_the_context_of_who_asks(house) -> None:
    request_id.set("of this request")
    assert await house.look(lambda desk: (desk.request_id, request_id.get())) == (
        "of this request",
        "of this request",
    )
