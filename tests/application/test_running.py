"""While servers run: who is warned, who is stopped, and what is taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import NOON, SMALL, actor_of, andes, make_house, open_taller
from transactions import writing

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit, settle
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.application.news import news_of
from jupyterhub_communities.application.reconciling import find_mends, mend_leases
from jupyterhub_communities.application.running import is_due, plan_stops
from jupyterhub_communities.application.workshops import close_workshop
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Quota, Spending
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.stops import RunningRules, StopReason
from jupyterhub_communities.domain.units import SERVER_TIME
from jupyterhub_communities.domain.windows import Rolling

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GRACE = 10 * MINUTE


@pytest.fixture
def build(tmp_path, clock):
    """A house with these rules for all; closed at the end."""
    built = []

    def build(quota: Quota | None = None, *, grace=timedelta(days=14), **rules):
        declared = andes(servers=None)
        if quota is not None:
            declared = replace(declared, quota=quota)
        house = make_house(
            tmp_path,
            clock=clock,
            communities=(declared,),
            running={None: RunningRules(**rules)},
            grace=grace,
        )
        built.append(house)
        return house

    yield build
    for house in built:
        house.close()


def join(house, opened, name="Luz") -> str:
    return house.call(
        redeem_invite, JoinRequest(opened.learner_invite.code, f"try-{name}", name)
    ).account.username


def start(house, username, lease_id="one", server_name="", **more) -> None:
    house.call(admit, StartRequest(lease_id, ServerKey(username, server_name), **more))


def lease(house, lease_id="one"):
    with house.database.read() as store:
        return store.leases.get(lease_id)


def due(house) -> list[str]:
    return [one.id for one in house.call(plan_stops).due]


def told(house, username):
    return [(one.at - NOON, one.reason) for one in house.call(news_of, username).stops]


def hours(count: int, *, is_each: bool = False) -> Quota:
    allowance = Allowance(count * 3600, Rolling(30))
    return Quota({}, (Spending(SERVER_TIME, allowance, is_each=is_each),))


def test_by_default_what_runs_runs_on_and_nobody_is_told_anything(build, clock) -> None:
    house = build()
    luz = join(house, open_taller(house))
    start(house, luz)
    clock.advance(hours=20)
    plan = house.call(plan_stops)
    assert plan.due == ()
    with house.database.read() as store:
        until = max(grant.ends_at for grant in store.people.by_username(luz)[1].grants)
    over = until + timedelta(days=14)  # without access there is no server, whatever the rules
    assert lease(house).ends_at == over
    assert plan.next_at == over - GRACE
    assert lease(house).warned_at is None


def test_the_longest_session_is_told_calmly_then_warned_of_then_over(build, clock) -> None:
    house = build(max_session=8 * HOUR)
    luz = join(house, open_taller(house))
    start(house, luz)
    assert told(house, luz) == [(8 * HOUR, None)], "known from admission on"
    assert house.call(plan_stops).next_at == NOON + 8 * HOUR - GRACE
    clock.advance(hours=7, minutes=50)
    assert house.call(plan_stops).next_at == NOON + 8 * HOUR
    assert told(house, luz) == [(8 * HOUR, StopReason.MAX_SESSION)]
    assert not house.call(is_due, "one")
    clock.advance(minutes=10)
    assert due(house) == ["one"]
    assert due(house) == ["one"], "until it is settled"
    assert house.call(is_due, "one")
    house.call(settle, "one")
    assert not house.call(is_due, "one")
    assert due(house) == []


def test_whoever_is_warned_late_still_has_the_whole_grace(build, clock) -> None:
    """The service was away, and a service that starts anew goes on where the last one was."""
    house = build(max_session=HOUR)
    start(house, join(house, open_taller(house)))
    clock.advance(hours=3)
    assert due(house) == []
    assert lease(house).stop_at == NOON + 3 * HOUR + GRACE
    clock.advance(minutes=9)
    assert due(house) == []
    clock.advance(minutes=1)
    assert due(house) == ["one"]


def test_a_workshops_servers_stop_with_it_where_the_community_says_so(build, clock) -> None:
    house = build(stops_at_end=True)
    opened = open_taller(house)
    luz = join(house, opened)
    start(house, luz)
    house.call(plan_stops)
    assert told(house, luz) == [(2 * HOUR, None)]
    house.call(close_workshop, actor_of(house, "ana"), "andes", opened.workshop.slug)
    assert due(house) == [], "closed early: first the warning"
    assert told(house, luz) == [(GRACE, StopReason.WORKSHOP_ENDED)]
    clock.advance(minutes=10)
    assert due(house) == ["one"]


@pytest.mark.parametrize("stops_at_end", [True, False])
def test_a_lapse_is_warned_of_where_it_stops_servers(build, clock, stops_at_end) -> None:
    house = build(stops_at_end=stops_at_end)
    opened = open_taller(house, lasts=timedelta(days=90))
    luz = join(house, opened)
    start(house, luz)
    with house.database.read() as store:
        (grant,) = store.people.by_username(luz)[1].grants
    with writing(house.database) as connection:  # shorter than the workshop
        connection.exec_driver_sql(
            f"UPDATE grants SET ends_at = '2026-03-05 12:00:00' WHERE id = '{grant.id}'"
        )
    end = timedelta(days=3)
    clock.time = NOON + end - GRACE
    house.call(plan_stops)
    reason = StopReason.ACCESS_ENDED
    assert told(house, luz) == (
        [(end, reason)] if stops_at_end else [(end + timedelta(days=14), None)]
    )
    clock.advance(minutes=10)
    assert due(house) == (["one"] if stops_at_end else [])
    clock.time = NOON + end + timedelta(days=14) - GRACE
    house.call(plan_stops)
    assert lease(house).stop_reason == reason


def test_what_is_spent_stops_after_the_warning_and_goes_on_when_more_is_allowed(
    build, clock
) -> None:
    house = build(hours(2), stops_when_exhausted=True)
    opened = open_taller(house)
    luz, sol = join(house, opened), join(house, opened, "Sol")
    start(house, luz)
    start(house, sol, "two")
    assert house.call(plan_stops).next_at == NOON + 50 * MINUTE, "two hours for two, and the grace"
    assert [reason for _, reason in told(house, luz)] == [None]
    clock.advance(minutes=30)
    house.call(meter_leases)
    clock.advance(minutes=20)
    assert due(house) == []
    assert told(house, luz) == [(HOUR, StopReason.EXHAUSTED)]
    with house.database.write() as store:
        store.limits.set_quota(Scope("andes"), hours(3))
    assert due(house) == []
    assert lease(house).warned_at is None, "the warning is taken back"
    clock.advance(minutes=40)
    assert due(house) == []
    assert told(house, luz) == [(100 * MINUTE, StopReason.EXHAUSTED)], "warned anew, a whole grace"
    clock.advance(minutes=10)
    assert sorted(due(house)) == ["one", "two"]


def test_what_finishes_is_not_stopped_by_a_spent_allowance(build, clock) -> None:
    house = build(hours(1))
    start(house, join(house, open_taller(house)))
    clock.advance(hours=5)
    assert due(house) == []
    assert lease(house).warned_at is None


def test_an_allowance_of_each_person_stops_that_person_alone(build, clock) -> None:
    house = build(hours(1, is_each=True), stops_when_exhausted=True)
    opened = open_taller(house)
    luz, sol = join(house, opened), join(house, opened, "Sol")
    start(house, luz)
    clock.advance(minutes=15)
    house.call(meter_leases)
    clock.advance(minutes=15)
    house.call(settle, "one")  # half an hour, of which half is not in the usage yet
    start(house, luz, "again")
    start(house, sol, "two")
    clock.advance(minutes=20)
    house.call(plan_stops)
    assert [told(house, name)[0][1] for name in (luz, sol)] == [StopReason.EXHAUSTED, None]
    assert told(house, luz) == [(HOUR, StopReason.EXHAUSTED)]
    clock.advance(minutes=10)
    assert due(house) == ["again"]


def test_an_allowance_of_each_person_counts_all_their_places_together(build, clock) -> None:
    house = build(hours(2, is_each=True), stops_when_exhausted=True)
    one, other = open_taller(house), open_taller(house, title="Otro")
    luz = join(house, one)
    house.call(redeem_invite, JoinRequest(other.learner_invite.code, "again", username=luz))
    house.call(meter_leases)
    start(house, luz, "one", scope=Scope("andes", one.workshop.slug))
    clock.advance(hours=1)
    house.call(meter_leases)
    house.call(settle, "one")
    start(house, luz, "two", scope=Scope("andes", other.workshop.slug))
    clock.advance(minutes=50)
    house.call(meter_leases)
    house.call(plan_stops)
    assert told(house, luz) == [(2 * HOUR, StopReason.EXHAUSTED)]


def test_what_began_while_nobody_metered_spends_from_then_on(build, clock) -> None:
    """The service was away for a night; whoever came since is neither refused nor stopped for it."""
    house = build(hours(8), stops_when_exhausted=True)
    luz = join(house, open_taller(house, lasts=48 * HOUR))
    house.call(meter_leases)
    clock.advance(hours=10)
    start(house, luz)
    clock.advance(minutes=10)
    start(house, luz, "two", "other")
    clock.advance(minutes=30)  # one has run for 40 minutes, and one for 30
    assert house.call(plan_stops).next_at == clock.now() + (8 * HOUR - 70 * MINUTE) / 2 - GRACE
    assert due(house) == []


def test_an_allowance_of_the_hub_counts_for_people_of_no_community_too(build, clock) -> None:
    house = build(stops_when_exhausted=True)
    with house.database.write() as store:
        store.limits.set_quota(HUB, hours(1))
    house.call(meter_leases)
    start(house, "stranger")
    assert house.call(plan_stops).next_at == NOON + HOUR - GRACE
    clock.advance(minutes=50)
    house.call(plan_stops)
    assert told(house, "stranger") == [(HOUR, StopReason.EXHAUSTED)]


def test_a_rescue_server_runs_an_hour_whatever_else_has_stopped(build, clock) -> None:
    house = build(hours(0), stops_when_exhausted=True, stops_at_end=True, max_session=8 * HOUR)
    luz = join(house, open_taller(house))
    clock.advance(hours=5)
    start(house, luz, is_rescue=True)
    house.call(plan_stops)
    assert told(house, luz) == [(6 * HOUR, None)]
    clock.advance(minutes=50)
    house.call(plan_stops)
    assert told(house, luz) == [(6 * HOUR, StopReason.MAX_SESSION)]
    clock.advance(minutes=10)
    assert due(house) == ["one"]


def test_each_server_of_a_person_is_told_of_by_its_name(build, clock) -> None:
    house = build(max_session=HOUR)
    luz = join(house, open_taller(house))
    start(house, luz)
    clock.advance(minutes=30)
    start(house, luz, "two", "second")
    house.call(plan_stops)
    found = house.call(news_of, luz).stops
    assert [(one.server_name, one.at - NOON) for one in found] == [
        ("", HOUR),
        ("second", 90 * MINUTE),
    ]
    assert {one.zone for one in found} == {"America/Lima"}, "by the workshop's clocks"


def test_a_second_look_writes_nothing(build, clock) -> None:
    house = build(max_session=HOUR, stops_at_end=True)
    start(house, join(house, open_taller(house)))
    clock.advance(minutes=55, microseconds=7)
    house.call(plan_stops)
    read_only = replace(house.desk(), database=ReadOnly(house.database))
    clock.advance(seconds=1)
    assert plan_stops(replace(read_only, now=clock.now())).next_at == lease(house).stop_at


class ReadOnly:
    def __init__(self, database) -> None:
        self.read = database.read


@pytest.mark.parametrize("profile", [SMALL.slug])
def test_a_clock_that_is_set_back_stops_nobody_early(build, clock, profile) -> None:
    house = build(max_session=HOUR)
    start(house, join(house, open_taller(house)), profile=profile)
    clock.advance(minutes=55)
    house.call(plan_stops)
    clock.advance(minutes=-40)
    assert due(house) == []
    assert lease(house).warned_at is None
    clock.advance(minutes=40)
    house.call(plan_stops)
    clock.advance(minutes=9)
    assert due(house) == []
    clock.advance(minutes=1)
    assert due(house) == ["one"]


@pytest.mark.parametrize("is_hub_admin", [True, False])
def test_an_admin_of_the_hub_needs_no_community_to_go_on(build, clock, is_hub_admin) -> None:
    house = build()
    house.settings = replace(house.settings, admits_outside=False)
    ana = actor_of(house, "ana").account_id
    with writing(house.database) as connection:
        connection.exec_driver_sql(
            f"UPDATE grants SET ends_at = '2026-03-05 12:00:00' WHERE account_id = '{ana}'"
        )
    start(house, "ana", is_hub_admin=is_hub_admin)
    clock.advance(days=3 + 14, minutes=-5)
    house.call(plan_stops)
    assert (lease(house).warned_at is None) is is_hub_admin
    clock.advance(minutes=10)
    assert due(house) == ([] if is_hub_admin else ["one"])
    if is_hub_admin:
        start(house, "ana", "again", "second", is_hub_admin=True)  # as admission lets them


def test_an_admins_server_that_was_found_running_is_known_as_one(build, clock) -> None:
    house = build()
    found = {ServerKey("ana"): RunningServer(ServerKey("ana"), ready=True, is_hub_admin=True)}
    house.call(mend_leases, house.call(find_mends, found, clock.now()))
    with house.database.read() as store:
        assert store.leases.of_server(ServerKey("ana")).is_hub_admin
