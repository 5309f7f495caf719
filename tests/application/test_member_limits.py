"""Limits for each person: an amount, or an equal share."""

from dataclasses import replace
from itertools import permutations
from uuid import uuid4

import pytest
from houses import SMALL, andes, make_house, most_servers, open_taller

from jupyterhub_communities.application import invites, leases
from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.config.quotas import QuotaSection
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.profiles import Profile
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import QuotaExceeded
from jupyterhub_communities.domain.remaining import Left
from jupyterhub_communities.domain.windows import Rolling
from jupyterhub_communities.i18n.messages import messages_for
from jupyterhub_communities.pages.refusals import sentence_of

ENGLISH = messages_for("en")
MIB = 2**20
SIZES = {"servers": 1, "cpu": 500, "memory": 512 * MIB, "gpu.a100": 1}
UNO, DOS = Scope("andes", "uno"), Scope("andes", "dos")


def limit(house, held, *spent):
    declared = Declaration(andes().community, Quota(held, spent), ("ana",))
    house.call(apply_declarations, (declared,), most_servers(None))


def join(house, opened, name, username=None):
    request = JoinRequest(
        opened.learner_invite.code, f"{name} {opened.workshop.slug}", name, username=username
    )
    return house.call(invites.redeem_invite, request).account


def start(house, account, name="", **more):
    more.setdefault("set_aside", SIZES)
    request = StartRequest(uuid4().hex, ServerKey(account.username, name), **more)
    house.call(leases.admit, request)
    return request.lease_id


def run_for(house, clock, account, *, minutes, **more):
    lease = start(house, account, **more)
    clock.advance(minutes=minutes)
    house.call(meter_leases)
    house.call(leases.settle, lease)


def refused(house, account, name="more", **more):
    with pytest.raises(QuotaExceeded) as refusal:
        start(house, account, name, **more)
    return refusal.value


def held(house, scope, resource="servers"):
    with house.database.read() as store:
        return store.balances.get(scope, resource).held


def tell_of_one(house, account):
    """The one violation of the member level, as the person reads it."""
    refusal = refused(house, account)
    (violation,) = refusal.violations
    assert (violation.scope, violation.name) == ("member", account.display_name)
    return sentence_of(refusal, ENGLISH)


CAPS = [
    ("servers", 1, "You may run one server at a time here, and it is running."),
    (
        "cpu",
        750,
        "You may use 0.75 processors here at a time, and use 0.5 processors; "
        "this server needs 0.5 processors.",
    ),
    (
        "memory",
        1000 * MIB,
        "You may use 1,000 MiB of memory here at a time, and use 512 MiB of memory; "
        "this server needs 512 MiB of memory.",
    ),
    (
        "gpu.a100",
        1,
        "You may use 1 GPU (a100) here at a time, and use 1 GPU (a100); "
        "this server needs 1 GPU (a100).",
    ),
]
ALLOWED = [
    ("server-time", 3600, "You may still spend 0 server hours here; a start needs 0.25"),
    ("cpu-time", 500 * 3600, "You may still spend 0 processor hours here; a start needs 0.13"),
    ("memory-time", 512 * 1024 * 3600, "You may still spend 0 GiB-hours of memory here; a start"),
    ("gpu-time.a100", 3600, "You may still spend 0 GPU hours (a100) here; a start needs 0.25"),
]


def test_a_cap_for_each_person_refuses_that_person_alone_whatever_the_resource(house) -> None:
    opened = open_taller(house)
    rosa, luz = join(house, opened, "Rosa"), join(house, opened, "Luz")
    start(house, rosa)
    for resource, each, told in CAPS:
        limit(house, {resource: Limit(each=each)})
        assert tell_of_one(house, rosa).startswith(told)
        house.call(leases.settle, start(house, luz))
    assert held(house, HUB) == 1


def test_what_each_person_may_spend_is_counted_by_person_whatever_the_resource(house, clock):
    opened = open_taller(house)
    rosa, luz = join(house, opened, "Rosa"), join(house, opened, "Luz")
    run_for(house, clock, rosa, minutes=60)
    for resource, hours, told in ALLOWED:
        limit(house, {}, Spending(resource, Allowance(hours, Rolling(7)), is_each=True))
        assert tell_of_one(house, rosa).startswith(told)
        house.call(leases.settle, start(house, luz))


