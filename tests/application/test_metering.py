"""Metering by the clock: whatever starts, stops, ticks and jumps, every second is counted once."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from adding_up import assert_adds_up, assert_metered
from houses import (
    MEDIUM,
    SMALL,
    SeededChance,
    SetClock,
    andes,
    make_house,
    open_taller,
    reconcile,
)
from sqlalchemy import delete, insert
from transactions import writing

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import (
    StartRequest,
    admit,
    settle,
)
from jupyterhub_communities.application.metering import (
    ended_steps,
    meter_leases,
    meter_step,
    metering_steps,
)
from jupyterhub_communities.application.reconciling import CORRECTED_AT_ONE_TIME, recount
from jupyterhub_communities.domain.leases import Lease, RunningServer, ServerKey
from jupyterhub_communities.domain.metering import meter, meter_alike, whole_second
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage.tables import balances

SECOND = timedelta(seconds=1)
# Before a change of the clocks in Lima's, Madrid's and Santiago's zones; hours of UTC know none.
BEGIN = datetime(2026, 3, 28, 22, 59, 58, 700_000, tzinfo=UTC)


@pytest.fixture
def clock():
    return SetClock(BEGIN)


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(
        tmp_path,
        clock=clock,
        communities=(andes(servers=None), andes(None, ("bia",), slug="brasil")),
        profiles=(SMALL, MEDIUM),
    )
    yield house
    house.close()


def learners(house, count):
    """Some in each community, and somebody of none."""
    names = ["stranger"]
    for community, by in (("andes", "ana"), ("brasil", "bia")):
        opened = open_taller(house, community=community, by=by, lasts=timedelta(days=90))
        for n in range(count):
            request = JoinRequest(opened.learner_invite.code, f"{community}{n}", f"N{n}")
            names.append(house.call(redeem_invite, request).account.username)
    return names


class History:
    """Random starts, stops, ticks and jumps, with each lease's seconds counted beside."""

    def __init__(self, house, clock, seed: int) -> None:
        self.house, self.clock, self.random = house, clock, random.Random(seed)
        self.people = learners(house, 3)
        clock.advance(days=1)  # set back later, the clock still is past what they were granted
        self.running: dict[str, tuple[str, datetime, datetime]] = {}
        self.seconds = 0
        self.count = 0

    def step(self) -> None:
        self.random.choices(
            [
                self.start,
                self.stop,
                self.tick,
                self.tick_between,
                self.wait,
                self.jump,
                self.vanish,
            ],
            weights=[6, 4, 6, 3, 8, 1, 1],
        )[0]()

    def start(self) -> None:
        name = self.random.choice(self.people)
        if any(one[0] == name for one in self.running.values()):
            return
        self.count += 1
        lease_id = f"lease-{self.count}"
        profile = self.random.choice(["small", "medium"])
        self.house.call(admit, StartRequest(lease_id, ServerKey(name), profile=profile))
        now = whole_second(self.clock.now())
        self.running[lease_id] = (name, now, now)

    def stop(self) -> None:
        if self.running:
            lease_id = self.random.choice(sorted(self.running))
            assert self.house.call(settle, lease_id)
            self._ended(lease_id)

    def vanish(self) -> None:
        """A server died unseen, and another runs without a lease: reconciling mends both."""
        snapshot_at = self.clock.now()
        kept = {
            ServerKey(name): RunningServer(ServerKey(name), True)
            for name, *_ in self.running.values()
        }
        if kept:
            del kept[next(iter(kept))]
        for lease in reconcile(self.house, kept, snapshot_at).settled:
            self._ended(lease.id)

    def tick(self) -> None:
        self.house.call(meter_leases)
        now = whole_second(self.clock.now())
        self.running = {
            lease_id: (name, start, max(metered, now))
            for lease_id, (name, start, metered) in self.running.items()
        }

    def tick_between(self) -> None:
        """Of what has ended alone."""
        for step in self.house.call(ended_steps):
            self.house.call(meter_step, step)

    def wait(self) -> None:
        self.clock.advance(seconds=self.random.choice([0.4, 1, 59.9, 60, 600, 3599, 4000]))

    def jump(self) -> None:
        """The clock is set: back, ahead, or the service was away for days."""
        self.clock.advance(seconds=self.random.choice([-5400, -61, -0.5, 7200, 3 * 86_400]))

    def _ended(self, lease_id: str) -> None:
        _, start, metered = self.running.pop(lease_id)
        self.seconds += (max(whole_second(self.clock.now()), metered) - start) // SECOND

    def finish(self) -> None:
        for lease_id in sorted(self.running):
            self.house.call(settle, lease_id)
            self._ended(lease_id)
        self.house.call(meter_leases)


