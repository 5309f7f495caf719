"""Transactions, the schema, and a database that does not answer."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import stat
import time
from contextlib import closing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from houses import database_in, make_house, open_taller
from sqlalchemy.exc import IntegrityError
from transactions import writing

from jupyterhub_communities.application.people import choose_language, find_person
from jupyterhub_communities.application.ports import Hold, InviteSecrets
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.refusals import StorageUnreachable
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage.database import SqlDatabase
from jupyterhub_communities.storage.keyring import FileKeyring, KeyFileError, make_key_file
from jupyterhub_communities.storage.tables import metadata
from jupyterhub_communities.storage.unfit import SchemaOutdated


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, busy_timeout=0.2, patience=1.0)
    yield house
    house.close()


@pytest.fixture
def locked(tmp_path, house):
    """Another process's write that never ends."""
    other = SqlDatabase(database_in(tmp_path), busy_timeout=30)
    with other.write():
        yield
    other.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.sqlite'}"
    return request.getfixturevalue("postgresql").new_database(template="template0")


def test_migrations_and_tables_say_the_same(empty) -> None:
    database = SqlDatabase(empty)
    database.upgrade()
    database.upgrade()  # does nothing
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    database.close()
    assert differences == []


def test_a_database_without_tables_is_refused_with_the_command(empty) -> None:
    database = SqlDatabase(empty)
    with pytest.raises(SchemaOutdated, match="jupyterhub-communities upgrade-db"):
        database.check_schema()
    database.upgrade()
    database.check_schema()
    database.close()


def test_times_come_back_as_they_were_with_their_zone(house) -> None:
    moment = datetime(2026, 3, 29, 2, 30, 15, 123456, tzinfo=ZoneInfo("Africa/Tunis"))
    with house.database.write() as store:
        store.marks.set("here", moment)
    with house.database.read() as store:
        found = store.marks.get("here")
    assert found == moment
    assert found.tzinfo is UTC


def test_a_name_is_another_one_in_capitals(house) -> None:
    house.call(choose_language, "luz", "es")
    assert house.call(find_person, "luz").account is not None
    assert house.call(find_person, "Luz").account is None
    assert house.call(find_person, "lúz").account is None


def test_an_exception_undoes_the_whole_transaction(house) -> None:
    with pytest.raises(RuntimeError, match="half way"), house.database.write() as store:
        store.balances.hold([Hold(HUB, SERVERS, 1, is_first=True)])
        raise RuntimeError("half way")
    with house.database.read() as store:
        assert store.balances.get(HUB, SERVERS).held == 0


def test_an_error_of_a_statement_does_not_tell_its_values(house) -> None:
    secrets = InviteSecrets("code digest", "sealed code", "link digest", "sealed link")
    opened = open_taller(house)
    with pytest.raises(IntegrityError) as failed, house.database.write() as store:
        store.invites.add(opened.learner_invite.invite, secrets)
    assert "INSERT INTO invites" in str(failed.value)
    assert "sealed code" not in str(failed.value)


def test_a_locked_database_is_unreachable_for_writing_and_still_read(house, locked) -> None:
    with pytest.raises(StorageUnreachable):
        house.call(choose_language, "ana", "es")
    assert house.call(find_person, "ana").account is not None


def test_sqlite_is_in_wal_mode(tmp_path) -> None:
    make_house(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "communities.sqlite")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_database_file_that_is_damaged_is_unreachable_and_no_accident(tmp_path) -> None:
    house = make_house(tmp_path)
    house.database.close()
    for path in tmp_path.glob("communities.sqlite*"):
        path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StorageUnreachable):
        house.call(find_person, "ana")
    house.close()


@pytest.mark.alone
async def test_a_locked_database_never_blocks_the_loop(house, locked) -> None:
    waiting = asyncio.create_task(house.run(choose_language, "ana", "es"))
    longest = 0.0
    while not waiting.done():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        longest = max(longest, time.monotonic() - before)
    with pytest.raises(StorageUnreachable):
        await waiting
    assert longest < 0.15, "less than the 0.2 s for which the writing thread was blocked"


@pytest.mark.alone
async def test_a_slow_database_gets_a_verdict_within_the_patience(house) -> None:
    before = time.monotonic()
    with pytest.raises(StorageUnreachable):
        await house.run(lambda desk: time.sleep(1.5))
    assert time.monotonic() - before < 1.4