def test_a_limit_of_the_community_holds_in_its_workshops_and_counts_all_of_them(house) -> None:
    limit(house, {"servers": Limit(each=2)})
    one, other = open_taller(house, title="Uno"), open_taller(house, title="Dos")
    rosa = join(house, one, "Rosa")
    join(house, other, "Rosa", username=rosa.username)
    luz = join(house, other, "Luz")
    start(house, rosa, "a", scope=UNO)
    lease = start(house, rosa, "b", scope=DOS)
    for place in (UNO, DOS):
        (violation,) = refused(house, rosa, scope=place).violations
        assert (violation.limit, violation.held) == (2, 2)
    start(house, luz, scope=DOS)
    house.call(leases.settle, lease)
    assert house.call(leases.start_choices, rosa.username)[0].left == (Left("servers", 1),)
    start(house, rosa, "more", scope=UNO)


def test_what_is_spent_in_one_workshop_counts_in_the_other(house, clock) -> None:
    limit(house, {}, Spending("server-time", Allowance(3600, Rolling(7)), is_each=True))
    one, other = open_taller(house, title="Uno"), open_taller(house, title="Dos")
    rosa = join(house, one, "Rosa")
    join(house, other, "Rosa", username=rosa.username)
    run_for(house, clock, rosa, minutes=50, scope=UNO)
    for place in (UNO, DOS):
        assert refused(house, rosa, scope=place).violations[0].left == 600


def test_what_runs_in_one_workshop_needs_its_runway_in_the_other_too(house) -> None:
    """Half an hour is enough for two servers, wherever they are."""
    limit(house, {}, Spending("server-time", Allowance(1800, Rolling(7)), is_each=True))
    one, other = open_taller(house, title="Uno"), open_taller(house, title="Dos")
    rosa, luz = join(house, one, "Rosa"), join(house, one, "Luz")
    join(house, other, "Rosa", username=rosa.username)
    start(house, rosa, "a", scope=UNO)
    start(house, rosa, "b", scope=DOS)
    for place in (UNO, DOS):
        assert refused(house, rosa, scope=place).violations[0].wanted == 3 * 900
    start(house, luz, scope=UNO)


def test_what_is_spent_in_one_community_counts_in_the_other_where_the_hub_limits_each(
    house, clock
) -> None:
    both = [andes(slug=slug, champions=(by,)) for slug, by in (("andes", "ana"), ("sur", "bia"))]
    declared = tuple(Declaration(one.community, Quota({}), one.champions) for one in both)
    each = Spending("server-time", Allowance(3600, Rolling(7)), is_each=True)
    house.call(apply_declarations, declared, Quota({}, (each,)))
    one = open_taller(house, title="Uno")
    other = open_taller(house, title="Dos", community="sur", by="bia")
    rosa = join(house, one, "Rosa")
    join(house, other, "Rosa", username=rosa.username)
    run_for(house, clock, rosa, minutes=50, scope=UNO)
    for place in (UNO, Scope("sur", "dos")):
        assert refused(house, rosa, scope=place).violations[0].left == 600


def limit_at(house, scope, resource, limit):
    with house.database.write() as store:
        store.limits.set_limit(scope, resource, limit)


@pytest.mark.parametrize("outer", [HUB, Scope("andes")])
@pytest.mark.parametrize(("above", "own", "most"), [(1, 5, 1), (5, 2, 2), (3, None, 3)])
def test_of_what_stands_for_each_at_several_levels_the_tightest_holds(
    house, outer, above, own, most
) -> None:
    opened = open_taller(house, title="Uno")
    limit_at(house, Scope("andes"), "servers", Limit())
    limit_at(house, outer, "servers", Limit(each=above))
    limit_at(house, UNO, "servers", Limit(each=own))
    rosa = join(house, opened, "Rosa")
    for number in range(most):
        start(house, rosa, f"n{number}")
    (violation,) = refused(house, rosa).violations
    assert (violation.scope, violation.limit, violation.held) == ("member", most, most)


def test_an_outer_limit_counts_what_is_held_elsewhere_an_inner_one_does_not(house) -> None:
    """By what each leaves to this person, not by which is smaller."""
    one, other = open_taller(house, title="Uno"), open_taller(house, title="Dos")
    limit_at(house, Scope("andes"), "servers", Limit(each=3))
    limit_at(house, UNO, "servers", Limit(each=2))
    rosa = join(house, one, "Rosa")
    join(house, other, "Rosa", username=rosa.username)
    start(house, rosa, "a", scope=UNO)
    start(house, rosa, "b", scope=UNO)
    (violation,) = refused(house, rosa, scope=UNO).violations
    assert (violation.limit, violation.held) == (2, 2)
    start(house, rosa, "c", scope=DOS)
    house.call(leases.settle_server, ServerKey(rosa.username, "b"))
    start(house, rosa, "d", scope=DOS)
    for place in (UNO, DOS):
        (violation,) = refused(house, rosa, scope=place).violations
        assert (violation.limit, violation.held) == (3, 3)


