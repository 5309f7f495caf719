"""Trying out: everything that a verb says, and nothing of what it writes."""

from __future__ import annotations

import pytest
from houses import SetClock, actor_of, make_house, open_taller
from transactions import reading

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.trying import try_out
from jupyterhub_communities.application.workshops import list_workshops
from jupyterhub_communities.domain.refusals import ReservationTooLarge
from jupyterhub_communities.storage.tables import metadata


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, clock=SetClock())
    yield house
    house.close()


class Trying:
    """A house of which every call is tried out only."""

    def __init__(self, house) -> None:
        self._house, self.clock = house, house.clock

    def call(self, verb, *args, **kwargs):
        return self._house.call(try_out, verb, *args, **kwargs)


def rows(house) -> dict[str, int]:
    with reading(house.database) as connection:
        return {
            table.name: len(connection.execute(table.select()).all())
            for table in metadata.sorted_tables
        }


def test_what_is_tried_answers_and_leaves_no_row(house) -> None:
    before = rows(house)
    opened = open_taller(Trying(house), seats=3, is_reserved=True)
    assert opened.workshop.reserved["servers"] == 3
    assert rows(house) == before
    assert house.call(list_workshops, actor_of(house, "ana"), "andes") == []


def test_what_is_tried_is_refused_as_if_it_were_meant(house) -> None:
    with pytest.raises(ReservationTooLarge):
        open_taller(Trying(house), seats=4, is_reserved=True)
    open_taller(house, seats=3, is_reserved=True)
    with pytest.raises(ReservationTooLarge):
        open_taller(Trying(house), seats=1, is_reserved=True)


def test_the_next_one_is_meant(house) -> None:
    code = open_taller(house).learner_invite.code
    house.call(try_out, redeem_invite, JoinRequest(code, "one", "Luz"))
    assert house.call(redeem_invite, JoinRequest(code, "one", "Luz")).is_new