async def test_a_classroom_that_comes_at_once_waits_its_turn(tmp_path) -> None:
    """Together they take longer than the patience; none of them meets a database that is silent."""
    house = make_house(tmp_path, patience=0.3)
    answers = await asyncio.gather(
        *(house.run(lambda desk, n=n: time.sleep(0.05) or n) for n in range(20))
    )
    assert answers == list(range(20))
    silent = [house.run(lambda desk: time.sleep(0.6)) for _ in range(3)]
    refused = await asyncio.gather(*silent, return_exceptions=True)
    assert [type(error) for error in refused] == [StorageUnreachable] * 3
    house.close()


async def test_who_asks_next_does_not_wait_in_vain_as_long_until_somebody_is_answered(
    tmp_path,
) -> None:
    house = make_house(tmp_path, patience=1.0)
    with pytest.raises(StorageUnreachable):
        await house.run(lambda desk: time.sleep(2.0))
    began = time.monotonic()
    with pytest.raises(StorageUnreachable):
        await house.run(lambda desk: "behind it")
    assert time.monotonic() - began < 0.8
    await asyncio.sleep(1.0)  # the first one is over
    assert await house.run(lambda desk: time.sleep(0.6) or "here") == "here", "as patient as before"
    house.close()


async def test_an_answer_that_came_while_the_loop_was_held_is_given(house) -> None:
    """As when 300 people join in the same second: the loop looks too late, the database was there."""
    answer = asyncio.ensure_future(house.run(lambda desk: time.sleep(1.2) or "here"))
    await asyncio.sleep(0)
    time.sleep(1.05)  # the patience is over
    asyncio.get_running_loop().call_soon(time.sleep, 0.4)  # before the loop acts on it, this is due
    assert await answer == "here"


async def test_an_abandoned_verb_that_fails_later_is_not_logged(house, caplog) -> None:
    def fail_slowly(desk) -> None:
        time.sleep(1.3)
        raise StorageUnreachable

    with pytest.raises(StorageUnreachable):
        await house.run(fail_slowly)
    await asyncio.sleep(0.6)
    gc.collect()
    assert not caplog.records


async def test_what_was_begun_and_given_up_is_undone(house) -> None:
    def hold_slowly(desk) -> None:
        with desk.database.write() as store:
            time.sleep(0.3)
            store.balances.hold([Hold(HUB, SERVERS, 1, is_first=True)])

    def release(desk) -> None:
        with desk.database.write() as store:
            store.balances.release(HUB, {SERVERS: 1})

    task = asyncio.create_task(house.run_or_undo(release, hold_slowly))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.5)
    with house.database.read() as store:
        assert store.balances.get(HUB, SERVERS).held == 0


def test_the_key_is_its_owners_alone_and_never_overwritten(tmp_path) -> None:
    path = tmp_path / "communities.key"
    make_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_key_file(path)
    assert FileKeyring.from_file(path).digest("a", "x") != FileKeyring.from_file(path).digest(
        "b", "x"
    )


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.unlink(), "jupyterhub-communities init"),
        (lambda path: path.chmod(0o644), "chmod 600"),
        (lambda path: path.write_text("short\n"), "Restore it from your backup"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "cannot be read"),
    ],
)
def test_a_key_that_cannot_be_used_says_what_to_do(tmp_path, spoil, sentence) -> None:
    path = tmp_path / "communities.key"
    make_key_file(path)
    spoil(path)
    with pytest.raises(KeyFileError, match=sentence):
        FileKeyring.from_file(path)


def test_what_another_key_sealed_is_not_read(tmp_path) -> None:
    sealed = FileKeyring(b"a" * 32).seal("secret")
    with pytest.raises(ValueError, match="another key"):
        FileKeyring(b"b" * 32).unseal(sealed)


def test_what_was_written_is_carried_over_by_the_timer_and_not_by_who_writes(tmp_path) -> None:
    house = make_house(tmp_path)
    file = tmp_path / "communities.sqlite"
    house.database.tidy()
    before = file.stat().st_size
    with writing(house.database) as connection:
        connection.exec_driver_sql("CREATE TABLE more AS SELECT zeroblob(10000000) AS bytes")
    assert file.stat().st_size == before
    with house.database.write():  # a start that is under way
        house.database.tidy()
    assert file.stat().st_size > before + 9_000_000
    house.close()
