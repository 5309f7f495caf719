"""`move-db`: from SQLite to PostgreSQL, and back."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from hubs import COMMUNITIES
from sqlalchemy import select

from jupyterhub_communities.app import open_house
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.cli import main
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.storage.tables import metadata


@pytest.fixture
def url(postgresql):
    url = postgresql.lend()
    yield url
    postgresql.take_back(url)


@pytest.fixture
def command(tmp_path):
    return lambda name, *more: main([name, "--config", str(tmp_path / "communities.yaml"), *more])


def use_database(folder, address: str) -> None:
    text = COMMUNITIES.replace("{language: en}", f"{{database: '{address}'}}")
    (folder / "communities.yaml").write_text(text)


@contextmanager
def house_in(folder):
    house = open_house(folder / "communities.yaml")
    yield house
    house.close()


def join(house, issued, name: str) -> str:
    request = JoinRequest(issued.code, name, name)
    return house.call(redeem_invite, request).account.username


def all_rows(house) -> dict:
    with house.database.engine.connect() as connection:
        return {
            table.name: sorted(map(str, connection.execute(select(table))))
            for table in metadata.sorted_tables
        }


def test_everything_moves_and_goes_on_there(command, url, tmp_path, capsys) -> None:
    use_database(tmp_path, "communities.sqlite")
    assert command("init") == 0
    assert command("apply") == 0
    with house_in(tmp_path) as house:
        ana = house.call(find_person, "ana").actor()
        issued = house.call(issue_invite, ana, "andes", NewInvite(seats=5))
        luz = join(house, issued, "Luz نور")
        house.call(admit, StartRequest("lease", ServerKey(luz)))
        before = all_rows(house)
    use_database(tmp_path, url)
    assert command("move-db", "--from", "communities.sqlite") == 0
    told = capsys.readouterr().out
    assert "rows copied" in told
    assert url not in told
    with house_in(tmp_path) as house:
        assert all_rows(house) == before
        join(house, issued, "Rosa")  # the audit trail goes on counting
        after = all_rows(house)
    use_database(tmp_path, "back.sqlite")
    assert command("move-db", "--from", url) == 0
    with house_in(tmp_path) as house:
        assert all_rows(house) == after


def test_a_database_in_use_is_never_copied_into(command, url, tmp_path, capsys) -> None:
    for address in (url, "communities.sqlite"):
        use_database(tmp_path, address)
        assert command("init") == 0
        assert command("apply") == 0
    assert command("move-db", "--from", url) == 2
    assert capsys.readouterr().err == (
        "The new database has communities already. Nothing was copied.\n"
    )
