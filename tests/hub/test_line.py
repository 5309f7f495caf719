"""The line as the Hub's process keeps it: turns that are taken, missed and given up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from adding_up import assert_adds_up
from houses import SetClock, actor_of, andes, make_house, open_house_in, open_taller
from sql_statements import counted
from tornado.web import HTTPError

from jupyterhub_communities.application.ending import block_person
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit, settle
from jupyterhub_communities.application.line import tickets_in_line
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.line import in_order, is_for_a_moment
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import QuotaExceeded, StorageUnreachable
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.hub.line import Line, starts_left


class FakeSpawner:
    """As the Hub's, as far as the line looks at one."""

    pending = active = ready = False
    lease_id = None
    _failed = False
    _spawn_future = None


class World:
    """A line of three people, and a Hub that allows so many starts."""

    def __init__(self, folder, *communities, admits=False, **more):
        self.folder = folder
        self.clock = SetClock()
        self.set_back = timedelta()  # by how much the clock is behind one that is never set
        communities = communities or (andes(servers=None),)
        self.house = make_house(
            folder, clock=self.clock, communities=communities, admit_when_unreachable=admits, **more
        )
        self.starts: int | None = 0
        self.line = self.new_line(self.house)

    def new_line(self, house) -> Line:
        return Line(house, lambda: self.starts, self.steady)

    def steady(self) -> float:
        return (self.clock.now() + self.set_back).timestamp()

    def set_clock_back(self, by: timedelta) -> None:
        self.clock.time -= by
        self.set_back += by

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


async def test_a_start_that_failed_unseen_keeps_nobody_waiting_after_a_ticket_elsewhere(
    tmp_path,
) -> None:
    world = World(
        tmp_path, andes(servers=None), andes(servers=None, slug="brasil", champions=("bia",))
    )
    opened = [open_taller(world.house), open_taller(world.house, community="brasil", by="bia")]
    for one in opened:
        link = one.learner_invite.link
        world.house.call(redeem_invite, JoinRequest(link, link, username="rosa"))
    first, second = (Scope(one.workshop.community, one.workshop.slug) for one in opened)
    ticket = await world.line.take(StartRequest("one", ServerKey("rosa"), scope=first), None)
    spawner = FakeSpawner()
    spawner.pending = spawner.active = True
    world.line.begin(ticket, spawner)
    await world.line.settle(ticket)
    spawner.pending = spawner.active = False
    spawner._failed = True
    await world.line.take(StartRequest("two", ServerKey("rosa"), scope=second), None)
    world.starts = 1
    world.clock.advance(minutes=1)
    assert await world.turns("rosa") == ["rosa"]
    world.house.close()


async def test_who_is_not_seen_for_three_minutes_has_lost_the_place(world) -> None:
    await world.joins(*ALL)
    world.clock.advance(seconds=170)
    await world.asks("tito")
    world.clock.advance(seconds=20)
    assert (await world.asks("tito")).ahead == 0
    assert await world.asks("rosa") is None


@pytest.mark.parametrize("by", [timedelta(hours=1), -timedelta(hours=1)], ids=["back", "forward"])
async def test_a_clock_that_is_set_neither_keeps_a_turn_nor_ends_a_place(world, by) -> None:
    await world.joins(*ALL)
    world.starts = 1
    assert await world.turns("rosa") == ["rosa"]
    world.set_clock_back(by)
    assert await world.turns("saul") == [], "it lasts its 15 seconds"
    for _ in range(3):
        world.clock.advance(seconds=4)
        await world.asks("saul")
    assert await world.turns("saul") == ["saul"], "rosa was not seen"
    assert (await world.asks("rosa")).ahead == 0, "but kept her place"
    for _ in range(3):
        world.clock.advance(minutes=1)
        assert await world.asks("saul") is not None
    assert await world.asks("rosa") is None, "not seen for three minutes"


async def test_a_start_that_was_over_is_forgotten_also_after_the_clock_was_set_back(world) -> None:
    await world.joins("rosa")
    world.starts = 1
    world.line.begin((await world.asks("rosa")).ticket, FakeSpawner())
    await world.joins("saul")
    world.set_clock_back(timedelta(hours=1))
    world.clock.advance(minutes=2)
    await world.asks("saul")
    assert not world.line.has(ServerKey("rosa"))


