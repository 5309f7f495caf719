"""Who pays, and what a person sees of a place before they start."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from houses import NOON, andes, make_house, most_servers, open_taller
from sql_statements import counted

from jupyterhub_communities.application import invites, leases
from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.application.news import news_of, progress_of
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.remaining import MOST_TOLD, PlaceLeft, left_to_start
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.remaining import Left
from jupyterhub_communities.domain.stops import RunningRules
from jupyterhub_communities.domain.windows import CalendarMonth

HOUR = timedelta(hours=1)


@pytest.fixture
def house(database, tmp_path, clock):
    house = make_house(
        tmp_path, clock=clock, communities=(andes(), andes(slug="brasil", champions=("bia",)))
    )
    yield house
    house.close()


def join(house, opened, name="Rosa", username=None):
    request = JoinRequest(opened.learner_invite.code, name, name, username=username)
    return house.call(invites.redeem_invite, request).account.username


def join_community(house, community, username):
    """A member of the whole community, by a code that somebody who is signed in types."""
    operator = Actor(None, is_operator=True)
    code = house.call(issue_invite, operator, community, NewInvite()).code
    house.call(invites.redeem_invite, JoinRequest(code, community, username=username))


def start(house, username, name="", **more):
    request = StartRequest(uuid4().hex, ServerKey(username, name), **more)
    return house.call(leases.admit, request)


def default(house, username):
    return house.call(leases.start_choices, username)[0].scope


# Who pays


def test_the_default_is_the_workshop_that_is_open_now_whatever_was_chosen_last(house, clock):
    later = open_taller(house, title="Mañana", starts_in=timedelta(days=1))
    rosa = join(house, later)
    join_community(house, "brasil", rosa)
    start(house, rosa, scope=Scope("brasil"))
    clock.advance(hours=1)
    assert default(house, rosa) == Scope("brasil"), "none is open: the last choice"
    clock.advance(days=1)
    assert default(house, rosa) == Scope("andes", later.workshop.slug), "open now"
    clock.advance(days=1)
    assert default(house, rosa) == Scope("brasil"), "it is over"


def test_of_several_that_are_open_the_last_choice_is_the_default(house, clock):
    one = open_taller(house, title="Uno")
    other = open_taller(house, title="Otro", community="brasil", by="bia")
    rosa = join(house, one)
    join(house, other, "again", username=rosa)
    clock.advance(minutes=1)
    chosen = Scope("andes", one.workshop.slug)
    start(house, rosa, scope=chosen)
    clock.advance(minutes=1)
    assert default(house, rosa) == chosen
    assert start(house, rosa, "second").scope == chosen, "a start without a choice pays there"


def test_a_person_in_several_communities_chooses_who_pays(house):
    one = open_taller(house, title="Uno")
    other = open_taller(house, title="Otro", community="brasil", by="bia")
    rosa = join(house, one)
    join(house, other, "again", username=rosa)
    for place in (Scope("andes", "uno"), Scope("brasil", "otro")):
        assert start(house, rosa, place.community, scope=place).scope == place
    with house.database.read() as store:
        held = [store.balances.get(Scope(c), "servers").held for c in ("andes", "brasil")]
    assert held == [1, 1]


# What is left


def limited(held, *spent):
    community = andes().community
    return Declaration(community, Quota(held, spent), ("ana",))


def seen(house, username):
    """What the spawn form and the home page know of each place: the same. Of the default one."""
    return seen_at_all(house, username)[0]


def seen_at_all(house, username):
    choices = house.call(leases.start_choices, username)
    told = tuple(PlaceLeft(one.name, one.left, one.zone) for one in choices if one.left)[:MOST_TOLD]
    assert house.call(news_of, username).left == told
    assert house.call(left_to_start, username) == told, "above a form of the operator's"
    return choices


def test_what_is_left_is_told_over_all_levels_for_every_limited_resource(house, clock):
    month = Spending("server-time", Allowance(10 * 3600, CalendarMonth("America/Lima")))
    quota = limited({"servers": Limit(5), "memory": Limit(2 * 10**9)}, month)
    house.call(apply_declarations, (quota,), most_servers(4))
    opened = open_taller(house)
    rosa, luz = join(house, opened), join(house, opened, "Luz")
    assert seen(house, rosa).left == (
        Left("servers", 4),
        Left("memory", 2 * 10**9),
        Left("server-time", 36000),
    )
    start(house, luz)
    clock.advance(minutes=90)
    house.call(meter_leases)
    first_of_april = NOON.replace(month=4, day=1, hour=5)  # midnight in Lima
    assert seen(house, rosa).left == (
        Left("servers", 3),
        Left("memory", 2 * 10**9 - 512_000_000),
        Left("server-time", 36000 - 5400, first_of_april),
    )


def test_a_profile_that_does_not_fit_now_says_when_it_will(house, clock):
    house.settings = settings_with_sessions(house, HOUR)
    house.call(apply_declarations, (limited({"cpu": Limit(1200)}),), most_servers(None))
    opened = open_taller(house)
    rosa, luz = join(house, opened), join(house, opened, "Luz")
    start(house, luz)
    choice = seen(house, rosa)
    assert list(choice.waits) == ["medium"], "it needs 1000 of 1200, and 500 are held"
    assert choice.waits["medium"].earliest == NOON + HOUR
    assert not choice.is_full
    assert [profile.slug for profile in choice.profiles] == ["small", "medium"]


def test_what_is_larger_than_a_limit_never_fits(house):
    house.call(apply_declarations, (limited({"cpu": Limit(600)}),), most_servers(None))
    rosa = join(house, open_taller(house))
    assert seen(house, rosa).waits["medium"].never_fits


def test_what_is_reserved_for_others_is_not_left(house):
    house.call(apply_declarations, (limited({"servers": Limit(5)}),), most_servers(None))
    reserved = open_taller(house, title="Reservado", seats=3, is_reserved=True)
    rosa, luz = join(house, open_taller(house, title="Otro")), join(house, reserved, "Luz")
    assert seen(house, rosa).left == (Left("servers", 2),)
    assert seen(house, luz).left == (Left("servers", 5),), "its own reserve, and what is free"


def test_people_of_no_community_see_nothing(house):
    assert house.call(news_of, "stranger").left == ()
    start(house, "stranger")
    assert house.call(progress_of, "stranger", "").left is None


def test_it_is_told_of_each_place_the_default_first(house):
    one = open_taller(house, title="Uno", servers=2)
    other = open_taller(house, title="Otro", community="brasil", by="bia")
    rosa = join(house, one)
    join(house, other, "again", username=rosa)
    start(house, rosa, scope=Scope("andes", one.workshop.slug))
    told = [(choice.name["es"], choice.left) for choice in seen_at_all(house, rosa)]
    assert told == [("Uno", (Left("servers", 1),)), ("Otro", (Left("servers", 3),))]


def test_of_many_places_the_first_few_are_told_with_few_statements(house):
    rosa = join(house, open_taller(house, title="Taller 0"))
    costs = []
    for number in range(1, MOST_TOLD + 3):
        with counted(house) as statements:
            seen = house.call(news_of, rosa, has_server=False).left
        assert len(seen) == min(number, MOST_TOLD)
        costs.append(len(statements))
        opened = open_taller(house, title=f"Taller {number}")
        join(house, opened, f"again {number}", username=rosa)
    more = [after - before for before, after in pairwise(costs)]
    assert set(more[1 : MOST_TOLD - 1]) == {2}, "the workshop and its counters"
    assert set(more[MOST_TOLD - 1 :]) == {1}, "of one that is not told only whether it is open now"


def test_where_nothing_is_limited_nothing_is_told(house):
    house.call(apply_declarations, (limited({}),), most_servers(None))
    rosa = join(house, open_taller(house))
    assert seen_at_all(house, rosa)[0].left == ()
    start(house, rosa)
    assert house.call(progress_of, rosa, "").left is None


def test_in_days_of_grace_nothing_is_left_to_start(house, clock):
    rosa = join(house, open_taller(house))
    assert seen(house, rosa).left
    clock.advance(days=31)  # the workshop's grants have lapsed
    assert house.call(find_person, rosa).grace_until is not None
    assert house.call(news_of, rosa).left == house.call(left_to_start, rosa) == ()


def test_where_sizes_are_known_at_the_start_only_all_that_is_limited_is_told(tmp_path, clock):
    """A hub without profiles of ours: an operator's form or list sets them."""
    house = make_house(
        tmp_path, clock=clock, profiles=(), communities=(limited({"memory": Limit(9)}),)
    )
    rosa = join(house, open_taller(house, profile=None))
    assert seen(house, rosa).left == (Left("memory", 9),)
    house.close()


