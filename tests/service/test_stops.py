"""Stops by the clock: asked of the Hub, a few at a time, until the lease is settled."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from houses import NOON, SetClock, make_house, reconcile

from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.stops import RunningRules
from jupyterhub_communities.service.stops import Stops


class SlowHub:
    """Answers when the test lets it, and counts how many are being asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.answers = asyncio.Event()
        self.is_away = False

    async def stop_server(self, server) -> None:
        if self.is_away:
            raise OSError("the hub is away")
        self.asked.append(server.username)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.answers.wait()
        self.at_once -= 1


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def house(tmp_path, clock):
    rules = {None: RunningRules(max_session=timedelta(hours=1))}
    house = make_house(tmp_path, clock=clock, running=rules)
    yield house
    house.close()


def run(house, count) -> list[ServerKey]:
    keys = [ServerKey(f"n{n:03}") for n in range(count)]
    for key in keys:
        house.call(admit, StartRequest(f"lease-{key.username}", key))
    return keys


async def warned(house, hub) -> Stops:
    stops = Stops(house, hub)
    house.clock.time = NOON + timedelta(minutes=50)
    assert await stops.look_once() == NOON + timedelta(hours=1)
    house.clock.time = NOON + timedelta(hours=1)
    return stops


async def test_many_servers_that_are_due_are_stopped_a_few_at_a_time(house) -> None:
    run(house, 30)
    hub = SlowHub()
    stops = await warned(house, hub)
    await stops.look_once()
    await asyncio.sleep(0.2)
    assert len(hub.asked) == 8
    await stops.look_once()  # warns others meanwhile, and asks for nobody twice
    hub.answers.set()
    await stops.finished()
    assert sorted(hub.asked) == [f"n{n:03}" for n in range(30)]
    assert hub.most_at_once == 8


async def test_a_hub_that_does_not_answer_is_asked_again_until_the_lease_is_settled(house) -> None:
    (key,) = run(house, 1)
    hub = SlowHub()
    hub.answers.set()
    stops = await warned(house, hub)
    hub.is_away = True
    await stops.look_once()
    await stops.finished()
    assert hub.asked == []
    hub.is_away = False
    again = Stops(house, hub)  # a service that starts anew misses nothing
    for _ in range(2):  # it answered, but the server is slow to go
        await again.look_once()
        await again.finished()
    assert hub.asked == [key.username] * 2
    reconcile(house, {}, house.clock.now())
    await again.look_once()
    await again.finished()
    assert len(hub.asked) == 2


async def test_a_server_that_was_started_again_meanwhile_is_left_alone(house) -> None:
    keys = run(house, 9)
    hub = SlowHub()
    stops = await warned(house, hub)
    await stops.look_once()
    await asyncio.sleep(0.2)
    (waiting,) = {key.username for key in keys} - set(hub.asked)
    house.call(admit, StartRequest("another", ServerKey(waiting)))
    hub.answers.set()
    await stops.finished()
    assert waiting not in hub.asked


async def test_an_adopted_server_has_its_whole_time(house) -> None:
    key = ServerKey("found")
    reconcile(house, {key: RunningServer(key, ready=True)}, house.clock.now())
    hub = SlowHub()
    stops = Stops(house, hub)
    assert await stops.look_once() == NOON + timedelta(minutes=50)