@pytest.mark.parametrize("seed", range(4))
def test_usage_is_the_seconds_of_the_leases_whatever_the_clock_does(house, clock, seed) -> None:
    history = History(house, clock, seed)
    for n in range(120):
        history.step()
        if n % 30 == 0:
            assert_metered(house)
            assert_adds_up(house)
    history.finish()
    assert_metered(house)
    assert_adds_up(house)
    with house.database.read() as store:
        rows = store.usage.sums(
            HUB, datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC), "hour"
        )
    assert history.count > 10
    assert sum(amounts["server-time"] for _, amounts in rows) == history.seconds
    assert house.call(recount) == 0


def test_running_ones_are_in_doubt_for_no_more_than_since_the_last_tick(house, clock) -> None:
    (name, *_) = learners(house, 1)
    house.call(admit, StartRequest("one", ServerKey(name)))
    for _ in range(3):
        clock.advance(seconds=60)
        house.call(meter_leases)
    clock.advance(seconds=59)
    with house.database.read() as store:
        ((_, spent),) = {
            hour: amounts
            for hour, amounts in store.usage.sums(
                HUB, BEGIN - timedelta(days=1), BEGIN + timedelta(days=1), "hour"
            )
            if hour == BEGIN.replace(hour=23, minute=0, second=0, microsecond=0)
        }.items()
    assert spent["server-time"] == 180 - 2, "two seconds were of the hour before"


def test_a_gap_of_days_is_metered_in_steps_that_let_others_in_between(house, clock) -> None:
    names = learners(house, 3)
    for n, name in enumerate(names):
        house.call(admit, StartRequest(f"lease-{n}", ServerKey(name)))
    clock.advance(days=4)
    house.call(settle, "lease-0")
    clock.advance(days=6)
    steps = list(house.call(metering_steps))
    for step in steps:
        house.call(meter_step, step)
        assert_metered(house)
    assert len(steps) == 4
    with house.database.read() as store:
        rows = store.usage.sums(HUB, BEGIN - timedelta(days=1), BEGIN + timedelta(days=40), "hour")
    days = 4 + 10 * (len(names) - 1)
    assert sum(amounts["server-time"] for _, amounts in rows) == days * 86_400


class Killed(Exception):
    """The process ended here."""


def test_a_tick_that_does_not_commit_is_done_anew_as_a_whole(house, clock) -> None:
    """After all of its statements, and before the commit: as the end of a process would have it."""
    names = learners(house, 2)
    for n, name in enumerate(names):
        house.call(admit, StartRequest(f"lease-{n}", ServerKey(name)))
    clock.advance(minutes=90)
    house.call(settle, "lease-0")

    class Dying:
        read = house.database.read

        @contextmanager
        def write(self):
            with house.database.write() as store:
                yield store
                raise Killed

    for _ in range(3):
        with pytest.raises(Killed):
            meter_leases(replace(house.desk(), database=Dying()))
    with house.database.read() as store:
        assert not store.usage.sums(
            HUB, BEGIN - timedelta(days=1), BEGIN + timedelta(days=1), "hour"
        )
    house.call(meter_leases)
    house.call(meter_leases)
    assert_metered(house)
    with house.database.read() as store:
        rows = store.usage.sums(HUB, BEGIN - timedelta(days=1), BEGIN + timedelta(days=1), "hour")
    assert sum(amounts["server-time"] for _, amounts in rows) == len(names) * 5400