@pytest.fixture
def any_house(database, tmp_path, clock):
    house = make_house(tmp_path, clock=clock, communities=(andes(None),))
    yield house
    house.close()


def try_to_start(house, username, name="", **more):
    request = StartRequest(uuid4().hex, ServerKey(username, name), **more)
    try:
        house.call(leases.admit, request)
    except QuotaExceeded as refusal:
        return refusal
    return None


def test_who_has_no_account_is_held_to_the_hubs_limit_for_each_by_their_leases(any_house) -> None:
    house = any_house
    limit_at(house, HUB, "servers", Limit(most=9, each=1))
    limit_at(house, HUB, "memory", Limit(each=2**40))
    assert try_to_start(house, "stranger", "a") is None
    refusal = try_to_start(house, "stranger", "b")
    (violation,) = refusal.violations
    assert (violation.scope, violation.limit, violation.held) == ("member", 1, 1)
    told = "You may run one server at a time here, and it is running."
    assert sentence_of(refusal, ENGLISH).startswith(told)
    assert try_to_start(house, "other", "a") is None, "another's is not theirs"
    asked = {
        name: StartRequest(name, ServerKey(name, "look")) for name in ("stranger", "other", "new")
    }
    assert set(house.call(leases.refusals_of, asked)) == {"stranger", "other"}
    with house.database.read() as store:
        assert store.balances.miscounted() == {}
    house.call(leases.settle_server, ServerKey("stranger", "a"))
    assert try_to_start(house, "stranger", "b") is None


def test_an_equal_part_of_the_hub_counts_who_has_no_account(any_house) -> None:
    house = any_house
    limit_at(house, HUB, "servers", Limit(most=6, is_shared_equally=True))
    for name in "abc":
        assert try_to_start(house, "ana", name) is None
    assert try_to_start(house, "stranger", "a") is None
    for username, held in (("ana", 3), ("stranger", 3)):
        if username == "stranger":
            assert try_to_start(house, username, "b") is None
            assert try_to_start(house, username, "c") is None
        violation = try_to_start(house, username, "more").violations[-1]
        assert (violation.scope, violation.limit, violation.held) == ("member", 3, held)
    asked = {name: StartRequest(name, ServerKey(name, "look")) for name in ("ana", "stranger")}
    for refusal in house.call(leases.refusals_of, asked).values():
        assert refusal.violations[-1].limit == 3


BIG = Profile(slug="big", names={"en": "Big"}, milli_cpu=1000, memory=4 * 2**30)
TINY = Profile(slug="tiny", names={"en": "Tiny"}, milli_cpu=100, memory=2**28)


@pytest.mark.parametrize("profiles", list(permutations((SMALL, BIG, TINY))))
@pytest.mark.parametrize("others", [0, 3, 4])
def test_of_every_profile_the_form_says_what_a_start_is_told(
    tmp_path, clock, profiles, others
) -> None:
    shared = Quota({"memory": Limit(most=12 * 2**30, is_shared_equally=True)})
    declared = replace(andes(None), quota=shared)
    house = make_house(tmp_path, clock=clock, communities=(declared,), profiles=profiles)
    opened = open_taller(house)
    people = [join(house, opened, f"N{n}") for n in range(others + 1)]
    for one in people[1:]:
        start(house, one, set_aside=None, profile="small")
    for own in (None, "tiny"):
        if own is not None:
            start(house, people[0], own, set_aside=None, profile=own)
        (choice,) = house.call(leases.start_choices, people[0].username)
        refusals = {}
        for one in profiles:
            refusals[one.slug] = try_to_start(house, people[0].username, "try", profile=one.slug)
            house.call(leases.settle_server, ServerKey(people[0].username, "try"))
        assert set(choice.waits) == {slug for slug, told in refusals.items() if told}
        (left,) = (one.amount for one in choice.left if one.resource == "memory")
        fitting = [one.amounts["memory"] for one in profiles if not refusals[one.slug]]
        assert left >= max(fitting)
    house.close()


def test_an_equal_share_shrinks_with_each_person_who_comes_and_grows_when_one_leaves(house):
    limit(house, {"servers": Limit(most=4, is_shared_equally=True)})
    opened = open_taller(house)
    rosa, luz, sol = (join(house, opened, name) for name in ("Rosa", "Luz", "Sol"))
    start(house, rosa, "a")
    start(house, rosa, "b")
    start(house, rosa, "c")
    last = start(house, luz, "a")
    assert [v.scope for v in refused(house, luz).violations] == ["community"], "all four run"
    (fourth,) = refused(house, rosa).violations[1:]
    assert (fourth.scope, fourth.limit, fourth.held) == ("member", 2, 3), "half of four, of two"
    house.call(leases.settle, last)
    start(house, sol)
    (violation, *_) = reversed(refused(house, rosa).violations)
    assert violation.limit == 2


