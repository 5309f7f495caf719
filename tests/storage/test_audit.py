"""The audit trail: only ever added to, and chained so that whatever is done to it by hand shows."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace

import pytest
from houses import actor_of, database_in, make_house, open_house_in
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from transactions import writing

from jupyterhub_communities.application.audit import (
    CHAINED_AT_ONCE,
    Checked,
    chain_step,
    check_step,
    find_link,
    record,
)
from jupyterhub_communities.application.trail import view_summary
from jupyterhub_communities.domain.audit import AuditEntry
from jupyterhub_communities.storage.database import SqlDatabase
from jupyterhub_communities.storage.tables import audit


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path)
    yield house
    house.close()


def write(house, number: int, start: int = 0) -> None:
    with house.database.write() as store:
        for n in range(start, start + number):
            record(house.desk(), store, "somebody", "workshop:open", f"workshop/andes/{n}", "andes")


def chain(house, at_once: int = CHAINED_AT_ONCE) -> None:
    while house.call(chain_step, at_once=at_once):
        pass


def check(house) -> Checked:
    checked = Checked()
    while not checked.is_done:
        checked = house.call(check_step, checked)
    return checked


def execute(house, *statements: str) -> None:
    with writing(house.database) as connection:
        for statement in statements:
            connection.execute(text(statement))


def by_hand(house, *statements: str) -> None:
    """As somebody does who owns the database, and takes the triggers away first."""
    off = ["SET LOCAL session_replication_role = replica"]
    if house.database.url.get_backend_name() == "sqlite":
        off = [
            f"DROP TRIGGER IF EXISTS {table}_never_{what}"
            for table in ("audit", "audit_links")
            for what in ("updated", "deleted", "replaced")
        ]
    execute(house, *off, *statements)


@pytest.fixture
def chained(house):
    """Thirty entries and more in links of five."""
    write(house, 30)
    chain(house, at_once=5)
    assert check(house).flawed == 0
    return house


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "UPDATE audit_links SET hash = ''",
        "DELETE FROM audit_links",
    ],
)
def test_nothing_is_changed_or_taken_away(house, statement) -> None:
    write(house, 3)
    chain(house)
    with pytest.raises(DBAPIError, match="the audit trail is only ever added to"):
        execute(house, statement)
    assert check(house).flawed == 0


def test_nothing_is_replaced_or_emptied(house, database) -> None:
    write(house, 3)
    chain(house)
    statements = [
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "INSERT OR REPLACE INTO audit_links SELECT * FROM audit_links",
    ]
    if database == "postgresql":
        statements = ["TRUNCATE audit", "TRUNCATE audit_links"]
    for statement in statements:
        with pytest.raises(DBAPIError, match="the audit trail is only ever added to"):
            execute(house, statement)


def test_entries_are_chained_in_order_a_batch_at_a_time(house) -> None:
    write(house, 12)
    first = house.call(chain_step, at_once=10)
    second = house.call(chain_step, at_once=10)
    assert (first.number, second.number) == (1, 2)
    assert first.count == 10
    assert second.first_id == first.last_id + 1
    assert house.call(chain_step, at_once=10) is None
    write(house, 1)
    checked = check(house)
    assert (checked.flawed, checked.unchained) == (0, 1)
    assert checked.entries == first.count + second.count
    assert house.call(find_link, 2) == second


def test_an_edited_entry_shows(chained) -> None:
    by_hand(chained, "UPDATE audit SET actor = 'nobody' WHERE subject = 'workshop/andes/12'")
    (flaw,) = check(chained).flaws
    assert flaw.kind == "changed"
    assert flaw.last_id - flaw.first_id == 4


@pytest.mark.parametrize(
    "change",
    [
        "at = at_later",
        "before = '{\"seats\": 3}'",
        "request_id = 'another'",
        "community = NULL",
        "action = 'workshop:close'",
    ],
)
def test_every_column_is_in_the_chain(chained, database, change) -> None:
    later = "at + interval '1 second'" if database == "postgresql" else "datetime(at, '+1 second')"
    change = change.replace("at_later", later)
    by_hand(chained, f"UPDATE audit SET {change} WHERE subject = 'workshop/andes/12'")
    assert [flaw.kind for flaw in check(chained).flaws] == ["changed"]


def test_an_entry_that_was_taken_away_shows(chained) -> None:
    by_hand(chained, "DELETE FROM audit WHERE subject = 'workshop/andes/12'")
    (flaw,) = check(chained).flaws
    assert (flaw.kind, flaw.count) == ("missing", 1)


def test_an_entry_that_was_put_in_later_shows(house) -> None:
    write(house, 10)
    with pytest.raises(RuntimeError), house.database.write() as store:  # leaves a gap on PostgreSQL
        record(house.desk(), store, "x", "workshop:open", "workshop/andes/x")
        raise RuntimeError
    write(house, 10, start=10)
    chain(house, at_once=5)
    assert check(house).flawed == 0, "a gap in the numbers is no flaw"
    by_hand(
        house,
        "INSERT INTO audit (id, at, actor, action, subject, before, after)"
        " SELECT -1, at, actor, action, subject, before, after FROM audit"
        " WHERE subject = 'workshop/andes/11'",
    )
    assert [flaw.kind for flaw in check(house).flaws] == ["added"]


def test_a_link_that_was_taken_away_shows(chained) -> None:
    by_hand(chained, "DELETE FROM audit_links WHERE number = 3")
    found = check(chained).flaws
    assert [flaw.kind for flaw in found] == ["link_missing"]
    assert found[0].link == 3


def test_the_last_links_that_were_taken_away_show(chained) -> None:
    noted = chained.call(find_link, 6)
    by_hand(chained, "DELETE FROM audit_links WHERE number > 4")
    chained.clock.advance(hours=2)
    (flaw,) = check(chained).flaws
    assert flaw.kind == "unchained"
    by_hand(chained, "UPDATE audit SET actor = 'nobody' WHERE subject = 'workshop/andes/24'")
    chain(chained, at_once=5)
    assert check(chained).flawed == 0, "made anew, it holds"
    assert chained.call(find_link, 6) != noted, "but is not the one that the log told"


def test_links_that_changed_places_show(chained) -> None:
    by_hand(
        chained,
        "UPDATE audit_links SET number = 100 WHERE number = 3",
        "UPDATE audit_links SET number = 3 WHERE number = 4",
        "UPDATE audit_links SET number = 4 WHERE number = 100",
    )
    found = check(chained).flaws
    assert "link_order" in [flaw.kind for flaw in found]
    assert {flaw.link for flaw in found} <= {3, 4, 5}


def test_an_edited_link_shows(chained) -> None:
    by_hand(chained, "UPDATE audit_links SET count = 900000 WHERE number = 3")
    assert [flaw.kind for flaw in check(chained).flaws] == ["missing"]
    by_hand(chained, "UPDATE audit_links SET count = 5, hash = '0' WHERE number = 3")
    assert {flaw.link for flaw in check(chained).flaws} == {3, 4}


def test_what_a_slow_writer_writes_is_chained_whoever_comes_meanwhile(house, tmp_path) -> None:
    """Its entry has a lower id than one that was written later: the chain waits for it."""
    other = open_house_in(tmp_path)
    has_written, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with other.database.write() as store:
            record(other.desk(), store, "slow", "workshop:open", "workshop/andes/slow", "andes")
            has_written.set()
            may_commit.wait(5)

    def chaining() -> None:
        house.call(chain_step)

    with closing(other):
        threads = [threading.Thread(target=slow)]
        threads[0].start()
        assert has_written.wait(5)
        threads += [
            threading.Thread(target=chaining),
            threading.Thread(target=write, args=(house, 1)),
        ]
        for thread in threads[1:]:
            thread.start()
        threads[1].join(0.2)
        assert threads[1].is_alive(), "it waits for its turn"
        may_commit.set()
        for thread in threads:
            thread.join(5)
    chain(house)
    checked = check(house)
    assert (checked.flawed, checked.unchained) == (0, 0)
    with house.database.read() as store:
        actors = [entry.actor for entry in store.audit.of_community("andes")]
    assert actors[:2].count("slow") == 1


def test_without_turns_a_late_entry_would_be_lost_and_the_check_finds_it(
    house, database, tmp_path
) -> None:
    """The control: on PostgreSQL, a writer that takes no turn comes too late for its link."""
    if database == "sqlite":
        return  # nobody writes beside another there
    write(house, 1)
    late = SqlDatabase(database_in(tmp_path))
    entry = AuditEntry(house.clock.now(), "late", "workshop:open", "workshop/andes/late", "andes")
    values = {
        **{name: getattr(entry, name) for name in ("at", "actor", "action", "subject")},
        "before": {},
        "after": {},
    }
    # Takes no turn: it would keep all others waiting.
    with closing(late), late._transaction("BEGIN") as connection:
        connection.execute(insert(audit), values)
        write(house, 1, start=1)
        chain(house)
    found = check(house)
    assert [flaw.kind for flaw in found.flaws] == ["added"]


def test_a_trail_that_is_not_chained_shows(house) -> None:
    write(house, 2)
    assert check(house).flawed == 0
    house.clock.advance(hours=2)
    (flaw,) = check(house).flaws
    assert flaw.kind == "unchained"
    assert flaw.count >= 2


def test_the_chain_holds_after_a_move_to_the_other_database(house, database, request, tmp_path):
    write(house, 12)
    house.clock.advance(seconds=1.25)
    write(house, 1, start=12)
    chain(house, at_once=5)
    before = check(house)
    folder = tmp_path / "new"
    folder.mkdir()
    if database == "sqlite":
        (folder / "database").write_text(request.getfixturevalue("postgresql").new_database())
    other = open_house_in(folder, clock=house.clock)
    other.database.upgrade()
    house.database.copy_to(other.database)
    with closing(other):
        after = check(other)
        assert (after.flawed, after.entries, after.link) == (0, before.entries, before.link)
        write(other, 3)
        chain(other)
        assert check(other).entries == before.entries + 3


def test_a_check_of_many_entries_holds_few_of_them(house) -> None:
    """At no time more than those of one link."""
    write(house, 1500)
    chain(house, at_once=100)
    most = 0
    with house.database.read() as store:
        own = store.audit.stretch

        class Counting:
            def __getattr__(self, name):
                return getattr(store.audit, name)

            def stretch(self, *arguments):
                nonlocal most
                found = own(*arguments)
                most = max(most, len(found))
                return found

        class Database:
            def read(self):
                from contextlib import nullcontext

                return nullcontext(type("Store", (), {"audit": Counting()})())

        desk = replace(house.desk(), database=Database())
        checked = Checked()
        steps = 0
        while not checked.is_done:
            checked = check_step(desk, checked)
            steps += 1
    assert checked.entries >= 1500
    assert most == 100
    assert 1 < steps < 8


def test_a_months_entries_are_counted_by_what_was_done(house) -> None:
    write(house, 6)
    house.clock.advance(days=31)
    write(house, 2)
    summary = house.call(view_summary, actor_of(house, "ana"), "andes")
    april, march = summary
    assert (april.month, march.month) == (4, 3)
    assert summary[march]["workshop:open"] == 6
    assert summary[april] == {"workshop:open": None}