async def test_after_a_restart_the_places_are_the_same_however_long_it_took(world) -> None:
    await world.joins(*ALL)
    world.clock.advance(hours=1)
    house = open_house_in(world.folder, clock=world.clock)
    line = world.new_line(house)
    assert not await line.is_empty()
    assert [(await line.ask(ServerKey(name))).ahead for name in ALL] == [0, 1, 2]
    house.close()


async def test_a_hub_that_comes_back_after_hours_finds_nobody_before_the_page(world) -> None:
    await world.joins("rosa")
    world.clock.advance(hours=3)
    await world.joins("saul")
    world.clock.advance(hours=1)
    for restores in (True, False):
        line = world.new_line(world.house)
        if restores:
            line.restore()
        assert not await line.is_empty()
        assert [one.server.username for one in world.house.call(tickets_in_line)] == ["saul"]
        assert await line.ask(ServerKey("rosa")) is None
        assert (await line.ask(ServerKey("saul"))).ahead == 0


async def test_places_that_were_left_are_given_up_though_nobody_asks(world) -> None:
    await world.joins("rosa", "saul")
    world.clock.advance(minutes=2)
    await world.asks("saul")
    world.clock.advance(minutes=1)
    await world.line.sweep()
    assert [one.server.username for one in world.house.call(tickets_in_line)] == ["saul"]
    world.clock.advance(minutes=3)
    await world.line.sweep()
    assert world.house.call(tickets_in_line) == []
    with counted(world.house) as statements:
        await world.line.sweep()
    assert not statements, "nobody waits: nothing is looked for"


async def test_the_first_start_after_a_restart_does_not_ask_who_waits(world) -> None:
    await world.joins("rosa")
    house = open_house_in(world.folder, clock=world.clock)
    for is_restored in (True, False):
        line = world.new_line(house)
        if is_restored:
            line.restore()
        with counted(house) as statements:
            assert not await line.is_empty()
        assert bool(statements) is not is_restored
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


async def test_who_started_and_stopped_while_nobody_looked_waits_anew(world) -> None:
    await world.joins("rosa")
    world.starts = 1
    world.line.begin((await world.asks("rosa")).ticket, FakeSpawner())
    await world.line.take(StartRequest(lease_id="again", server=ServerKey("rosa")), None)
    assert await world.turns("rosa") == ["rosa"]


async def test_a_start_that_was_over_while_nobody_looked_keeps_nobody_waiting(world) -> None:
    await world.joins("rosa")
    world.starts = 1
    world.line.begin((await world.asks("rosa")).ticket, FakeSpawner())
    await world.joins("saul")
    assert world.line.has(ServerKey("rosa"))
    world.clock.advance(minutes=2)
    await world.asks("saul")
    assert not world.line.has(ServerKey("rosa"))


@pytest.mark.parametrize("admits", [True, False])
async def test_while_the_database_is_away_turns_are_given_as_starts_are(tmp_path, admits) -> None:
    world = World(tmp_path, admits=admits)
    await world.joins(*ALL)
    world.starts = 2
    world.house.database.engine.dispose()
    (tmp_path / "communities.sqlite").rename(tmp_path / "away.sqlite")
    (tmp_path / "communities.sqlite").mkdir()
    assert await world.turns(*ALL) == (["rosa", "saul"] if admits else [])
    world.house.close()


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


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "later"])
async def test_a_database_that_is_away_in_a_turn_costs_nobody_the_place(world, slow) -> None:
    await world.joins(*ALL)
    world.starts = 1
    ticket = (await world.asks("rosa")).ticket
    spawner = FakeSpawner()
    world.line.begin(ticket, spawner)
    error = HTTPError(503)
    error.refusal = StorageUnreachable()
    if slow:
        await world.line.settle(ticket)
        spawner._failed, spawner._spawn_future = True, asyncio.Future()
        spawner._spawn_future.set_exception(error)
        await world.asks("saul")
    else:
        assert await world.line.settle(ticket, error)
    assert (await world.asks("saul")).ahead == 1
    assert await world.turns("rosa") == ["rosa"]


