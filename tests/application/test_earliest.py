"""When the same start passes: told in the refusal, over storage, and true when the time comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from houses import NOON, actor_of, andes, make_house, open_house_in, open_taller

from jupyterhub_communities.application import admission, invites, leases
from jupyterhub_communities.application.dividing import set_quota
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.application.reconciling import recount
from jupyterhub_communities.application.running import plan_stops
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.earliest import earliest_fit
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import QuotaExceeded
from jupyterhub_communities.domain.stops import RunningRules
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.domain.windows import Rolling, WholeGrant

HOUR = timedelta(hours=1)
TWO_HOURS = {None: RunningRules(max_session=2 * HOUR)}


@pytest.fixture
def build(database, tmp_path, clock):
    houses = []

    def build(quota: Quota | None = None, **more):
        one = andes(servers=None)
        if quota is not None:
            one = replace(one, quota=quota)
        houses.append(make_house(tmp_path, clock=clock, communities=(one,), **more))
        return houses[-1]

    yield build
    for house in houses:
        house.close()


def join(house, opened, name, username=None):
    request = JoinRequest(opened.learner_invite.code, name, name, username=username)
    return house.call(invites.redeem_invite, request).account.username


def start(house, username, name="", **more):
    return house.call(leases.admit, StartRequest(uuid4().hex, ServerKey(username, name), **more))


def told(house, username, name="", **more) -> datetime | None:
    with pytest.raises(QuotaExceeded) as refused:
        start(house, username, name, **more)
    assert not refused.value.never
    return refused.value.earliest


def test_sessions_that_open_before_it_would_end_count(build, clock) -> None:
    """At 13:00 a session is over, but a server of eight hours would meet the next one."""
    house = build(
        Quota({SERVERS: Limit(most=4)}), running={None: RunningRules(max_session=8 * HOUR)}
    )
    open_taller(house, title="A", seats=4, is_reserved=True, starts_in=-HOUR, lasts=2 * HOUR)
    open_taller(house, title="B", seats=4, is_reserved=True, starts_in=8.5 * HOUR, lasts=2 * HOUR)
    here = Scope("andes")
    clock.time = told(house, "ana", scope=here)
    assert clock.time == NOON + 10.5 * HOUR
    start(house, "ana", scope=here)


@pytest.mark.parametrize("place", ["a", "b"])
def test_ones_own_server_elsewhere_ends(build, clock, place) -> None:
    house = build(Quota({SERVERS: Limit(most=10, each=1)}), running=TWO_HOURS)
    a, b = open_taller(house, title="A"), open_taller(house, title="B")
    rosa = join(house, a, "Rosa")
    join(house, b, "Rosa", username=rosa)
    start(house, rosa, scope=Scope("andes", "a"))
    assert told(house, rosa, "two", scope=Scope("andes", place)) == NOON + 2 * HOUR


def test_what_one_spent_elsewhere_comes_back(build, clock) -> None:
    each = Spending("server-time", Allowance(2 * 3600, Rolling(7)), is_each=True)
    house = build(Quota({}, (each,)))
    a = open_taller(house, title="A", lasts=timedelta(days=30))
    b = open_taller(house, title="B", lasts=timedelta(days=30))
    rosa = join(house, a, "Rosa")
    join(house, b, "Rosa", username=rosa)
    start(house, rosa, scope=Scope("andes", "a"))
    clock.advance(hours=2)
    house.call(leases.settle_server, ServerKey(rosa))
    house.call(meter_leases)
    at_a, at_b = (told(house, rosa, scope=Scope("andes", place)) for place in ("a", "b"))
    assert at_a == at_b == NOON + timedelta(days=7) + HOUR
    clock.time = at_b
    start(house, rosa, scope=Scope("andes", "b"))


@pytest.mark.parametrize("place", ["a", "b"])
@pytest.mark.parametrize("longest", [None, 6 * HOUR])
def test_ones_own_server_elsewhere_spends_until_it_ends(build, clock, place, longest) -> None:
    """It is known to end at six; without an end it spends all that comes back."""
    each = Spending("server-time", Allowance(6 * 3600, Rolling(1)), is_each=True)
    house = build(Quota({}, (each,)), running={None: RunningRules(max_session=longest)})
    a = open_taller(house, title="A", lasts=timedelta(days=30))
    b = open_taller(house, title="B", lasts=timedelta(days=30))
    rosa = join(house, a, "Rosa")
    join(house, b, "Rosa", username=rosa)
    start(house, rosa, scope=Scope("andes", "a"))
    start(house, rosa, "two", scope=Scope("andes", "b"))
    clock.advance(minutes=3 * 60 + 1)
    house.call(leases.settle_server, ServerKey(rosa, "two"))
    house.call(meter_leases)
    at = told(house, rosa, "three", scope=Scope("andes", place))
    assert at == (None if longest is None else NOON + timedelta(days=1) + 2 * HOUR)
    if at is not None:
        clock.time = NOON + 6 * HOUR
        house.call(leases.settle_server, ServerKey(rosa))
        clock.time = at - timedelta(minutes=1)
        house.call(meter_leases)
        assert told(house, rosa, "three", scope=Scope("andes", place)) == at
        clock.time = at
        start(house, rosa, "three", scope=Scope("andes", place))


def test_what_ends_on_another_hub_gives_this_one_nothing(build, tmp_path, clock) -> None:
    house = build(hub_servers=1, running=TWO_HOURS)
    taller = open_taller(house)
    rosa, luz = join(house, taller, "Rosa"), join(house, taller, "Luz")
    other = open_house_in(tmp_path, clock=clock, hub_name="other", running=TWO_HOURS)
    start(other, rosa)
    other.close()
    clock.advance(hours=1)
    start(house, rosa)
    assert told(house, luz) == NOON + 3 * HOUR, "and not when the other ends"


def test_a_limit_that_begins_before_there_is_room_counts(build, clock) -> None:
    """At 14:00 there is room, but the three have spent what the workshop's sessions allow from 13:00."""
    house = build(Quota({SERVERS: Limit(most=3)}), running=TWO_HOURS)
    opened = open_taller(house, title="A", starts_in=HOUR, lasts=10 * HOUR, servers=None)
    ana = actor_of(house, "ana")
    house.call(set_quota, ana, "andes", "a", {"server-time sessions": "30 server-minutes"})
    people = [join(house, opened, f"Rosa {number}") for number in range(4)]
    for username in people[:3]:
        start(house, username)
    assert told(house, people[3]) == NOON + 11 * HOUR


