"""What the Hub remembers of a person is not read again."""

from __future__ import annotations

import pytest
from jupyterhub import orm
from sqlalchemy import event

from jupyterhub_communities.hub.lookups import (
    Newcomer,
    add_newcomer,
    is_name_taken,
    read_collections_once,
)


class Hub:
    """The Hub's session, with the statements that it sent."""

    def __init__(self, folder):
        self.db = orm.new_session_factory(f"sqlite:///{folder}/hub.sqlite")()
        self.sent: list[str] = []
        event.listen(self.db.get_bind(), "before_cursor_execute", self._note)

    def _note(self, _connection, _cursor, statement, *_rest):
        if statement != "SELECT 1":  # the Hub's ping
            self.sent.append(statement)

    def count(self, ask) -> int:
        del self.sent[:]
        ask()
        return len(self.sent)


@pytest.fixture
def hub(tmp_path):
    hub = Hub(tmp_path)
    user = orm.User(name="rosa")
    user.groups = [orm.Group(name="andes"), orm.Group(name="andes.mapas")]
    user.roles = [orm.Role(name="user")]
    hub.db.add(user)
    hub.db.commit()
    hub.db.expunge_all()
    yield hub
    hub.db.close()


def look(hub) -> orm.User:
    user = orm.User.find(hub.db, "rosa")
    assert [group.name for group in user.groups] == ["andes", "andes.mapas"]
    assert [role.name for role in user.roles] == ["user"]
    return user


def test_a_person_who_is_remembered_is_one_statement(hub) -> None:
    remembered = look(hub)
    before = hub.count(lambda: look(hub))
    read_collections_once(hub.db)
    assert hub.count(lambda: look(hub)) == 1 < before
    assert look(hub) is remembered


def test_what_changed_since_is_seen(hub) -> None:
    read_collections_once(hub.db)
    user = look(hub)
    group = orm.Group(name="sur")
    hub.db.add(group)
    group.users.append(user)  # as the Hub's API adds people
    hub.db.commit()
    assert {each.name for each in orm.User.find(hub.db, "rosa").groups} == {
        "andes",
        "andes.mapas",
        "sur",
    }


def test_people_in_a_list_are_read_at_once(hub) -> None:
    hub.db.add_all([orm.User(name=f"ana{number}") for number in range(20)])
    hub.db.commit()
    hub.db.expunge_all()
    read_collections_once(hub.db)

    def everybody() -> None:
        for user in hub.db.query(orm.User).limit(15):
            list(user.groups)

    assert hub.count(everybody) < 10


def newcomer(name: str, *groups: str) -> Newcomer:
    return Newcomer(name, groups, {"name": "Luz"})


def test_a_newcomer_is_added_without_reading_the_groups_of_others(hub) -> None:
    sent = hub.count(lambda: add_newcomer(hub.db, newcomer("luz", "andes")))
    selects = [statement for statement in hub.sent if statement.startswith("SELECT")]
    assert len(selects) == 2, "the role and the groups"
    assert sent == 6, "and the user, its role, its group and its server"
    hub.db.expunge_all()
    luz = orm.User.find(hub.db, "luz")
    assert {group.name for group in luz.groups} == {"andes"}
    assert {role.name for role in luz.roles} == {"user"}
    assert list(luz.orm_spawners) == [""]
    assert luz.last_activity is not None
    assert {user.name for user in orm.Group.find(hub.db, "andes").users} == {"rosa", "luz"}


def test_the_next_newcomer_finds_the_group_that_was_made_for_the_first(hub) -> None:
    for name in ("luz", "sol"):
        add_newcomer(hub.db, newcomer(name, "andes", "nueva"))
    hub.db.expunge_all()
    assert {user.name for user in orm.Group.find(hub.db, "nueva").users} == {"luz", "sol"}


def test_a_name_is_taken_or_not(hub) -> None:
    assert is_name_taken(hub.db, "rosa")
    assert not is_name_taken(hub.db, "luz")