# The safety net


def test_counters_that_are_wrong_are_mended_once_and_right_ones_left_alone(tmp_path) -> None:
    together = tuple(
        replace(one, community=replace(one.community, cohort="sur"))
        for one in (cohort_member("andes", "ana"), cohort_member("brasil", "bia"))
    )
    house = make_house(tmp_path, communities=together, chance=SeededChance(7))
    for n, name in enumerate(learners(house, 2)):
        house.call(admit, StartRequest(f"lease-{n}", ServerKey(name)))
    assert_adds_up(house)
    assert house.call(recount) == 0
    with house.database.write() as store:
        store.balances.release(Scope("andes"), {SERVERS: 2})  # released twice, as it must never be
    with pytest.raises(AssertionError):
        assert_adds_up(house)
    assert house.call(recount) == 3, "the hub, the community, and what it draws"
    assert_adds_up(house)
    assert house.call(recount) == 0
    house.close()


def test_wrong_counters_are_mended_some_at_a_time_while_others_start_and_stop(tmp_path) -> None:
    """What is found wrong by reading is right to add whatever has happened since."""
    house = make_house(tmp_path, communities=(andes(servers=None),), chance=SeededChance(7))
    house.call(admit, StartRequest("first", ServerKey("ana")))
    wrong = [
        {"scope": f"hub/andes/w{n}/@nobody", "resource": SERVERS, "held": n % 3 + 1}
        for n in range(2 * CORRECTED_AT_ONE_TIME)
    ]
    with writing(house.database) as connection:
        connection.execute(insert(balances), wrong)
        connection.execute(delete(balances).where(balances.c.scope == "hub/andes"))
    written = []

    class Busy:
        """In which somebody starts and stops before each piece is written."""

        read = staticmethod(house.database.read)

        @staticmethod
        @contextmanager
        def write():
            lease_id = f"between-{len(written)}"
            house.call(admit, StartRequest(lease_id, ServerKey("ana", lease_id)))
            if len(written) == 1:
                house.call(settle, "first")
            with house.database.write() as store:
                yield store
            written.append(lease_id)

    assert recount(replace(house.desk(), database=Busy())) >= len(wrong)
    assert len(written) == 4, "in three pieces; and the pools of cohorts"
    assert_adds_up(house)
    assert house.call(recount) == 0
    house.close()


def cohort_member(slug: str, champion: str):
    from jupyterhub_communities.domain.borrowing import Share
    from jupyterhub_communities.domain.limits import Limit, Quota

    declared = andes(champions=(champion,), slug=slug)
    return replace(declared, quota=Quota({SERVERS: Limit(share=Share(3, None, 3))}))


def test_what_is_not_metered_yet_is_the_same_added_up_by_what_is_alike(house, clock) -> None:
    with house.database.write() as store:
        for number in range(6):
            lease = Lease(
                id=f"{number}",
                server=ServerKey(f"p{number}"),
                account_id=f"{number:032x}",
                scope=Scope("brasil" if number == 5 else "andes"),
                profile="small",
                requested_at=clock.time + number // 3 * 7 * SECOND,
                amounts={"servers": 1, "memory": 2**20 + 1, "cpu": 500},
            )
            store.leases.add(lease)
    house.call(settle, "1")
    clock.advance(minutes=80)
    with house.database.read() as store:
        one_by_one, alike = store.leases.unmetered(), store.leases.unmetered_alike()
    assert sum(number for _, number in alike) == len(one_by_one) == 6
    assert len(alike) < 6
    wanted: dict = {}
    for bucket, amounts in meter(one_by_one, clock.time).items():
        places = wanted.setdefault((bucket.hour, bucket.scope.place, bucket.profile), {})
        for resource, amount in amounts.items():
            places[resource] = places.get(resource, 0) + amount
    found = meter_alike(alike, clock.time)
    assert {(one.hour, one.scope, one.profile): n for one, n in found.items()} == wanted
