"""The rescue profile: over quota, one small server to save or delete files."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from houses import MEDIUM, NOON, SMALL, SetClock, make_house, open_taller

from jupyterhub_communities.application import invites, leases
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.profiles import Profile
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import (
    OneRescueServer,
    ProfileNotOffered,
    QuotaExceeded,
    ScopeNotYours,
)
from jupyterhub_communities.domain.units import MEMORY, SERVERS

GIB = 1024**3
TINY = Profile(slug="tiny", names={"en": "Tiny"}, memory=128 * 2**20)


@pytest.fixture
def house(tmp_path):
    profiles = (SMALL, replace(MEDIUM, memory=GIB), TINY)
    house = make_house(tmp_path, clock=SetClock(), hub_servers=2, profiles=profiles)
    yield house
    house.close()


@pytest.fixture
def full(house):
    """A workshop whose one server somebody else has."""
    opened = open_taller(house, servers=1)
    names = [
        house.call(
            invites.redeem_invite, JoinRequest(opened.learner_invite.code, name, name)
        ).account.username
        for name in ("Rosa", "Luz")
    ]
    start(house, names[0])
    return names[1]


def start(house, username, name="", **more):
    request = StartRequest(uuid4().hex, ServerKey(username, name), **more)
    return house.call(leases.admit, request)


def lease(house, username, name=""):
    with house.database.read() as store:
        return store.leases.of_server(ServerKey(username, name))


def held(house, scope=HUB):
    with house.database.read() as store:
        return store.balances.get(scope, SERVERS).held


def test_somebody_over_quota_is_offered_a_rescue_and_gets_it(house, full):
    with pytest.raises(QuotaExceeded) as refused:
        start(house, full)
    assert refused.value.offers_rescue
    plan = start(house, full, is_rescue=True)
    assert (plan.profile, plan.is_rescue) == (TINY, True)
    made = lease(house, full)
    assert made.is_rescue
    assert made.ends_at == NOON + timedelta(hours=1)
    assert held(house, made.scope) == 2, "it is counted, over the limit"


def test_whatever_else_is_asked_for_it_is_the_rescue_profile(house, full):
    place = Scope("andes", "taller-de-python")
    plan = start(house, full, is_rescue=True, profile="medium", picked={"kind": "big"}, scope=place)
    assert (plan.profile, plan.picked, plan.scope) == (TINY, {}, place)
    with pytest.raises(ScopeNotYours):
        start(house, full, is_rescue=True, scope=Scope("andes"))


def test_each_person_has_one(house, full):
    start(house, full, is_rescue=True)
    start(house, full, is_rescue=True)  # the same server again, after it was lost
    with pytest.raises(OneRescueServer):
        start(house, full, "second", is_rescue=True)
    with pytest.raises(QuotaExceeded) as refused:
        start(house, full, "second")
    assert not refused.value.offers_rescue
    assert held(house) == 2


def test_also_somebody_without_an_account_has_one(house):
    for name in ("a", "b"):
        start(house, "stranger", name)
    start(house, "stranger", "c", is_rescue=True)
    with pytest.raises(OneRescueServer):
        start(house, "stranger", "d", is_rescue=True)


def test_while_it_fits_it_is_an_ordinary_start_and_the_rescue_stays_to_be_had(house, full):
    with house.database.read() as store:
        (others,) = store.leases.unsettled()
    house.call(leases.settle, others.id)
    assert not start(house, full, is_rescue=True).is_rescue
    assert lease(house, full).ends_at is None, "no hour for it"
    assert start(house, full, "second", is_rescue=True).is_rescue


def test_while_others_wait_for_what_there_is_a_rescue_stays_one(house):
    plan = start(house, "first", is_rescue=True, others_wait=True)
    assert (plan.is_rescue, plan.profile) == (True, TINY)
    with pytest.raises(OneRescueServer):
        start(house, "first", "second", is_rescue=True, others_wait=True)


def test_a_profile_that_is_for_others_is_never_had_as_an_ordinary_start(tmp_path):
    staff = replace(TINY, roles=frozenset({Role.INSTRUCTOR}))
    house = make_house(tmp_path, clock=SetClock(), profiles=(staff,))
    code = open_taller(house, profile=None).learner_invite.code
    rosa = house.call(invites.redeem_invite, JoinRequest(code, "a", "Rosa")).account.username
    assert start(house, rosa, is_rescue=True).is_rescue, "for an hour, and once"
    with pytest.raises(OneRescueServer):
        start(house, rosa, "second", is_rescue=True)
    house.close()


def test_a_rescue_takes_what_the_spawner_has_rather_than_the_largest_that_says_its_size(tmp_path):
    plain = Profile(slug="plain", names={"en": "Plain"})
    staff = frozenset({Role.CHAMPION})
    large = replace(TINY, slug="large", memory=64 * GIB, gpus={"a100": 1}, roles=staff)
    house = make_house(tmp_path, clock=SetClock(), hub_servers=1, profiles=(plain, large))
    start(house, "first", otherwise={MEMORY: GIB})
    plan = start(house, "second", is_rescue=True, otherwise={MEMORY: GIB})
    assert plan.is_rescue
    assert (plan.profile, dict(plan.amounts)) == (plain, {SERVERS: 1, MEMORY: GIB})
    house.close()


def test_a_rescue_that_is_another_one_by_now_is_refused(house, full):
    """Its grants may change between plan and admission: that one is not what was applied."""
    request = StartRequest(uuid4().hex, ServerKey(full), is_rescue=True)
    asked = leases.as_planned(request, house.call(leases.plan_start, request))
    with pytest.raises(ProfileNotOffered):
        house.call(leases.admit, replace(asked, profile="small"))
    assert house.call(leases.admit, asked).profile == TINY
