"""Workshops that keep servers for their sessions."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from houses import (
    NOON,
    actor_of,
    andes,
    issue_names,
    make_house,
    most_servers,
    open_taller,
)

from jupyterhub_communities.application import invites, issuing, leases
from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.dividing import set_quota
from jupyterhub_communities.application.ending import resume_community, suspend_community
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import InviteChange, NewInvite
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.reservations import view_overbooked
from jupyterhub_communities.application.workshops import (
    close_workshop,
    set_reserved,
    view_workshop,
)
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import (
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    ReservationNeeds,
    ReservationTooLarge,
    WorkshopClosed,
)
from jupyterhub_communities.domain.stops import RunningRules

HOUR = timedelta(hours=1)


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(tmp_path, clock=clock, communities=(andes(servers=10),))
    house.settings = replace(house.settings, running={None: RunningRules(max_session=HOUR)})
    yield house
    house.close()


def keep(house, title, seats=6, **more):
    return open_taller(house, title=title, seats=seats, is_reserved=True, **more).workshop


def set_kept(house, workshop, is_reserved, by="ana"):
    return house.call(
        set_reserved, actor_of(house, by), "andes", workshop.slug, is_reserved=is_reserved
    )


def reserve_of(house, workshop):
    return house.call(view_workshop, actor_of(house, "ana"), "andes", workshop.slug).reserve


def members(house, count, opened):
    return [
        house.call(
            invites.redeem_invite,
            JoinRequest(opened.learner_invite.code, f"{opened.workshop.slug}{n}", f"N{n}"),
        ).account.username
        for n in range(count)
    ]


def start(house, username):
    house.call(leases.admit, StartRequest(uuid4().hex, ServerKey(username)))


def test_everybody_with_a_seat_has_what_the_profile_sets_aside(house) -> None:
    workshop = keep(house, "Mapas")
    assert workshop.reserved == {"servers": 6, "cpu": 3000, "memory": 6 * 512_000_000}
    assert workshop.reserved_at == NOON
    few = keep(house, "Pocos", seats=9, servers=2, profile="medium", starts_in=24 * HOUR)
    assert few.reserved == {"servers": 2, "cpu": 2000}, "no more than may run at one time"


@pytest.mark.parametrize("missing", [{"seats": None}, {"profile": None}])
def test_it_has_to_be_known_for_how_many_and_what(house, missing) -> None:
    with pytest.raises(ReservationNeeds):
        keep(house, "Mapas", **missing)
    opened = open_taller(house, title="Mapas", **missing)
    with pytest.raises(ReservationNeeds):
        set_kept(house, opened.workshop, True)


def test_a_hub_without_profiles_keeps_servers(tmp_path) -> None:
    house = make_house(tmp_path, communities=(andes(servers=10),), profiles=())
    assert keep(house, "Mapas", profile=None).reserved == {"servers": 6}
    house.close()


def test_the_calendar_is_never_booked_twice(house) -> None:
    keep(house, "Uno")
    with pytest.raises(ReservationTooLarge) as refused:
        keep(house, "Dos", seats=5, starts_in=HOUR)
    assert (refused.value.resource, refused.value.left, refused.value.wanted) == ("servers", 4, 5)
    assert refused.value.zone == "America/Lima"
    with house.database.read() as store:
        assert store.workshops.get("andes", "dos") is None, "nothing of it was made"
    keep(house, "Dos", seats=4, starts_in=HOUR)
    keep(house, "Tres", seats=10, starts_in=4 * HOUR)  # when both are over


def test_what_might_be_borrowed_is_not_promised_and_the_hub_has_a_say(house) -> None:
    share = Quota({"servers": Limit(share=Share(5, may_borrow=5))})
    house.call(apply_declarations, (replace(andes(), quota=share),), most_servers(None))
    with pytest.raises(ReservationTooLarge) as refused:
        keep(house, "Mapas")
    assert refused.value.left == 5
    share = Quota({"servers": Limit(most=3, share=Share(5, may_borrow=5))})
    house.call(apply_declarations, (replace(andes(), quota=share),), most_servers(None))
    with pytest.raises(ReservationTooLarge) as refused:
        keep(house, "Mapas", seats=4)
    assert refused.value.left == 3, "nor what is owned and may not be held"
    house.call(apply_declarations, (andes(servers=None),), most_servers(4))
    with pytest.raises(ReservationTooLarge) as refused:
        keep(house, "Mapas")
    assert refused.value.left == 4, "nobody keeps more than the whole hub has"


def test_it_can_be_kept_later_and_given_up_again(house) -> None:
    keep(house, "Uno")
    workshop = open_taller(house, title="Dos", seats=5).workshop
    with pytest.raises(ReservationTooLarge):
        set_kept(house, workshop, True)
    first = house.call(view_workshop, actor_of(house, "ana"), "andes", "uno").workshop
    assert set_kept(house, first, False).reserved is None
    made = set_kept(house, workshop, True)
    assert made.reserved["servers"] == 5
    assert set_kept(house, workshop, True) == made, "again changes nothing"
    with pytest.raises(ReservationTooLarge):
        set_kept(house, first, True)
    with house.database.read() as store:
        changes = [e for e in store.audit.of_community("andes") if e.action == "workshop:change"]
    assert [e.after["reserved"] and e.after["reserved"]["servers"] for e in changes] == [5, None]


def test_who_may_and_when(house, clock) -> None:
    opened = open_taller(house, title="Uno", seats=5)
    (rosa,) = members(house, 1, opened)
    with pytest.raises(PermissionDenied):
        set_kept(house, opened.workshop, True, by=rosa)
    with pytest.raises(NotFound):
        set_kept(house, opened.workshop, True, by="stranger")
    with pytest.raises(PermissionDenied):
        house.call(view_overbooked, actor_of(house, rosa), "andes")
    clock.advance(hours=5)
    with pytest.raises(WorkshopClosed):
        set_kept(house, opened.workshop, True)


def test_an_unused_reserve_is_closed_to_others_until_the_workshop_is_closed(house) -> None:
    workshop = keep(house, "Mapas", seats=9)
    other = open_taller(house, title="Otro")
    one, two = members(house, 2, other)
    start(house, one)
    with pytest.raises(QuotaExceeded) as refused:
        start(house, two)
    assert refused.value.violations[0].reserved == 9
    house.call(close_workshop, actor_of(house, "ana"), "andes", workshop.slug)
    start(house, two)
    keep(house, "Nuevo", seats=10)


def test_the_people_of_the_workshop_are_let_in_up_to_its_reserve(house) -> None:
    opened = open_taller(house, title="Mapas", seats=6, is_reserved=True)
    other = open_taller(house, title="Otro")
    for username in members(house, 4, other):
        start(house, username)
    for username in members(house, 6, opened):
        start(house, username)
    with house.database.read() as store:
        assert [store.balances.get(s, "servers").held for s in (HUB, Scope("andes"))] == [10, 10]


def test_what_will_be_missing_at_the_opening_is_shown_before(house, clock) -> None:
    house.settings = replace(house.settings, running={})  # nobody knows when anything ends
    workshop = keep(house, "Mapas", starts_in=24 * HOUR)
    other = open_taller(house, title="Otro", lasts=48 * HOUR)
    people = members(house, 7, other)
    for username in people[:4]:
        start(house, username)
    assert reserve_of(house, workshop).short == {}
    for username in people[4:]:
        start(house, username)
    shown = reserve_of(house, workshop)
    assert (shown.opens_at, shown.short) == (workshop.starts_at, {"servers": 3})
    with house.database.write() as store:
        soon = store.leases.unsettled()[:2]
        store.leases.plan_stops([replace(lease, ends_at=workshop.starts_at) for lease in soon])
    assert reserve_of(house, workshop).short == {"servers": 1}, "two are known to end before"
    clock.advance(hours=24)
    assert reserve_of(house, workshop).opens_at is None, "it has begun"
    clock.advance(hours=3)
    assert reserve_of(house, workshop) is None


def test_when_a_limit_is_cut_below_what_is_reserved_nothing_breaks_and_it_is_said_who_gives(
    house, clock
) -> None:
    first = keep(house, "Uno", seats=6)
    clock.advance(minutes=1)
    last = keep(house, "Dos", seats=4)
    assert house.call(view_overbooked, actor_of(house, "ana"), "andes").overbookings == ()
    house.call(apply_declarations, (andes(servers=5),), most_servers(None))
    found = house.call(view_overbooked, actor_of(house, "ana"), "andes")
    told = [
        (
            one.resource,
            one.owned,
            one.reserved,
            [(g.reservation.scope.workshop, g.amount) for g in one.givers],
        )
        for one in found.overbookings
    ]
    assert told[0] == ("servers", 5, 10, [("dos", 4), ("uno", 1)])
    assert found.titles[Scope("andes", last.slug)] == "Dos"
    assert first.reserved == reserve_of(house, first).amounts, "nothing was taken away"
    set_kept(house, last, False)
    set_kept(house, first, False)
    assert house.call(view_overbooked, actor_of(house, "ana"), "andes").overbookings == ()


def test_a_cut_of_the_hubs_limit_names_those_who_must_give_to_each_of_them(tmp_path, clock) -> None:
    other = andes(10, ("bia",), slug="brasil")
    house = make_house(tmp_path, clock=clock, communities=(andes(10), other), hub_servers=20)
    first = keep(house, "Uno", seats=6)
    clock.advance(minutes=1)
    keep(house, "Dos", seats=9, community="brasil", by="bia")
    assert told(house, "andes", "ana") == told(house, "brasil", "bia") == []
    house.call(apply_declarations, (andes(10), other), most_servers(8))
    assert told(house, "brasil", "bia")[0] == (True, 8, 15, [("dos", 7)])
    assert told(house, "andes", "ana") == [], "those give first who reserved last"
    house.call(apply_declarations, (andes(10), other), most_servers(4))
    assert told(house, "brasil", "bia")[0] == (True, 4, 15, [("dos", 9)])
    assert told(house, "andes", "ana")[0] == (True, 4, 15, [("uno", 2)]), "and not what others plan"
    operator = Actor(None, is_operator=True)
    (found, *_) = house.call(view_overbooked, operator, None).overbookings
    assert [(g.reservation.scope.key, g.amount) for g in found.givers] == [
        ("hub/brasil/dos", 9),
        ("hub/andes/uno", 2),
    ]
    with pytest.raises(PermissionDenied):
        house.call(view_overbooked, actor_of(house, "ana"), None)
    assert reserve_of(house, first).amounts == first.reserved, "nothing was taken away"
    (rosa,) = members(house, 1, open_taller(house, title="Otro"))
    with pytest.raises(QuotaExceeded):
        start(house, rosa)
    house.close()


def told(house, community, by):
    found = house.call(view_overbooked, actor_of(house, by), community).overbookings
    return [
        (
            one.is_hub,
            one.owned,
            one.reserved,
            [(g.reservation.scope.workshop, g.amount) for g in one.givers],
        )
        for one in found
        if one.resource == "servers"
    ]


# Seats that are added, and taken away


def change_seats(house, opened, **change):
    invite = opened.learner_invite.invite.id
    house.call(
        issuing.change_invite, actor_of(house, "ana"), "andes", invite, InviteChange(**change)
    )


def kept(house, slug="mapas"):
    with house.database.read() as store:
        workshop = store.workshops.get("andes", slug)
    return workshop.reserved["servers"], workshop.reserved["cpu"], workshop.reserved_at


def seats(house, opened):
    with house.database.read() as store:
        return store.invites.get(opened.learner_invite.invite.id).seats


def test_what_is_reserved_follows_the_seats(house, clock) -> None:
    opened = open_taller(house, title="Mapas", seats=6, is_reserved=True)
    clock.advance(minutes=1)
    change_seats(house, opened, more_seats=3)
    assert kept(house) == (9, 4500, NOON), "it stands in line where it stood"
    change_seats(house, opened, seats=4)
    assert kept(house) == (4, 2000, NOON)
    for username in members(house, 4, opened):
        start(house, username)


def test_seats_for_which_there_is_no_server_are_refused_and_not_added(house) -> None:
    opened = open_taller(house, title="Mapas", seats=6, is_reserved=True)
    keep(house, "Otro", seats=3)
    with pytest.raises(ReservationTooLarge) as refused:
        change_seats(house, opened, more_seats=2)
    assert (refused.value.wanted, refused.value.left) == (8, 7)
    with pytest.raises(ReservationNeeds):
        change_seats(house, opened, seats=None)
    assert (seats(house, opened), kept(house)[0]) == (6, 6)
    change_seats(house, opened, more_seats=1)
    set_kept(house, opened.workshop, False)
    change_seats(house, opened, more_seats=90)
    assert seats(house, opened) == 97, "where nothing is reserved seats are free"


def test_a_code_of_its_own_with_seats_reserves_for_them_too(house) -> None:
    opened = open_taller(house, title="Mapas", seats=4, is_reserved=True)
    ana = actor_of(house, "ana")
    more = NewInvite(workshop="mapas", seats=3)
    site = house.call(issuing.issue_invite, ana, "andes", more)
    issue_names(house, ana, "andes", ["Rosa", "Luz"], NewInvite(workshop="mapas"))
    assert kept(house)[0] == 9
    house.call(issuing.issue_invite, ana, "andes", replace(more, role=Role.HELPER, seats=5))
    assert kept(house)[0] == 9, "only those of learners"
    with pytest.raises(ReservationTooLarge):
        issue_names(house, ana, "andes", ["Sol", "Paz"], NewInvite(workshop="mapas"))
    with pytest.raises(ReservationTooLarge):
        house.call(issuing.issue_invite, ana, "andes", more)
    with house.database.read() as store:
        assert store.invites.learner_seats("andes", "mapas") == 9, "nothing of it was made"
    members(house, 1, opened)
    for issued in (opened.learner_invite, site):
        house.call(issuing.revoke_invite, ana, "andes", issued.invite.id)
    with house.database.read() as store:
        assert store.invites.learner_seats("andes", "mapas") == 3, "one who is in, and two by name"
    assert kept(house)[0] == 9, "for whoever comes by another code"


def test_a_limit_of_its_own_is_the_most_that_is_reserved(house) -> None:
    opened = open_taller(house, title="Mapas", seats=6, is_reserved=True)
    limit = (actor_of(house, "ana"), "andes", "mapas")
    house.call(set_quota, *limit, {"servers": "4"})
    assert kept(house)[0] == 4
    change_seats(house, opened, more_seats=20)
    assert kept(house)[0] == 4
    with pytest.raises(ReservationTooLarge):
        house.call(set_quota, *limit, {})
    assert kept(house)[0] == 4


def test_a_limit_of_its_own_on_any_resource_keeps_no_more_from_others(tmp_path) -> None:
    community = replace(andes(servers=None), quota=Quota({"cpu": Limit(most=2000)}))
    with closing(make_house(tmp_path, communities=(community,))) as house:
        opened = open_taller(house, title="Mapas", seats=4, is_reserved=True)
        other = open_taller(house, title="Otro", seats=2)
        names = members(house, 2, opened)
        for username in names:
            start(house, username)
        house.call(set_quota, actor_of(house, "ana"), "andes", "mapas", {"cpu": "1"})
        assert kept(house)[:2] == (4, 1000), "processors for two, and all who come may ask for less"
        for username in members(house, 2, other):
            start(house, username)
        set_kept(house, opened.workshop, False)
        assert set_kept(house, opened.workshop, True).reserved["cpu"] == 1000
        change_seats(house, opened, more_seats=5)
        assert kept(house)[:2] == (9, 1000)


def test_when_a_limit_was_cut_seats_are_only_taken_away(house) -> None:
    opened = open_taller(house, title="Mapas", seats=6, is_reserved=True)
    house.call(apply_declarations, (andes(servers=3),), most_servers(None))
    with pytest.raises(ReservationTooLarge):
        change_seats(house, opened, more_seats=1)
    change_seats(house, opened, is_paused=True)
    change_seats(house, opened, seats=5)
    assert kept(house)[0] == 5


def test_while_a_community_is_suspended_its_reserve_is_open_to_all_and_stays_promised(
    database, tmp_path, clock
) -> None:
    both = (andes(None), andes(None, ("bia",), "brasil"))
    house = make_house(tmp_path, clock=clock, hub_servers=10, communities=both)
    operator = Actor(account_id=None, is_operator=True)
    keep(house, "Mapas", seats=7, community="brasil", by="bia")
    keep(house, "Datos", seats=1)

    def starts(server: str) -> bool:
        try:
            house.call(leases.admit, StartRequest(uuid4().hex, ServerKey("ana", server)))
        except QuotaExceeded:
            return False
        return True

    assert [starts("a"), starts("b"), starts("c")] == [True, True, False]
    house.call(suspend_community, operator, "brasil", "Mining")
    assert starts("c")
    with pytest.raises(ReservationTooLarge):
        keep(house, "Redes", seats=3)
    with house.database.write() as store:
        store.communities.archive("brasil", clock.now())
    assert starts("d")
    house.call(resume_community, operator, "brasil")
    house.call(leases.settle_server, ServerKey("ana", "d"))
    assert not starts("d")
    house.close()
