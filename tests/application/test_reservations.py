"""Workshops that keep servers for their sessions."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from houses import (
    NOON,
    SetClock,
    actor_of,
    andes,
    make_house,
    most_servers,
    open_taller,
)

from jupyterhub_communities.application import invites, leases
from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.reservations import view_overbooked
from jupyterhub_communities.application.workshops import (
    close_workshop,
    set_reserved,
    view_workshop,
)
from jupyterhub_communities.domain.borrowing import Share
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
def clock():
    return SetClock()


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