def test_the_page_of_a_start_tells_what_is_left_beside_it_where_it_is_charged(house, clock):
    month = Spending("server-time", Allowance(10 * 3600, CalendarMonth("America/Lima")))
    quota = limited({"servers": Limit(5), "cpu": Limit(1200), "storage": Limit(9)}, month)
    house.call(apply_declarations, (quota,), most_servers(4))
    one = open_taller(house, title="Uno")
    other = open_taller(house, title="Otro", community="brasil", by="bia")
    rosa = join(house, one)
    join(house, other, "again", username=rosa)
    assert house.call(progress_of, rosa, "").left is None, "nothing is charged yet"
    start(house, rosa, scope=Scope("andes", one.workshop.slug))
    start(house, rosa, "second", scope=Scope("brasil", other.workshop.slug))
    assert house.call(progress_of, rosa, "").left == PlaceLeft(
        {"es": "Uno"},
        (Left("servers", 2), Left("cpu", 700), Left("server-time", 36000)),
        "America/Lima",
    )
    assert house.call(progress_of, rosa, "second").left == PlaceLeft(
        {"es": "Otro"}, (Left("servers", 2),), "America/Lima"
    )
    assert house.call(progress_of, rosa, "third").left is None


def test_of_a_rescue_over_the_limit_nothing_is_left_and_no_less(house):
    house.call(apply_declarations, (limited({"servers": Limit(1)}),), most_servers(None))
    opened = open_taller(house)
    rosa, luz = join(house, opened), join(house, opened, "Luz")
    start(house, luz)
    assert start(house, rosa, is_rescue=True).is_rescue
    assert house.call(progress_of, rosa, "").left.left[0] == Left("servers", 0)


def test_the_page_of_a_start_costs_one_look(house):
    rosa = join(house, open_taller(house))
    start(house, rosa)
    with counted(house) as statements:
        house.call(progress_of, rosa, "")
    asked = [one for one in statements if one.startswith("SELECT")]
    assert len(asked) == 3, "the lease, the counters, the workshop's name"


def settings_with_sessions(house, longest):
    return replace(house.settings, running={None: RunningRules(max_session=longest)})
