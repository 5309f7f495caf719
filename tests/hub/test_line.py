"""The line as the Hub's process keeps it: turns that are taken, missed and given up."""

from __future__ import annotations

import pytest
from houses import SetClock, andes, make_house, open_house_in, open_taller
from tornado.web import HTTPError

from jupyterhub_communities.application.ending import block_person
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.hub.line import Line


class FakeSpawner:
    """As the Hub's, as far as the line looks at one."""

    pending = active = ready = False
    lease_id = None
    _failed = False
    _spawn_future = None


class World:
    """A line of three people, and a Hub that allows so many starts."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = SetClock()
        self.house = make_house(folder, clock=self.clock, communities=(andes(servers=None),))
        self.starts: int | None = 0
        self.line = self.new_line(self.house)

    def new_line(self, house) -> Line:
        return Line(house, lambda: self.starts, lambda: self.clock.now().timestamp())

    async def joins(self, *names):
        opened = open_taller(self.house)
        for name in names:
            request = JoinRequest(opened.learner_invite.link, name, username=name)
            self.house.call(redeem_invite, request)
            await self.line.take(StartRequest(lease_id=name, server=ServerKey(name)), None)
            self.clock.advance(seconds=1)

    async def asks(self, name):
        self.clock.advance(seconds=1)
        return await self.line.ask(ServerKey(name))

    async def turns(self, *names) -> list[str]:
        return [name for name in names if (place := await self.asks(name)) and place.is_turn]


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.house.close()


ALL = ("rosa", "saul", "tito")


async def test_who_waits_is_told_the_place_and_has_a_turn_when_there_is_room(world) -> None:
    await world.joins(*ALL)
    assert [(await world.asks(name)).ahead for name in ALL] == [0, 1, 2]
    assert await world.turns(*ALL) == []
    world.starts = 2
    assert await world.turns(*ALL) == ["rosa", "saul"]
    assert await world.asks("nobody") is None


async def test_a_turn_that_is_not_taken_passes_on_and_comes_back_with_the_person(world) -> None:
    await world.joins(*ALL)
    world.starts = 1
    assert await world.turns("saul") == []
    for _ in range(3):
        world.clock.advance(seconds=4)
        await world.asks("saul")
    assert await world.turns("saul") == ["saul"], "rosa was not seen for 15 seconds"
    assert (await world.asks("rosa")).ahead == 0, "but kept her place"
    assert await world.turns("rosa") == ["rosa"]


async def test_who_is_not_seen_for_three_minutes_has_lost_the_place(world) -> None:
    await world.joins(*ALL)
    world.clock.advance(seconds=170)
    await world.asks("tito")
    world.clock.advance(seconds=20)
    assert (await world.asks("tito")).ahead == 0
    assert await world.asks("rosa") is None


async def test_after_a_restart_the_places_are_the_same_however_long_it_took(world) -> None:
    await world.joins(*ALL)
    world.clock.advance(hours=1)
    house = open_house_in(world.folder, clock=world.clock)
    line = world.new_line(house)
    assert not await line.is_empty()
    assert [(await line.ask(ServerKey(name))).ahead for name in ALL] == [0, 1, 2]
    house.close()


async def test_who_is_blocked_elsewhere_is_out_of_the_line(world) -> None:
    await world.joins(*ALL)
    world.house.call(block_person, Actor(None, is_operator=True), "rosa")
    world.clock.advance(seconds=2)
    await world.asks("saul")
    assert (await world.asks("saul")).ahead == 0
    assert await world.asks("rosa") is None


async def test_nobody_gets_past_who_waits(world) -> None:
    await world.joins("rosa")
    world.starts = 1
    request = StartRequest(lease_id="x", server=ServerKey("ana"))
    assert await world.line.would_wait(request), "the one start is rosa's"
    world.starts = 2
    assert not await world.line.would_wait(request)
    assert not await world.line.lets_pass()


async def test_a_start_under_way_counts_once(world) -> None:
    await world.joins(*ALL)
    world.starts = 1
    spawner = FakeSpawner()
    world.line.begin((await world.asks("rosa")).ticket, spawner)
    assert await world.turns("saul", "tito") == []
    world.starts, spawner.pending, spawner.active = 0, True, True  # now the Hub counts it
    assert await world.turns("saul", "tito") == []
    spawner.lease_id, spawner.ready, spawner.pending = "lease", True, False
    world.starts = 1
    assert await world.turns("saul", "tito") == ["saul"]
    assert await world.asks("rosa") is None, "her server runs"


async def test_who_is_refused_for_a_moment_in_spite_of_a_turn_keeps_the_place(world) -> None:
    await world.joins(*ALL)
    world.starts = 1
    ticket = (await world.asks("rosa")).ticket
    world.line.begin(ticket, FakeSpawner())
    assert await world.line.settle(ticket, HTTPError(429)), "the Hub's own limit"
    assert await world.turns("rosa") == ["rosa"]
    world.line.begin(ticket, FakeSpawner())
    assert not await world.line.settle(ticket, HTTPError(500))
    assert await world.asks("rosa") is None


async def test_while_nobody_waits_as_many_pass_as_the_hub_has_room_for(world) -> None:
    world.starts = 2
    assert [await world.line.lets_pass() for _ in range(2)] == [True, True]
    world.starts = 0
    assert not await world.line.lets_pass()
    world.starts = None
    assert await world.line.lets_pass()