def test_an_equal_share_counts_people_not_the_places_where_they_have_servers(house) -> None:
    limit(house, {"servers": Limit(most=6, is_shared_equally=True)})
    opened = open_taller(house, title="Uno")
    ana, rosa = join(house, opened, "Ana", "ana"), join(house, opened, "Rosa")
    start(house, ana, "a", scope=UNO)
    start(house, ana, "b", scope=Scope("andes"))
    for name in "abc":
        start(house, rosa, name)
    assert refused(house, rosa).violations[-1].limit == 3


@pytest.mark.parametrize(
    ("share", "part"),
    [(Share(4), 2), (Share(4, may_borrow=4), 4), (Share(4, may_borrow=0), 2)],
)
def test_what_a_community_owns_or_may_borrow_is_shared_equally(house, share, part) -> None:
    equal = Limit(is_shared_equally=True, share=share)
    own = replace(andes().community, cohort="south")
    other = replace(andes(slug="brasil").community, cohort="south")
    house.call(
        apply_declarations,
        (
            Declaration(own, Quota({"servers": equal}), ("ana",)),
            Declaration(other, Quota({"servers": Limit(share=Share(10))})),
        ),
        most_servers(None),
    )
    opened = open_taller(house)
    rosa, luz = join(house, opened, "Rosa"), join(house, opened, "Luz")
    start(house, luz)
    for number in range(part):
        start(house, rosa, f"n{number}")
    (violation,) = refused(house, rosa).violations
    assert (violation.scope, violation.limit, violation.held) == ("member", part, part)


def test_an_equal_part_of_what_is_owned_forbids_nobody_to_borrow(house) -> None:
    """Each of five has a fifth, and may have one server at least: the cohort's."""
    section = QuotaSection.model_validate({"servers": {"nominal": 2, "each": "equal"}})
    quota = section.quota(zone="UTC", is_in_cohort=True)
    assert quota.held["servers"] == Limit(is_shared_equally=True, share=Share(2))
    with house.database.write() as store:
        store.communities.save(replace(andes().community, cohort="south"), house.clock.now())
        lender = replace(andes(slug="brasil").community, cohort="south")
        store.communities.save(lender, house.clock.now())
        store.limits.set_quota(Scope("andes"), quota)
        store.limits.set_quota(Scope("brasil"), Quota({"servers": Limit(share=Share(3))}))
        store.limits.add_up_cohorts()
    opened = open_taller(house)
    people = [join(house, opened, f"N{n}") for n in range(6)]
    for one in people[:5]:
        start(house, one)
    assert [v.scope for v in refused(house, people[5]).violations] == ["cohort"]


def test_an_equal_share_is_never_less_than_one_server(house) -> None:
    limit(house, {"memory": Limit(most=2048 * MIB, is_shared_equally=True)})
    opened = open_taller(house)
    people = [join(house, opened, f"N{n}") for n in range(4)]
    for one in people:
        start(house, one)  # the fourth's part is a quarter, which is one server's
    assert held(house, Scope("andes"), "memory") == 2048 * MIB


def test_what_people_hold_adds_up_to_what_their_place_holds(house) -> None:
    limit(house, {"servers": Limit(each=3), "memory": Limit(each=9 * 512 * MIB)})
    opened = open_taller(house, title="Uno")
    rosa, luz = join(house, opened, "Rosa"), join(house, opened, "Luz")
    made = [start(house, rosa, "a"), start(house, rosa, "b"), start(house, luz, "a")]
    for expected in (3, 2, 1, 0):
        for resource, size in SIZES.items():
            own = [held(house, Scope("andes", "uno", one.id), resource) for one in (rosa, luz)]
            above = [held(house, level, resource) for level in UNO.path()]
            assert sum(own) == expected * size
            assert above == [expected * size] * 3
        if made:
            house.call(leases.settle, made.pop())


def test_a_person_sees_their_own_part_as_what_is_left(house, clock) -> None:
    limit(house, {"servers": Limit(most=9, each=2)})
    rosa = join(house, open_taller(house), "Rosa")
    clock.advance(minutes=1)
    start(house, rosa, "a")
    assert house.call(leases.start_choices, rosa.username)[0].left == (Left("servers", 1),)
