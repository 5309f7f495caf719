"""What only a server can do: go away, come back, hang, be too old, or hold what we do not expect."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from houses import database_in, make_house
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from jupyterhub_communities.application.erasure import erase_person
from jupyterhub_communities.application.issuing import issue_bound_invite
from jupyterhub_communities.application.people import choose_language, find_person
from jupyterhub_communities.application.ports import Hold
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.refusals import StorageUnreachable, TextNotKept
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage import postgresql as postgresql_module
from jupyterhub_communities.storage.database import SqlDatabase
from jupyterhub_communities.storage.unfit import DatabaseUnfit
from tools import free_port, is_listening, wait_until

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def url(postgresql, tmp_path):
    url = postgresql.lend()
    (tmp_path / "database").write_text(url)
    yield url
    postgresql.take_back(url)


@pytest.fixture
def house(url, tmp_path):
    house = make_house(tmp_path, busy_timeout=0.3, patience=1.0)
    yield house
    house.close()


def ask(store, statement: str):
    """Behind the repositories' back, in their transaction."""
    return store.marks._connection.exec_driver_sql(statement).scalar()


def check(url: str) -> None:
    database = SqlDatabase(url)
    try:
        database.check_schema()
    finally:
        database.close()


def end_connections(postgresql, url: str) -> None:
    with postgresql.connect("postgres") as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            [make_url(url).database],
        )


# Going away and coming back