async def test_while_nobody_waits_as_many_pass_as_the_hub_has_room_for(world) -> None:
    world.starts = 2
    assert [await world.line.lets_pass() for _ in range(2)] == [True, True]
    world.starts = 0
    assert not await world.line.lets_pass()
    world.starts = None
    assert await world.line.lets_pass()


# What a page that asks costs


async def asked_by(world, monkeypatch, count: int) -> tuple[int, int]:
    """Statements, and how often the whole line was gone through, when so many ask within the time
    for which an answer holds."""
    opened = open_taller(world.house, seats=None)
    account = world.house.call(redeem_invite, JoinRequest(opened.learner_invite.link, "all", "All"))
    names = [f"{account.account.username}/{n}" for n in range(count)]
    for name in names:
        server = ServerKey(account.account.username, name)
        await world.line.take(StartRequest(lease_id=name, server=server), None)
    ordered = []
    monkeypatch.setattr(
        "jupyterhub_communities.hub.line.in_order",
        lambda *args: ordered.append(1) or in_order(*args),
    )
    world.clock.advance(seconds=60)
    with counted(world.house) as statements:
        places = [await world.line.ask(ServerKey(account.account.username, name)) for name in names]
    assert sorted(place.ahead for place in places) == list(range(count))
    await world.line.leave_all(account.account.username)
    return len(statements), len(ordered)


async def test_three_hundred_who_ask_cost_what_ten_do(world, monkeypatch) -> None:
    """A second later it is the same again: the database is looked at for all of them together."""
    few = await asked_by(world, monkeypatch, 10)
    many = await asked_by(world, monkeypatch, 300)
    assert few == many
    statements, looks = many
    assert looks == 1
    assert statements <= 6


async def test_many_who_are_started_one_after_another_do_not_have_the_line_gone_through_each_time(
    world, monkeypatch
) -> None:
    await world.joins(*ALL)
    world.starts = 2
    first, second = [(await world.asks(name)).ticket for name in ("rosa", "saul")]
    looks = []
    monkeypatch.setattr(
        "jupyterhub_communities.hub.line.in_order",
        lambda *args: looks.append(1) or in_order(*args),
    )
    for ticket in (first, second):
        world.line.begin(ticket, FakeSpawner())
        assert (await world.line.ask(ServerKey("tito"))).ahead == 2, "as of half a second ago"
    assert looks == []
    assert (await world.asks("tito")).ahead == 0
    assert looks == [1]


# Whom quotas keep waiting


def of_cohort(slug: str, champion: str, share: Share):
    declared = andes(champions=(champion,), slug=slug)
    community = replace(declared.community, cohort="sur")
    return replace(declared, community=community, quota=Quota({SERVERS: Limit(share=share)}))


@pytest.fixture
def cohort(tmp_path):
    """Each community owns one server. Andes may borrow one, and brasil lends one."""
    world = World(
        tmp_path,
        of_cohort("andes", "ana", Share(1, 1, 0)),
        of_cohort("brasil", "bia", Share(1, 0, 1)),
    )
    world.starts = None
    yield world
    world.house.close()


def learner(world, name, community="andes", by="ana") -> str:
    opened = open_taller(world.house, title=f"Taller {name}", community=community, by=by)
    request = JoinRequest(opened.learner_invite.link, name, username=name)
    return world.house.call(redeem_invite, request).person.account.username


def start(world, name) -> None:
    world.house.call(admit, StartRequest(lease_id=f"of {name}", server=ServerKey(name)))


def stop(world, name) -> None:
    assert world.house.call(settle, f"of {name}")


async def wait(world, name) -> None:
    await world.line.take(StartRequest(lease_id=name, server=ServerKey(name)), None)
    world.clock.advance(seconds=1)


