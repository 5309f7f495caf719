"""Quotas looked at, divided, tried on the past days; and usage, exact."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from houses import (
    MEDIUM,
    NOON,
    SMALL,
    SetClock,
    actor_of,
    andes,
    make_house,
    most_servers,
    open_taller,
)
from sql_statements import counted

from jupyterhub_communities.application.cohorts import view_cohort
from jupyterhub_communities.application.communities import (
    apply_declarations,
    quota_lines,
    view_usage,
)
from jupyterhub_communities.application.dividing import read_lines, set_quota, view_quota
from jupyterhub_communities.application.ending import suspend_community
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.application.simulating import carry_out, prepare_trial, tell
from jupyterhub_communities.application.trail import view_trail
from jupyterhub_communities.application.usage import (
    PAGE,
    read_ended,
    read_running,
    together,
    usage_table,
)
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import (
    AmountInvalid,
    Declared,
    LimitRepeated,
    LimitUnknown,
    NotFound,
    PeriodBackwards,
    PeriodInvalid,
    QuotaExceeded,
)

OPERATOR = Actor(account_id=None, is_operator=True)


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, communities=(andes(), andes(slug="brasil", champions=("bia",))))
    yield house
    house.close()


def ran(
    house,
    name,
    *,
    began: float,
    ended: float | None,
    workshop=None,
    profile="small",
    community="andes",
) -> None:
    """A server that held 512 MiB, so many minutes ago."""
    at = house.clock.now()
    lease = Lease(
        id=name,
        server=ServerKey(name),
        account_id=actor_of(house, "ana").account_id,
        scope=Scope(community, workshop),
        profile=profile,
        requested_at=at - timedelta(minutes=began),
        amounts={"servers": 1, "memory": 2**29},
    )
    with house.database.write() as store:
        store.leases.add(lease)
        if ended is not None:
            store.leases.settle(name, at - timedelta(minutes=ended))


def left_in(view, resource="servers"):
    return next(row.left for row in view.held if row.resource == resource)


def starts_as_long_as_it_may(house, username, scope) -> int:
    """How many servers."""
    for number in range(100):
        key = ServerKey(username, f"{scope.workshop}-{number}")
        try:
            house.call(admit, StartRequest(f"{username}-{number}", key, scope=scope))
        except QuotaExceeded:
            return number
    raise AssertionError("no limit")


def test_what_is_left_can_be_started_beside_a_reserve_and_no_more(house) -> None:
    for community in ("andes", "brasil"):
        with house.database.write() as store:
            store.limits.set_limit(Scope(community), "servers", Limit(most=10))
    open_taller(house, title="Con", seats=8, is_reserved=True)
    open_taller(house, title="Sin")
    ana = actor_of(house, "ana")
    house.call(set_quota, ana, "andes", "sin", {"servers": "9"})
    view = house.call(view_quota, ana, "andes")
    below = {one.scope.workshop: left_in(one) for one in view.below}
    assert (left_in(view.here), below) == (2, {"con": 10, "sin": 2})
    assert left_in(house.call(view_quota, ana, "andes", "con").here) == 10
    assert starts_as_long_as_it_may(house, "ana", Scope("andes")) == 2
    view = house.call(view_quota, ana, "andes")
    below = {one.scope.workshop: left_in(one) for one in view.below}
    assert (left_in(view.here), below) == (0, {"con": 8, "sin": 0})
    with house.database.write() as store:
        store.limits.set_quota(HUB, most_servers(12))
    whole = house.call(view_quota, OPERATOR, None)
    lefts = {one.scope.community: left_in(one) for one in whole.below}
    assert (left_in(whole.here), lefts) == (2, {"andes": 0, "brasil": 2})
    assert left_in(house.call(view_quota, OPERATOR, "brasil").here) == 2, "of the hub's"
    assert starts_as_long_as_it_may(house, "bia", Scope("brasil")) == 2
    house.clock.advance(days=1)
    assert left_in(house.call(view_quota, ana, "andes").here) == 8, "it is over"


def test_what_others_have_drawn_from_the_pool_is_not_left(tmp_path) -> None:
    def sharing(slug, champion, share):
        found = andes(None, (champion,), slug)
        in_cohort = replace(found.community, cohort="south")
        return replace(found, community=in_cohort, quota=Quota({"servers": Limit(share=share)}))

    house = make_house(
        tmp_path,
        communities=(
            sharing("andes", "ana", Share(3, may_borrow=0)),
            sharing("brasil", "bia", Share(3)),
        ),
    )
    ana, bia = actor_of(house, "ana"), actor_of(house, "bia")
    assert left_in(house.call(view_quota, ana, "andes").here) == 3
    assert left_in(house.call(view_quota, bia, "brasil").here) == 6
    assert starts_as_long_as_it_may(house, "bia", Scope("brasil")) == 6
    here = house.call(view_quota, ana, "andes").here
    row = here.held[0]
    assert (row.most, row.held, row.lent, row.left) == (3, 0, 3, 0)
    assert starts_as_long_as_it_may(house, "ana", Scope("andes")) == 0
    assert [left_in(one.view) for one in house.call(view_cohort, ana, "south").rows] == [0, 0]
    house.close()


def simulated(house, changes, *, days=1, actor=None, workshop=None, community="andes"):
    trial = house.call(
        prepare_trial, actor or actor_of(house, "ana"), community, workshop, changes, days
    )
    running = house.call(read_running, trial.reads)
    ended = house.call(read_ended, trial.reads, trial.since, None)
    return house.call(tell, trial, carry_out(trial, together(running, ended)))


def test_a_champion_divides_among_workshops_and_the_audit_says_before_and_after(house) -> None:
    opened = open_taller(house, servers=5)
    ana, slug = actor_of(house, "ana"), opened.workshop.slug
    lines = {
        "servers": 2,
        "memory": "64Gi",
        "servers each": "1",
        "cpu-time sessions": "40 cpu-hours",
    }
    view = house.call(set_quota, ana, "andes", slug, lines)
    assert quota_lines(view.here.quota) == {**lines, "servers": "2"}
    (entry, *_) = house.call(view_trail, ana, "andes").entries
    assert (entry.action, entry.before, entry.after["memory"]) == (
        "quota:set",
        {"servers": "5"},
        "64Gi",
    )
    house.call(set_quota, ana, "andes", slug, {"servers": ""})
    assert quota_lines(house.call(view_quota, ana, "andes", slug).here.quota) == {}


def test_what_the_file_says_is_read_only_also_for_the_operator(house) -> None:
    for actor in (actor_of(house, "ana"), OPERATOR):
        with pytest.raises(Declared):
            house.call(set_quota, actor, "andes", None, {"servers": 9})
    with pytest.raises(Declared):
        house.call(set_quota, OPERATOR, None, None, {"servers": 9})


def test_a_workshop_of_no_community_is_none_so_its_name_reaches_nobody_elses_limits(house) -> None:
    before = house.call(view_quota, OPERATOR, "andes").here.quota
    for verb, *more in (
        (view_quota, OPERATOR, None, "andes"),
        (set_quota, OPERATOR, None, "andes", {"servers": "999"}),
        (prepare_trial, OPERATOR, None, "andes", {"servers": "999"}, 10),
    ):
        with pytest.raises(NotFound):
            house.call(verb, *more)
    assert house.call(view_quota, OPERATOR, "andes").here.quota == before


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ({"memory": "512m"}, AmountInvalid),
        ({"cpu-time sessions": "40"}, AmountInvalid),
        ({"cpu-time 30 days": "40 cpu-hours"}, LimitUnknown),
        ({"servers nominal": "4"}, LimitUnknown),
        ({"servers each": "equal"}, LimitUnknown),
        ({"beds": "4"}, LimitUnknown),
    ],
)
def test_a_limit_that_is_none_changes_nothing(house, lines, refusal) -> None:
    slug = open_taller(house, servers=5).workshop.slug
    ana = actor_of(house, "ana")
    with pytest.raises(refusal):
        house.call(set_quota, ana, "andes", slug, lines)
    assert quota_lines(house.call(view_quota, ana, "andes", slug).here.quota) == {"servers": "5"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("server-time 1 day", "server-time 1 days"),
        ("server-time month", "server-time month UTC"),
        ("server-time since 2026-01-31", "server-time since 2026-01-30T19:00:00-05:00"),
        ("server-time month each", "server-time month UTC each"),
        ("servers", " servers"),
        ("servers each", "servers each "),
    ],
)
def test_a_limit_stands_once_however_it_is_spelled(house, one, other) -> None:
    undeclared(house)
    same = dict.fromkeys((one, other), 3 if one.startswith("servers") else "3 server-hours")
    ana = actor_of(house, "ana")
    for verb, *place in ((set_quota, OPERATOR, "libre", None), (prepare_trial, ana, "andes", None)):
        with pytest.raises(LimitRepeated):
            house.call(verb, *place, same, *([10] if verb is prepare_trial else []))


def test_a_trial_changes_a_limit_however_it_is_spelled(house) -> None:
    undeclared(house)
    house.call(set_quota, OPERATOR, "libre", None, {"server-time month UTC": "3 server-hours"})
    for lines, expected in (
        ({"server-time month": "4 server-hours"}, {"server-time month UTC": "4 server-hours"}),
        ({"server-time month": None}, {}),
    ):
        assert house.call(prepare_trial, OPERATOR, "libre", None, lines, 10).lines == expected


@pytest.mark.parametrize(
    "since", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-12:00", "1969-12-31"]
)
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
def test_a_day_at_the_edge_of_the_calendar_is_no_window(house, since, zone) -> None:
    undeclared(house)
    house.settings = replace(house.settings, zone=zone)
    for verb in (set_quota, prepare_trial):
        lines = {f"server-time since {since}": "3 server-hours"}
        with pytest.raises(LimitUnknown):
            house.call(
                verb, OPERATOR, "libre", None, lines, *([10] if verb is prepare_trial else [])
            )


def undeclared(house) -> None:
    """The community `libre`, which the file does not name."""
    house.call(apply_declarations, (andes(slug="libre"),), Quota())
    with house.database.write() as store:
        store.limits.set_quota(Scope("libre"), Quota())


def test_what_is_owned_may_be_shared_equally(house) -> None:
    quota = read_lines(
        {"servers nominal": "4", "servers each": "equal"}, Scope("andes"), zone="UTC"
    )
    assert quota.held["servers"] == Limit(is_shared_equally=True, share=Share(4))


def test_usage_is_exact_whether_metered_or_not(house) -> None:
    ran(house, "one", began=90, ended=30)
    ran(house, "two", began=10, ended=None, profile=None)
    ana = actor_of(house, "ana")
    for _ in range(2):
        table = house.call(usage_table, ana, "andes", by="profile")
        found = {row.key: row.amounts["server-time"] for row in table.rows}
        assert found == {"small": 3600, "": 600}
        assert house.call(view_usage, ana, "andes").server_time == timedelta(seconds=4200)
        house.call(meter_leases)
    days = house.call(usage_table, ana, "andes", by="day").rows
    assert [(row.key, row.amounts["server-time"]) for row in days] == [("2026-03-02", 4200)]
    (person,) = house.call(usage_table, ana, "andes", by="person").rows
    assert (person.key, person.amounts["memory-time"]) == ("ana", 4200 * 2**19)
    (hour,) = house.call(usage_table, ana, "andes", by="hour").rows[-1:]
    assert (hour.key, hour.amounts["server-time"]) == ("2026-03-02T11:00+00:00", 1800 + 600)
    (month,) = house.call(usage_table, ana, "andes", by="month").rows
    assert (month.key, month.amounts["server-time"]) == ("2026-03", 4200)
    with pytest.raises(PeriodBackwards):
        house.call(usage_table, ana, "andes", NOON, NOON - timedelta(days=1))
    with pytest.raises(PeriodInvalid):
        house.call(usage_table, ana, "andes", NOON - timedelta(days=400), NOON)


def test_a_workshops_usage_is_its_own(house) -> None:
    slug = open_taller(house).workshop.slug
    ran(house, "one", began=90, ended=30)
    ran(house, "two", began=10, ended=None, workshop=slug)
    ana = actor_of(house, "ana")
    for _ in range(2):
        (row,) = house.call(usage_table, ana, "andes", by="day", workshop=slug).rows
        assert row.amounts["server-time"] == 600
        house.call(meter_leases)


def test_hours_follow_each_other_also_when_clocks_are_set_back(house) -> None:
    house.settings = replace(house.settings, zone="Europe/Madrid")
    house.clock.time = datetime(2026, 10, 25, 3, tzinfo=UTC)
    ran(house, "one", began=240, ended=0)
    rows = house.call(usage_table, actor_of(house, "ana"), "andes", by="hour").rows
    assert [row.key for row in rows] == [
        "2026-10-25T01:00+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
    ]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/Lima"])
def test_no_hour_counts_in_two_periods_nor_has_one_a_row_of_the_day_before(house, zone) -> None:
    house.settings = replace(house.settings, zone=zone)
    midnight = datetime(2026, 4, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    house.clock.time = midnight + timedelta(hours=3)
    ran(house, "one", began=300, ended=60)
    ana = actor_of(house, "ana")
    for by, before, after in (("day", "2026-03-31", "2026-04-01"), ("month", "2026-03", "2026-04")):
        total = 0
        for start, end, key in (
            (midnight - timedelta(days=1), midnight, before),
            (midnight, midnight + timedelta(days=1), after),
        ):
            (row,) = house.call(usage_table, ana, "andes", start, end, by).rows
            assert row.key == key
            total += row.amounts["server-time"]
        assert total == 4 * 3600


def test_workshops_that_are_not_open_to_somebody_are_no_rows_of_their_table(house) -> None:
    opened = open_taller(house)
    own, other = opened.workshop.slug, open_taller(house, title="Secreto").workshop.slug
    lea = house.call(redeem_invite, JoinRequest(opened.learner_invite.code, "lea", "Lea"))
    ran(house, "one", began=90, ended=30, workshop=own)
    ran(house, "two", began=20, ended=10, workshop=other)
    ran(house, "three", began=10, ended=None)
    ana = {own: ("Taller de Python", 3600), other: ("Secreto", 600), "": ("", 600)}
    for _ in range(2):
        for who, told in (
            ("ana", ana),
            (lea.account.username, {own: ana[own], "": ("", 1200)}),
        ):
            table = house.call(usage_table, actor_of(house, who), "andes", by="workshop")
            found = {row.key: (row.name, row.amounts["server-time"]) for row in table.rows}
            assert found == told
        house.call(meter_leases)


def test_at_the_hub_workshops_of_two_communities_with_one_slug_are_two_rows(house) -> None:
    slug = open_taller(house).workshop.slug
    assert open_taller(house, community="brasil", by="bia").workshop.slug == slug
    ran(house, "one", began=90, ended=30, workshop=slug)
    ran(house, "two", began=20, ended=10, workshop=slug, community="brasil")
    ran(house, "three", began=10, ended=None, community="brasil")
    for _ in range(2):
        table = house.call(usage_table, OPERATOR, None, by="workshop")
        found = {row.key: row.amounts["server-time"] for row in table.rows}
        assert found == {f"andes/{slug}": 3600, f"brasil/{slug}": 600, "": 600}
        house.call(meter_leases)


def test_other_limits_refuse_who_came_last_and_say_what_would_have_fit(house) -> None:
    ran(house, "first", began=3000, ended=60)  # runs already when the day begins
    ran(house, "second", began=300, ended=None)
    ran(house, "third", began=240, ended=200)
    outcome = simulated(house, {"servers": 2})
    assert (outcome.starts, outcome.refused) == (2, 1)
    (refused,) = outcome.shown
    assert refused.username == "third"
    assert [(v.resource, v.limit, v.held) for v in refused.violations] == [("servers", 2, 2)]
    assert simulated(house, {"servers": 3}).refused == 0
    by_memory = simulated(house, {"servers": "", "memory": "1100M"}).shown
    assert [one.would_fit for one in by_memory] == [{"en": "Medium", "es": "Mediano"}]
    assert simulated(house, {"servers each": 1}).refused == 2, "all are ana's"
    assert quota_lines(house.call(view_quota, OPERATOR, "andes").here.quota) == {"servers": "3"}


def test_what_stands_for_each_person_counts_all_their_places_together(house) -> None:
    for name, began, workshop in (("uno", 300, "uno"), ("dos", 200, "dos"), ("own", 100, None)):
        ran(house, name, began=began, ended=10, workshop=workshop)
    assert simulated(house, {"servers each": 1}).refused == 2
    assert simulated(house, {"servers each": 2}).refused == 1
    assert simulated(house, {"servers each": 3}).refused == 0
    spent = "server-time 30 days each"
    assert simulated(house, {spent: "3 server-hours"}).refused == 1, "100 and 200 minutes by then"
    assert simulated(house, {spent: "5.5 server-hours"}).refused == 1, "three need their runway"
    assert simulated(house, {spent: "6 server-hours"}).refused == 0


def test_what_was_spent_before_the_days_that_are_tried_counts(house) -> None:
    ran(house, "long", began=3000, ended=2000)
    house.call(meter_leases)
    ran(house, "now", began=10, ended=None)
    limit = {"server-time 30 days": "17 server-hours"}
    assert simulated(house, limit).refused == 0
    assert simulated(house, {"server-time 30 days": "16 server-hours"}).refused == 1


def test_what_was_spent_in_the_hour_in_which_the_days_begin_counts(tmp_path) -> None:
    clock = SetClock(NOON + timedelta(minutes=40))
    house = make_house(tmp_path, clock=clock, communities=(andes(servers=None),))
    for number in range(10):
        ran(house, f"before-{number}", began=1440 + 39, ended=1440 + 3)  # six hours in all
    house.call(meter_leases)
    ran(house, "now", began=10, ended=None)
    assert simulated(house, {"server-time 30 days": "6 server-hours"}).refused == 1
    assert simulated(house, {"server-time 30 days": "7 server-hours"}).refused == 0
    house.close()


def reserve_of_six(house) -> None:
    open_taller(house, seats=6, servers=6, is_reserved=True, title="Reservado")


def test_a_reserve_that_was_made_later_refuses_nobody_before(tmp_path) -> None:
    house = make_house(tmp_path, communities=(andes(servers=10),))
    for number in range(10):
        ran(house, f"early-{number}", began=60, ended=30)
    assert simulated(house, {"servers": 10}).refused == 0
    reserve_of_six(house)
    assert simulated(house, {"servers": 10}).refused == 0
    for number in range(5):
        ran(house, f"late-{number}", began=-1, ended=None)
    house.clock.advance(minutes=5)
    assert simulated(house, {"servers": 10}).refused == 1, "six are kept by then"
    house.close()


def test_the_reserve_of_a_suspended_community_refuses_nobody(tmp_path) -> None:
    house = make_house(tmp_path, communities=(andes(servers=10),), hub_servers=10)
    reserve_of_six(house)
    house.clock.advance(minutes=5)
    for number in range(5):
        ran(house, f"one-{number}", began=1, ended=None)
    assert simulated(house, {}, actor=OPERATOR, community=None).refused == 1
    house.clock.advance(minutes=-3)
    house.call(suspend_community, OPERATOR, "andes", "unpaid")
    house.clock.advance(minutes=3)
    assert simulated(house, {}, actor=OPERATOR, community=None).refused == 0
    house.close()


def test_what_each_spent_before_the_days_that_are_tried_counts_at_all_their_places(house) -> None:
    ran(house, "long", began=9000, ended=8400, workshop="uno")  # 10 hours, six days ago
    ran(house, "short", began=8300, ended=8240, workshop="dos")
    house.call(meter_leases)
    ran(house, "now", began=10, ended=None, workshop="dos")
    for limit, days, refused in (
        ("11 server-hours", 1, 1),
        ("11 server-hours", 10, 1),
        ("12 server-hours", 1, 0),
        ("12 server-hours", 10, 0),
    ):
        tried = simulated(house, {"server-time 30 days each": limit}, days=days)
        assert tried.refused == refused, (limit, days)
    five_days = {"server-time 5 days each": "2 server-hours"}
    assert simulated(house, five_days).refused == 0, "it has left the window by then"


def test_only_profiles_that_are_offered_in_the_community_are_said_to_fit(tmp_path) -> None:
    own = replace(SMALL, slug="own", names={"en": "Own"}, communities=frozenset({"andes"}))
    others = replace(MEDIUM, communities=frozenset({"brasil"}), memory=2**28)
    house = make_house(
        tmp_path, communities=(andes(), andes(slug="brasil")), profiles=(own, others)
    )
    ran(house, "one", began=10, ended=None)
    for memory, fits in (("400M", None), ("520M", {"en": "Own"})):
        for community in (None, "andes"):
            changes = {"memory": memory}
            tried = simulated(house, changes, actor=OPERATOR, community=community)
            assert [one.would_fit for one in tried.shown] == [fits], (memory, community)
    house.close()


def test_equal_parts_are_said_not_to_be_tried(house) -> None:
    slug = open_taller(house).workshop.slug
    assert simulated(house, {"servers": 2}).left_out == ()
    assert simulated(house, {"memory": "1Gi", "memory each": "equal"}).left_out == ("memory",)
    house.call(
        set_quota, actor_of(house, "ana"), "andes", slug, {"servers": 2, "servers each": "equal"}
    )
    assert simulated(house, {"servers": 2}).left_out == ("servers",), "of a workshop's people"
    assert simulated(house, {"servers": 2}, workshop=slug).left_out == ("servers",)
    assert simulated(house, {"servers each": ""}, workshop=slug).left_out == ()


def test_the_history_is_read_in_pieces_each_lease_once(house, monkeypatch) -> None:
    assert PAGE <= 5000
    monkeypatch.setattr("jupyterhub_communities.application.usage.PAGE", 2)
    for number in range(5):
        ran(house, f"{number}", began=100, ended=50)  # all at one moment
    found: list[Lease] = []
    since = NOON - timedelta(days=1)
    while page := house.call(read_ended, "andes", since, found[-1] if found else None):
        found += page
    assert [lease.id for lease in found] == list("01234")


def test_as_many_statements_for_two_hundred_workshops_as_for_two(house) -> None:
    ana = actor_of(house, "ana")
    counts = []
    for more in (2, 198):
        for number in range(more):
            slug = open_taller(house, title=f"Taller {more} {number}", servers=3).workshop.slug
            house.call(set_quota, ana, "andes", slug, {"server-time sessions": "9 server-hours"})
        with counted(house) as statements:
            view = house.call(view_quota, ana, "andes")
        counts.append(len(statements))
    assert len(view.below) == 200
    assert counts[1] - counts[0] <= 2, "sums are asked for by the hundred"
