"""What runs while nobody meters it counts all the same: a service that is away, or has never come up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import SetClock, andes, make_house, open_house_in, open_taller
from sqlalchemy import insert
from transactions import writing

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Quota, Spending
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.refusals import QuotaExceeded
from jupyterhub_communities.domain.units import SERVER_TIME
from jupyterhub_communities.domain.windows import Rolling
from jupyterhub_communities.storage.tables import leases
from jupyterhub_communities.storage.unmetered import read_unmetered

THREE_HOURS = Allowance(3 * 3600, Rolling(7))


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def declared():
    return replace(andes(), quota=Quota({}, (Spending(SERVER_TIME, THREE_HOURS),)))


@pytest.fixture
def house(database, tmp_path, clock, declared):
    house = make_house(tmp_path, clock=clock, communities=(declared,))
    yield house
    house.close()


@pytest.fixture
def people(house) -> list[str]:
    opened = open_taller(house, seats=None, lasts=timedelta(days=10))
    joined = [JoinRequest(opened.learner_invite.code, name, name) for name in ("Luz", "Sol")]
    return [house.call(redeem_invite, one).account.username for one in joined]


def start(house, username: str, lease_id: str = "one") -> None:
    house.call(admit, StartRequest(lease_id, ServerKey(username)))


def test_before_the_first_tick_of_all(house, people, clock) -> None:
    start(house, people[0])
    clock.advance(hours=5)
    with pytest.raises(QuotaExceeded):
        start(house, people[1], "two")


def test_after_a_tick_of_a_clock_that_was_ahead(house, people, clock) -> None:
    clock.advance(hours=10)
    house.call(meter_leases)
    clock.advance(hours=-10)
    start(house, people[0])
    clock.advance(hours=5)
    with pytest.raises(QuotaExceeded):
        start(house, people[1], "two")


def test_at_another_hub_of_the_same_community(house, people, clock, tmp_path, declared) -> None:
    other = open_house_in(tmp_path, clock=clock, communities=(declared,), hub_name="other")
    house.call(meter_leases)
    start(other, people[0])
    clock.advance(hours=5)
    with pytest.raises(QuotaExceeded):
        start(house, people[1], "two")
    other.close()


def test_what_is_alike_is_read_as_one_however_many_run(house, people, clock) -> None:
    """A start in a long gap is as short as any: they have been metered up to one moment."""
    start(house, people[0])
    clock.advance(minutes=1)
    house.call(meter_leases)
    with writing(house.database) as connection:
        row = dict(connection.execute(leases.select()).mappings().one())
        others = [
            {**row, "id": f"{n}", "username": f"{n}", "account_id": f"{n}"} for n in range(2000)
        ]
        connection.execute(insert(leases), others)
    clock.advance(hours=60)
    with house.database.engine.connect() as connection:
        found = read_unmetered(connection, "hub", clock.now(), members=["7"])
    (all_together,) = found.within(HUB)
    assert all_together.each_second[SERVER_TIME] == 2001
    assert found.since == clock.now()
    (own,) = found.of_members["7"]
    assert (own.each_second[SERVER_TIME], own.end - own.start) == (1, timedelta(hours=60))