async def test_who_would_borrow_and_whose_quota_is_lent_wait_for_the_same_server(cohort) -> None:
    """What andes borrows and brasil owns is one server: who came first has the turn, not both."""
    for name in ("rosa", "saul", "tito"):
        learner(cohort, name)
    learner(cohort, "bruna", "brasil", "bia")
    start(cohort, "rosa")
    start(cohort, "saul")  # on what brasil lends
    for name in ("tito", "bruna"):
        with pytest.raises(QuotaExceeded) as refused:
            start(cohort, name)
        assert is_for_a_moment(refused.value), "the Hub's page leads into the line"
        await wait(cohort, name)
    everybody = ("tito", "bruna")
    assert await cohort.turns(*everybody) == []
    stop(cohort, "saul")
    assert await cohort.turns(*everybody) == ["tito"]
    spawner = FakeSpawner()
    cohort.line.begin((await cohort.asks("tito")).ticket, spawner)
    start(cohort, "tito")
    spawner.active, spawner.ready, spawner.lease_id = True, True, "of tito"
    assert await cohort.turns("bruna") == [], "the last one is lent again"
    stop(cohort, "rosa")  # andes needs to borrow no more
    assert await cohort.turns("bruna") == ["bruna"]
    start(cohort, "bruna")
    assert_adds_up(cohort.house)


async def begins(world, name) -> None:
    """The page of somebody in line takes its turn."""
    spawner = FakeSpawner()
    world.line.begin((await world.asks(name)).ticket, spawner)
    start(world, name)
    spawner.active, spawner.ready, spawner.lease_id = True, True, f"of {name}"


def is_short(world, name, scope=None) -> bool:
    """Is a start refused for a moment?"""
    request = StartRequest(lease_id=f"x {name}", server=ServerKey(name, "x"), scope=scope)
    with pytest.raises(QuotaExceeded) as refused:
        world.house.call(admit, request)
    return is_for_a_moment(refused.value)


@pytest.mark.parametrize("place", ["andes", "brasil"])
async def test_who_waits_keeps_nobody_out_of_what_their_workshop_has_reserved(
    tmp_path, place
) -> None:
    """Ana waits in the community of the workshop, at its limit; or in another, at the hub's."""
    other = andes(servers=None, slug="brasil", champions=("bia",))
    limits = (andes(servers=10), other) if place == "andes" else (andes(servers=None), other)
    world = World(tmp_path, *limits, hub_servers=None if place == "andes" else 10)
    world.starts = None
    opened = open_taller(world.house, seats=8, is_reserved=True)
    learners = [f"l{number}" for number in range(7)]
    for name in learners:
        request = JoinRequest(opened.learner_invite.link, name, username=name)
        world.house.call(redeem_invite, request)
    start(world, "l0")
    champion = "ana" if place == "andes" else "bia"
    for number in range(2):
        server = ServerKey(champion, f"{number}")
        request = StartRequest(lease_id=f"{number}", server=server, scope=Scope(place))
        world.house.call(admit, request)
    assert is_short(world, champion, Scope(place)), "until one of the two stops"
    request = StartRequest(lease_id="third", server=ServerKey(champion), scope=Scope(place))
    await world.line.take(request, None)
    assert not await world.line.lets_pass()
    for name in learners[1:]:
        await wait(world, name)
    assert await world.turns(champion, *learners[1:]) == learners[1:]
    for name in learners[1:]:
        await begins(world, name)
    assert await world.turns(champion) == []
    world.house.call(settle, "0")
    assert await world.turns(champion) == [champion]
    assert_adds_up(world.house)
    world.house.close()


async def test_who_waits_for_the_pool_keeps_nobody_from_what_is_guaranteed(tmp_path) -> None:
    """Andes has drawn all four of the pool, and brasil has four guaranteed."""
    world = World(
        tmp_path,
        of_cohort("andes", "ana", Share(2)),
        of_cohort("brasil", "bia", Share(6, None, 2)),
    )
    world.starts = None
    for number in range(4):
        request = StartRequest(lease_id=f"{number}", server=ServerKey("ana", f"{number}"))
        world.house.call(admit, request)
    assert is_short(world, "ana")
    people = [learner(world, f"b{number}", "brasil", "bia") for number in range(5)]
    for name in ("ana", *people):
        await wait(world, name)
    assert await world.turns("ana", *people) == people[:4], "the fifth would draw on the pool"
    for name in people[:4]:
        await begins(world, name)
    assert await world.turns("ana", people[4]) == []
    world.house.call(settle, "0")
    assert await world.turns("ana", people[4]) == ["ana"]
    world.house.close()