def test_no_server_is_unreachable() -> None:
    database = SqlDatabase(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    with pytest.raises(StorageUnreachable), database.read():
        pass
    database.close()


def test_connections_that_were_cut_cost_nobody_anything(house, postgresql, url) -> None:
    house.call(choose_language, "luz", "es")
    end_connections(postgresql, url)
    house.call(choose_language, "luz", "fr")
    end_connections(postgresql, url)
    assert house.call(find_person, "luz").account.language == "fr"


def test_a_connection_cut_in_mid_transaction_is_unreachable_and_undone(
    house, postgresql, url
) -> None:
    with pytest.raises(StorageUnreachable), house.database.write() as store:
        store.balances.hold([Hold(HUB, SERVERS, 1, is_first=True)])
        end_connections(postgresql, url)
        store.balances.hold([Hold(HUB, SERVERS, 1, is_first=True)])
    with house.database.read() as store:
        assert store.balances.get(HUB, SERVERS).held == 0


def test_a_server_that_was_killed_heals_by_itself(house, postgresql) -> None:
    postgresql.stop("immediate")
    with pytest.raises(StorageUnreachable):
        house.call(find_person, "ana")
    with pytest.raises(StorageUnreachable):
        house.database.holds_timers()
    postgresql.start()
    assert house.call(find_person, "ana").account is not None


# Hanging


def test_a_statement_that_takes_too_long_is_unreachable(house) -> None:
    before = time.monotonic()
    with pytest.raises(StorageUnreachable), house.database.read() as store:
        ask(store, "SELECT pg_sleep(20)")
    assert time.monotonic() - before < 5


def test_a_transaction_that_was_left_open_loses_its_turn(house) -> None:
    with pytest.raises(StorageUnreachable), house.database.write() as store:
        store.balances.hold([Hold(HUB, SERVERS, 1, is_first=True)])
        with pytest.raises(StorageUnreachable):
            house.call(choose_language, "luz", "es")  # not yet
        wait_until(lambda: is_let_through(house), seconds=10)
        ask(store, "SELECT 1")
    with house.database.read() as store:
        assert store.balances.get(HUB, SERVERS).held == 0


def is_let_through(house) -> bool:
    try:
        house.call(choose_language, "luz", "es")
    except StorageUnreachable:
        return False
    return True


async def test_what_a_hanging_server_answers_too_late_is_not_committed(house) -> None:
    backends: list[int] = []

    def hang(desk) -> None:
        with desk.database.write() as store:
            store.marks.set("late", NOW)
            backends.append(ask(store, "SELECT pg_backend_pid()"))
            os.kill(backends[0], signal.SIGSTOP)
            store.marks.set("later", NOW)

    before = time.monotonic()
    with pytest.raises(StorageUnreachable):
        await house.run(hang)
    assert time.monotonic() - before < 2
    await asyncio.sleep(2)
    os.kill(backends[0], signal.SIGCONT)
    await asyncio.to_thread(wait_until, lambda: is_let_through(house))
    with house.database.read() as store:
        assert store.marks.get("late") is None


# Mistakes of ours, and what cannot be kept


def test_a_mistake_of_ours_is_never_called_unreachable(house) -> None:
    with pytest.raises(ProgrammingError), house.database.read() as store:
        ask(store, "SELECT nonsense")
    with pytest.raises(DBAPIError, match="read-only"), house.database.read() as store:
        store.marks.set("here", NOW)


@pytest.mark.parametrize(
    "call",
    [
        lambda house: house.call(find_person, "luz\0"),
        lambda house: house.call(choose_language, "luz\0", "es"),
        lambda house: house.call(erase_person, Actor(None, is_operator=True), "\0"),
        lambda house: house.call(issue_bound_invite, "x" * 256),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(house, call) -> None:
    with pytest.raises(TextNotKept):
        call(house)
    assert house.call(find_person, "ana").account is not None


def test_a_readers_transaction_sees_one_moment(house) -> None:
    with house.database.read() as store:
        assert store.accounts.by_username("luz") is None
        house.call(choose_language, "luz", "es")
        assert store.accounts.by_username("luz") is None
    assert house.call(find_person, "luz").account is not None


def test_the_servers_own_zone_changes_no_time(postgresql, url, tmp_path) -> None:
    name = make_url(url).database
    with postgresql.connect(name) as connection:
        connection.execute(f"ALTER DATABASE {name} SET timezone = 'America/Lima'")
    house = make_house(tmp_path)
    assert house.call(find_person, "ana").account.created_at == house.clock.now()
    house.close()
    with postgresql.connect(name) as connection:
        connection.execute(f"ALTER DATABASE {name} RESET timezone")


# A server that cannot be used


def test_a_server_that_is_too_old_is_told(url, monkeypatch) -> None:
    monkeypatch.setattr(postgresql_module, "OLDEST", 99)
    database = SqlDatabase(url)
    for use in (database.check_schema, database.upgrade):
        with pytest.raises(DatabaseUnfit, match=r"is PostgreSQL 1\d.*; 99 or newer is needed"):
            use()
    database.close()


def test_a_database_without_all_letters_is_told(postgresql) -> None:
    with postgresql.connect("postgres") as connection:
        connection.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
            " LOCALE_PROVIDER libc"
        )
    database = SqlDatabase(postgresql.url("latin"))
    with pytest.raises(DatabaseUnfit, match="createdb --encoding=UTF8"):
        database.upgrade()
    database.close()
    postgresql.drop("latin")


def test_two_upgrades_at_one_time_are_one(postgresql) -> None:
    empty = postgresql.new_database(template="template0")
    databases = [SqlDatabase(empty, busy_timeout=30) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda database: database.upgrade(), databases))
    for database in databases:
        database.check_schema()
        database.close()


# The password


def test_the_password_comes_from_the_environment_or_a_file(
    postgresql, url, monkeypatch, tmp_path
) -> None:
    without = url.replace(f":{postgresql.password}", "")
    monkeypatch.setenv("PGPASSWORD", postgresql.password)
    check(without)
    monkeypatch.delenv("PGPASSWORD")
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:*:*:tests:{postgresql.password}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    check(without)
    monkeypatch.delenv("PGPASSFILE")
    with pytest.raises(StorageUnreachable):
        check(without)


def test_no_error_tells_the_password(postgresql, url) -> None:
    wrong = make_url(url).set(password="a-secret")
    nowhere = wrong.set(port=free_port())
    for address in (wrong, nowhere, wrong.set(database="none")):
        database = SqlDatabase(address.render_as_string(hide_password=False))
        with pytest.raises(StorageUnreachable) as failed:
            database.check_schema()
        told = "".join(traceback.format_exception(failed.value)) + repr(database.engine)
        assert "127.0.0.1" in told
        assert "a-secret" not in told


# The timers


def test_of_several_services_one_holds_the_timers_until_it_is_gone(
    postgresql, url, tmp_path
) -> None:
    first, second = (SqlDatabase(database_in(tmp_path), hub_name="one") for _ in range(2))
    other_hub = SqlDatabase(database_in(tmp_path), hub_name="two")
    assert [first.holds_timers(), second.holds_timers()] == [True, False]
    assert [first.holds_timers(), second.holds_timers()] == [True, False]
    assert other_hub.holds_timers()
    first.close()
    assert second.holds_timers()
    end_connections(postgresql, url)
    assert first.holds_timers(), "whoever asks first when nobody holds them"
    assert not second.holds_timers()
    for database in (first, second, other_hub):
        database.close()


# The tests' own server


def test_the_tests_server_is_gone_when_they_are_killed() -> None:
    script = (
        "import postgres; server = postgres.Postgresql();"
        "print(server.port, server.folder, flush=True); input()"
    )
    tests = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    port, folder = tests.stdout.readline().split()
    assert is_listening(int(port))
    tests.kill()
    tests.communicate()
    wait_until(lambda: not is_listening(int(port)) and not Path(folder).exists())
