"""Admission, settlement and reconciliation."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from houses import (
    MEDIUM,
    NOON,
    SMALL,
    andes,
    make_house,
    most_servers,
    open_taller,
    reconcile,
)

from jupyterhub_communities.application import invites, leases
from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.reconciling import find_mends, mend_leases
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.profiles import Option, Profile, ProfileChoice
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import (
    AccessEnded,
    ProfileNotOffered,
    ProfileUnknown,
    QuotaExceeded,
    ScopeNotYours,
)
from jupyterhub_communities.domain.remaining import Left
from jupyterhub_communities.domain.units import CPU, MEMORY, SERVERS


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(tmp_path, clock=clock, hub_servers=5)
    yield house
    house.close()


def learners(house, opened, count):
    return [
        house.call(
            invites.redeem_invite, JoinRequest(opened.learner_invite.code, f"a{n}", f"N{n}")
        ).account.username
        for n in range(count)
    ]


def start(house, username, lease_id=None, **more):
    request = StartRequest(lease_id or f"lease-{username}", ServerKey(username), **more)
    return house.call(leases.admit, request)


def held(house, scope):
    with house.database.read() as store:
        return store.balances.get(scope, SERVERS).held


def test_a_server_is_charged_to_the_workshop_that_is_open_now_and_to_all_above(house) -> None:
    opened = open_taller(house)
    (username,) = learners(house, opened, 1)
    plan = start(house, username)
    assert plan.scope == Scope("andes", opened.workshop.slug)
    assert plan.profile == SMALL
    assert [held(house, level) for level in plan.scope.path()] == [1, 1, 1]


def test_the_server_one_too_many_is_refused_with_every_violated_limit(house) -> None:
    opened = open_taller(house, servers=3)
    names = learners(house, opened, 4)
    for username in names[:3]:
        start(house, username)
    with pytest.raises(QuotaExceeded) as refused:
        start(house, names[3])
    found = [(v.scope, v.name, v.limit, v.held, v.left) for v in refused.value.violations]
    assert found == [
        ("community", "Comunidad Andes", 3, 3, 0),
        ("workshop", "Taller de Python", 3, 3, 0),
    ]
    assert held(house, HUB) == 3, "a refused start holds nothing at any level"


def test_settling_twice_gives_back_once(house) -> None:
    (username,) = learners(house, open_taller(house), 1)
    start(house, username, "one")
    assert house.call(leases.settle, "one")
    assert not house.call(leases.settle, "one")
    assert not house.call(leases.settle, "never-was")
    assert held(house, HUB) == 0


def test_a_server_started_again_leaves_no_lease_behind(house) -> None:
    (username,) = learners(house, open_taller(house), 1)
    start(house, username, "one")
    start(house, username, "two")
    assert held(house, HUB) == 1
    assert not house.call(leases.settle, "one")


def test_people_of_no_community_are_charged_to_the_hub_only(house) -> None:
    assert start(house, "stranger").scope == HUB
    assert held(house, HUB) == 1
    assert held(house, Scope("andes")) == 0


def test_a_person_whose_grants_have_lapsed_starts_nothing(house, clock) -> None:
    (username,) = learners(house, open_taller(house), 1)
    clock.advance(days=60)  # after the days of grace
    with pytest.raises(AccessEnded):
        start(house, username)


def test_nobody_charges_what_is_not_theirs(house) -> None:
    other = open_taller(house, title="Otro")
    (username,) = learners(house, open_taller(house), 1)
    for scope in (Scope("andes", other.workshop.slug), Scope("andes"), HUB, Scope("nobody")):
        with pytest.raises(ScopeNotYours):
            start(house, username, scope=scope)


def test_profiles_are_gated_by_role_and_unknown_ones_refused(tmp_path) -> None:
    staff = Profile(slug="staff", names={"en": "Staff"}, roles=frozenset({Role.INSTRUCTOR}))
    house = make_house(tmp_path, profiles=(SMALL, MEDIUM, staff))
    (username,) = learners(house, open_taller(house), 1)
    assert start(house, username, profile="medium").profile == MEDIUM
    with pytest.raises(ProfileNotOffered):
        start(house, username, profile="staff")
    with pytest.raises(ProfileUnknown):
        start(house, username, profile="huge")
    assert start(house, "ana", profile="staff").profile == staff
    house.close()


def test_the_last_choice_is_the_default_between_workshops(house, clock) -> None:
    one = open_taller(house, title="Uno")
    two = open_taller(house, title="Dos")
    (username,) = learners(house, one, 1)
    house.call(invites.redeem_invite, JoinRequest(two.learner_invite.code, "x", username=username))
    chosen = Scope("andes", one.workshop.slug)
    start(house, username, scope=chosen)
    clock.advance(hours=5)
    assert house.call(leases.start_choices, username)[0].scope == chosen


def test_a_workshop_joined_since_comes_before_the_last_choice(house, clock) -> None:
    one, two = open_taller(house, title="Uno"), open_taller(house, title="Dos")
    (username,) = learners(house, one, 1)
    start(house, username)
    clock.advance(minutes=1)
    house.call(invites.redeem_invite, JoinRequest(two.learner_invite.code, "x", username=username))
    scopes = [choice.scope for choice in house.call(leases.start_choices, username)]
    assert scopes == [Scope("andes", "dos"), Scope("andes", "uno")]
    clock.advance(minutes=1)
    start(house, username, "again", scope=scopes[1])
    assert house.call(leases.start_choices, username)[0].scope == scopes[1], "chosen since"


def test_choices_say_how_many_servers_are_left_over_all_levels(house) -> None:
    opened = open_taller(house, servers=2)
    one, _ = learners(house, opened, 2)
    start(house, one)
    assert house.call(leases.start_choices, one)[0].left == (Left("servers", 1),)


def planned(house, username, lease_id="planned", **more):
    """As a Spawner that knows its sizes late: a plan, and the request for it."""
    request = StartRequest(lease_id, ServerKey(username), **more)
    plan = house.call(leases.plan_start, request)
    return plan, leases.as_planned(request, plan)


def test_what_was_planned_is_admitted_with_what_it_takes(house) -> None:
    (username,) = learners(house, open_taller(house), 1)
    plan, request = planned(house, username)
    assert held(house, HUB) == 0, "a plan holds nothing"
    admitted = house.call(leases.admit, replace(request, set_aside={SERVERS: 1, CPU: 7}))
    assert replace(admitted, amounts={}) == plan
    with house.database.read() as store:
        assert dict(store.leases.get("planned").amounts) == {SERVERS: 1, CPU: 7}


def test_what_is_theirs_no_more_when_it_is_admitted_is_refused(house, clock) -> None:
    """Between plan and admission a grant may lapse: the rescue profile is not what was applied."""
    (username,) = learners(house, open_taller(house), 1)
    _, request = planned(house, username)
    clock.advance(days=31)
    with pytest.raises(ProfileNotOffered):
        house.call(leases.admit, request)
    plan, request = planned(house, username)
    assert plan.is_rescue
    assert replace(house.call(leases.admit, request), amounts={}) == plan
    clock.advance(days=31)
    with pytest.raises(AccessEnded):
        house.call(leases.admit, request)


def test_people_of_no_community_are_admitted_as_planned(house) -> None:
    plan, request = planned(house, "nobody")
    assert plan.scope == HUB
    assert replace(house.call(leases.admit, request), amounts={}) == plan


def test_a_plan_of_a_workshop_holds_though_another_one_is_chosen_meanwhile(house) -> None:
    one = open_taller(house, title="Uno")
    (username,) = learners(house, one, 1)
    plan, request = planned(house, username)
    two = open_taller(house, title="Dos")
    house.clock.advance(minutes=1)
    actor = JoinRequest(two.learner_invite.code, "b", username=username)
    house.call(invites.redeem_invite, actor)
    assert house.call(leases.start_choices, username)[0].scope != plan.scope
    assert house.call(leases.admit, request).scope == plan.scope


def test_reconciling_settles_leases_without_a_server_but_not_younger_ones(house, clock) -> None:
    one, two = learners(house, open_taller(house), 2)
    start(house, one, "old")
    clock.advance(seconds=10)
    snapshot_at = clock.now()
    start(house, two, "young")
    mended = reconcile(house, {}, snapshot_at)
    assert [lease.id for lease in mended.settled] == ["old"]
    assert held(house, HUB) == 1


def test_reconciling_adopts_a_server_without_a_lease_even_over_the_limit(house, clock) -> None:
    house.call(apply_declarations, (andes(servers=1),), most_servers(5))
    names = learners(house, open_taller(house), 2)
    servers = {ServerKey(name): RunningServer(ServerKey(name), ready=True) for name in names}
    first = reconcile(house, servers, clock.now())
    again = reconcile(house, servers, clock.now())
    assert len(first.adopted) == 2
    assert all(lease.adopted for lease in first.adopted)
    assert not again.adopted
    assert held(house, Scope("andes")) == 2


@pytest.mark.parametrize("is_theirs", [True, False])
def test_an_adopted_server_is_charged_to_what_was_chosen_if_that_is_theirs(
    tmp_path, clock, is_theirs
) -> None:
    size = ProfileChoice(
        "size",
        {"en": "Size"},
        (
            Option("plain", {"en": "Plain"}, milli_cpu=500),
            Option("big", {"en": "Big"}, milli_cpu=900),
        ),
    )
    house = make_house(tmp_path, clock=clock, profiles=(replace(SMALL, choices=(size,)),))
    (name,) = learners(house, open_taller(house), 1)
    (other,) = learners(house, open_taller(house, title="Otro"), 1)
    place = Scope("andes", "otro")
    person = other if is_theirs else name
    key = ServerKey(person)
    picked = {"size": "big" if is_theirs else "none such"}
    found = RunningServer(key, ready=True, profile="small", picked=picked, scope=place)
    (lease,) = reconcile(house, {key: found}, clock.now()).adopted
    assert lease.scope == (place if is_theirs else Scope("andes", "taller-de-python"))
    assert lease.amounts["cpu"] == (900 if is_theirs else 500)
    house.close()


def test_the_profile_that_is_told_to_fit_starts_as_it_is_offered(tmp_path) -> None:
    """With the choices within it that stand where nothing else is chosen."""
    gpu = ProfileChoice("kind", {"en": "Kind"}, (Option("fast", {"en": "Fast"}, gpus={"a100": 1}),))
    profiles = (replace(MEDIUM, milli_cpu=8000), replace(SMALL, choices=(gpu,)))
    house = make_house(tmp_path, profiles=profiles)
    with house.database.write() as store:
        limits = {"cpu": Limit(most=2000), "gpu.a100": Limit(most=0)}
        store.limits.set_quota(Scope("andes"), Quota(limits))
    with pytest.raises(QuotaExceeded) as refused:
        start(house, "ana", profile="medium")
    assert refused.value.largest is None
    house.close()


async def test_in_a_rush_a_request_that_cannot_be_judged_fails_nobody_else(house) -> None:
    names = learners(house, open_taller(house), 6)
    for name in names[:3]:
        start(house, name)
    broken = {names[4]: {"memory": "much"}}
    asked = [StartRequest(n, ServerKey(n), set_aside=broken.get(n)) for n in names[3:]]
    starts = [leases.ask_to_start(house, one) for one in asked]
    told = await asyncio.gather(*starts, return_exceptions=True)
    assert [type(one) for one in told] == [QuotaExceeded, TypeError, QuotaExceeded]


def test_what_changed_since_it_was_found_is_not_mended_twice(house, clock) -> None:
    """A start that was admitted, a stop that was settled, and an adoption by another look."""
    gone, starting, running = learners(house, open_taller(house), 3)
    start(house, gone, "gone")
    clock.advance(seconds=1)
    servers = {ServerKey(n): RunningServer(ServerKey(n), ready=True) for n in (starting, running)}
    found = [house.call(find_mends, servers, clock.now()) for _ in range(2)]
    start(house, starting, "admitted")
    house.call(leases.settle, "gone")
    parts = [part for one in found for part in one.parts(1)]
    mended = [house.call(mend_leases, part) for part in parts]
    assert [lease for one in mended for lease in one.settled] == []
    assert [lease.server.username for one in mended for lease in one.adopted] == [running]
    assert held(house, HUB) == 2
    assert not house.call(leases.settle_server, ServerKey(gone))


@pytest.mark.parametrize("is_found", [True, False])
def test_a_server_that_stops_after_the_hub_was_asked_is_not_adopted(house, clock, is_found) -> None:
    """Whether its stop comes before what is to be mended is looked up, or after."""
    gone, other = learners(house, open_taller(house, servers=1), 2)
    start(house, gone, "gone")
    clock.advance(minutes=5)
    servers = {ServerKey(gone): RunningServer(ServerKey(gone), ready=True)}
    if is_found:
        house.call(leases.settle_server, ServerKey(gone))
    found = house.call(find_mends, servers, clock.now())
    house.call(leases.settle_server, ServerKey(gone))
    assert house.call(mend_leases, found).adopted == ()
    start(house, other, "other")
    house.call(leases.settle, "other")
    clock.advance(seconds=1)  # it runs still when the Hub is asked again: it was started anew
    assert len(reconcile(house, servers, clock.now()).adopted) == 1


def test_reconciling_notes_a_start_that_was_never_reported(house, clock) -> None:
    (name,) = learners(house, open_taller(house), 1)
    start(house, name, "one")
    server = RunningServer(ServerKey(name), ready=True)
    reconcile(house, {server.key: server}, clock.now() + timedelta(seconds=1))
    with house.database.read() as store:
        assert store.leases.get("one").active_at == NOON


def test_a_workshop_is_held_with_a_profile_of_its_community(tmp_path) -> None:
    theirs = Profile(slug="theirs", names={"en": "Theirs"}, communities=frozenset({"cerrado"}))
    maps = Profile(slug="maps", names={"en": "Maps"}, workshops=frozenset({"andes/mapas"}))
    house = make_house(tmp_path, profiles=(theirs, maps))
    with pytest.raises(ProfileNotOffered):
        open_taller(house, profile="theirs")
    assert open_taller(house, title="Mapas", profile="maps").workshop.slug == "mapas"
    house.close()


def test_a_refusal_never_names_what_it_refuses_though_it_took_more_than_its_profile_says(
    tmp_path,
) -> None:
    tiny = Profile(slug="tiny", names={"en": "Tiny"}, memory=1)
    big = Option(slug="big", names={}, memory=9000)
    kind = ProfileChoice(slug="kind", names={}, options=(Option(slug="base", names={}), big))
    choosy = Profile(slug="choosy", names={"en": "Choosy"}, memory=2048, choices=(kind,))
    quota = Quota({MEMORY: Limit(most=4096)})
    house = make_house(
        tmp_path, profiles=(tiny, choosy), communities=(replace(andes(), quota=quota),)
    )
    (username,) = learners(house, open_taller(house, profile="choosy"), 1)
    for picked, named in (({}, tiny), ({"kind": "base"}, tiny), ({"kind": "big"}, choosy)):
        with pytest.raises(QuotaExceeded) as refused:
            start(house, username, picked=picked, set_aside={SERVERS: 1, MEMORY: 9000})
        assert refused.value.largest == named.names
    house.close()
