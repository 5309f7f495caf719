"""Looks that wait for nobody: on the loop with SQLite, in the pool wherever there is to be waited."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from houses import database_in, make_house

from jupyterhub_communities.application.people import choose_language, find_person
from jupyterhub_communities.domain.refusals import InviteUnknown, StorageUnreachable


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, busy_timeout=0.2, patience=1.0)
    yield house
    house.close()


def is_sqlite(tmp_path) -> bool:
    return database_in(tmp_path).startswith("sqlite")


def where(desk) -> int:
    """The thread in which a verb that only reads has looked."""
    assert find_person(desk, "ana").account is not None
    return threading.get_ident()


async def test_a_look_at_a_file_is_taken_on_the_loop_and_at_a_server_in_the_pool(
    house, tmp_path
) -> None:
    is_here = await house.look(where) == threading.get_ident()
    assert is_here is is_sqlite(tmp_path)


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
