"""`jupyterhub-communities audit`: whether the trail is whole, in sentences."""

from __future__ import annotations

from contextlib import closing

import pytest
from houses import database_in, make_house
from sqlalchemy import text
from transactions import writing

from jupyterhub_communities.application.audit import chain_step, find_link, record
from jupyterhub_communities.cli import main
from jupyterhub_communities.storage.keyring import make_key_file


@pytest.fixture
def house(database, tmp_path):
    """With a few entries in three links."""
    with closing(make_house(tmp_path)) as house:
        with house.database.write() as store:
            for n in range(9):
                record(house.desk(), store, "x", "workshop:open", f"workshop/andes/{n}", "andes")
        while house.call(chain_step, at_once=5):
            pass
        make_key_file(tmp_path / "communities.key")
        (tmp_path / "communities.yaml").write_text(f"hub: {{database: '{address(tmp_path)}'}}")
        yield house


def address(folder) -> str:
    return database_in(folder).removeprefix("sqlite:///")


@pytest.fixture
def check(house, tmp_path, capsys):
    def check(*more: str):
        status = main(["audit", "--config", str(tmp_path / "communities.yaml"), *more])
        return status, *capsys.readouterr()

    return check


def by_hand(house, statement: str) -> None:
    off = ["SET LOCAL session_replication_role = replica"]
    if house.database.url.get_backend_name() == "sqlite":
        off = [
            f"DROP TRIGGER {table}_never_{what}d"
            for table in ("audit", "audit_links")
            for what in ("delete", "update")
        ]
    with writing(house.database) as connection:
        for one in [*off, statement]:
            connection.execute(text(one))


def test_a_whole_trail_is_told_with_its_last_link(house, check) -> None:
    link = house.call(find_link, 2)
    status, out, err = check("--expect", f"2:{link.hash}")
    assert (status, err) == (0, "")
    assert "The audit trail is whole: 10 entries in 2 links, and 0 that" in out
    assert out.strip().endswith(f"The last link is 2:{link.hash}")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE audit SET actor = 'y' WHERE subject = 'workshop/andes/1'", "are not as they were"),
        ("DELETE FROM audit WHERE subject = 'workshop/andes/1'", "1 of them are missing"),
        ("DELETE FROM audit_links WHERE number = 1", "their link, 1, is missing"),
    ],
)
def test_what_is_wrong_is_said_with_which_entries(house, check, statement, sentence) -> None:
    first = house.call(find_link, 1)
    by_hand(house, statement)
    status, out, err = check()
    assert (status, out) == (1, "")
    told = err.splitlines()
    assert told[0].startswith("The audit trail is not whole")
    assert sentence in told[1]
    assert f"to {first.last_id}" in told[1]


def test_a_link_that_is_not_the_one_that_was_noted_is_told(check) -> None:
    status, _, err = check("--expect", f"2:{'0' * 64}")
    assert status == 1
    assert "Link 2 is not the one that was noted: the chain was made anew." in err


def test_what_is_no_link_is_told(check, capsys) -> None:
    with pytest.raises(SystemExit):
        check("--expect", "2:abc")
    assert "expected NUMBER:HASH" in capsys.readouterr().err