async def test_a_rescue_passes_who_waits_for_a_quota_and_waits_for_the_hub_alone(tmp_path) -> None:
    world = World(tmp_path, andes(servers=1))
    world.starts = None
    for name in ("rosa", "saul", "tito", "ulla"):
        learner(world, name)
    start(world, "rosa")
    for name in ("saul", "tito"):
        await wait(world, name)
    assert await world.turns("saul", "tito") == []
    rescue = StartRequest(lease_id="r", server=ServerKey("ulla"), is_rescue=True)
    assert world.line.has_others(rescue.server)
    assert not await world.line.would_wait(rescue), "by the API"
    await world.line.take(rescue, {"rescue": "yes"})
    assert await world.turns("saul", "ulla") == ["ulla"]
    await world.line.take(replace(rescue, server=ServerKey("tito")), {"rescue": "yes"})
    assert await world.turns("saul", "tito") == ["tito"], "who waited already"
    world.starts = 0
    world.clock.advance(seconds=1)
    assert await world.line.would_wait(rescue)
    assert await world.turns("tito", "ulla") == []
    world.house.close()


async def test_who_is_in_grace_waits_for_no_quota_either(tmp_path) -> None:
    """All that they may start is a rescue."""
    world = World(tmp_path, andes(servers=1))
    world.starts = None
    for name in ("rosa", "saul", "tito"):
        learner(world, name)
    start(world, "rosa")
    await wait(world, "saul")
    world.house.call(remove_member, actor_of(world.house, "ana"), "andes", "tito")
    await wait(world, "tito")
    assert await world.turns("saul", "tito") == ["tito"]
    world.house.close()


async def test_nobody_waits_for_what_is_reserved_however_many_run_of_the_workshop(tmp_path) -> None:
    world = World(tmp_path, andes(servers=8))
    world.starts = None
    opened = open_taller(world.house, seats=8, is_reserved=True)
    for name in ("rosa", "saul"):
        request = JoinRequest(opened.learner_invite.link, name, username=name)
        world.house.call(redeem_invite, request)
    start(world, "rosa")
    assert not is_short(world, "ana", Scope("andes")), "who stops leaves it to the workshop"
    world.starts = 0
    await wait(world, "saul")  # for a moment in which the Hub starts nobody
    request = StartRequest(lease_id="ana", server=ServerKey("ana"), scope=Scope("andes"))
    await world.line.take(request, None)
    world.starts = None
    assert await world.turns("saul", "ana") == ["saul", "ana"], "to be told"
    world.line.begin((await world.asks("ana")).ticket, FakeSpawner())
    with pytest.raises(QuotaExceeded) as refused:
        world.house.call(admit, request)
    error = HTTPError(429)
    error.refusal = refused.value
    assert not await world.line.settle((await world.asks("ana")).ticket, error)
    assert await world.asks("ana") is None
    world.house.close()


# The Hub's own limits


@pytest.mark.parametrize(
    ("settings", "counts", "left"),
    [
        ({}, {}, None),
        ({"concurrent_spawn_limit": 0, "active_server_limit": 0}, {}, None),
        ({"concurrent_spawn_limit": 5}, {"spawn_pending": 2, "proxy_pending": 1}, 2),
        ({"active_server_limit": 5}, {"active": 4, "spawn_pending": 2}, 1),
        ({"active_server_limit": 5}, {"active": 7}, 0),
        (
            {"concurrent_spawn_limit": 5, "active_server_limit": 10},
            {"spawn_pending": 1, "active": 9},
            1,
        ),
        (
            {"concurrent_spawn_limit": 2, "active_server_limit": 10},
            {"spawn_pending": 2, "active": 3},
            0,
        ),
    ],
)
def test_starts_are_left_as_the_hub_counts_them(settings, counts, left) -> None:
    class Users:
        def count_active_users(self):
            return {"spawn_pending": 0, "proxy_pending": 0, "active": 0, **counts}

    assert starts_left({**settings, "users": Users()}) == left