def test_a_grant_that_begins_before_there_is_room_and_has_too_little_gives_no_time(build) -> None:
    grant = Spending("server-time", Allowance(300, WholeGrant(NOON + HOUR)))
    house = build(Quota({SERVERS: Limit(most=1)}, (grant,)), running=TWO_HOURS)
    taller = open_taller(house)
    rosa, luz = join(house, taller, "Rosa"), join(house, taller, "Luz")
    start(house, rosa)
    assert told(house, luz) is None


def test_a_stop_that_was_announced_counts(build, clock) -> None:
    """Its person was told late, and has the time of grace."""
    house = build(hub_servers=1)
    taller = open_taller(house, lasts=timedelta(days=1))
    rosa, luz = join(house, taller, "Rosa"), join(house, taller, "Luz")
    start(house, rosa)
    clock.advance(hours=5)
    house.settings = replace(house.settings, running=TWO_HOURS)
    house.call(plan_stops)
    stop_at = of(house)[0].stop_at
    assert stop_at > clock.now()
    assert told(house, luz) == stop_at


@pytest.mark.parametrize("seconds", [0, 5, 59])
def test_a_server_that_is_due_and_not_stopped_yet_makes_room_in_a_moment(build, clock, seconds):
    """And not only when the next one ends."""
    house = build(hub_servers=2, running=TWO_HOURS)
    taller = open_taller(house, lasts=timedelta(days=1))
    rosa, luz, sol = (join(house, taller, name) for name in ("Rosa", "Luz", "Sol"))
    start(house, rosa)
    clock.advance(hours=1)
    start(house, luz)
    clock.advance(hours=1, seconds=seconds)
    assert told(house, sol) == NOON + 2 * HOUR + timedelta(minutes=2)


def test_what_ends_elsewhere_stops_spending_the_communitys_hours(build, clock) -> None:
    """At 14:00 the workshop has room, and the grant too, for the others will long be gone by then."""
    grant = Spending("server-time", Allowance(22 * 3600, WholeGrant(NOON - HOUR)))
    house = build(Quota({}, (grant,)), running=TWO_HOURS)
    a = open_taller(house, title="A", servers=1)
    rosa, luz = join(house, a, "Rosa"), join(house, a, "Luz")
    others_run(house, 8)
    house.call(recount)
    start(house, rosa)
    assert told(house, luz) == NOON + 2 * HOUR


def test_what_another_community_gives_back_to_the_pool_counts(database, tmp_path, clock) -> None:
    shares = {"andes": Share(2, may_lend=2), "brasil": Share(2, may_borrow=2)}
    communities = []
    for (slug, share), champion in zip(shares.items(), ("ana", "bia"), strict=True):
        one = andes(slug=slug, champions=(champion,))
        community = replace(one.community, cohort="south")
        communities.append(
            replace(one, community=community, quota=Quota({SERVERS: Limit(share=share)}))
        )
    house = make_house(tmp_path, clock=clock, communities=tuple(communities), running=TWO_HOURS)
    taller = open_taller(house, by="bia", community="brasil")
    for number in range(4):
        start(house, join(house, taller, f"Rosa {number}"))
    assert told(house, "ana", scope=Scope("andes")) == NOON + 2 * HOUR
    house.close()


def of(house):
    with house.database.read() as store:
        return store.leases.unsettled()


def others_run(house, count: int) -> None:
    """Servers of the community that end soon, in no workshop."""
    with house.database.write() as store:
        for number in range(count):
            at = NOON - 2 * HOUR + timedelta(seconds=number + 1)
            store.leases.add(
                Lease(
                    id=f"other-{number}",
                    server=ServerKey(f"other-{number}"),
                    account_id=None,
                    scope=Scope("andes"),
                    profile=None,
                    requested_at=at,
                    amounts={SERVERS: 1},
                    ends_at=at + 2 * HOUR,
                )
            )


def test_only_what_ends_below_the_full_limit_is_looked_at(build, clock, monkeypatch) -> None:
    """A refusal is as dear in a community where a hundred others are known to end, and reads none of
    them; nor is anything reckoned for each of many who are told the same."""
    house = build(running=TWO_HOURS)
    taller = open_taller(house, seats=30, servers=2)
    people = [join(house, taller, f"Rosa {number}") for number in range(12)]
    for username in people[:2]:
        start(house, username)
    monkeypatch.setattr(admission, "MOST_ENDS", 50)
    others_run(house, 100)
    reckoned = []

    def earliest(ledger, request, now, ends):
        reckoned.append(len(ends))
        return earliest_fit(ledger, request, now, ends)

    monkeypatch.setattr(admission, "earliest_fit", earliest)
    assert told(house, people[2]) == NOON + 2 * HOUR
    requests = {name: StartRequest(name, ServerKey(name)) for name in people[2:]}
    found = house.call(leases.refusals_of, requests)
    assert {refusal.earliest for refusal in found.values()} == {NOON + 2 * HOUR}
    assert reckoned == [2, 2], "of the workshop, for one; and once for ten"
