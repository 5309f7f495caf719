"""A workshop that is there, changed, and what follows it; held again on other days; who was there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from houses import NOON, actor_of, andes, make_house, open_taller, reconcile

from jupyterhub_communities.application.attendance import attendance
from jupyterhub_communities.application.changing import (
    WorkshopChange,
    change_workshop,
    view_to_change,
)
from jupyterhub_communities.application.cloning import (
    CloneChoice,
    clone_workshop,
    next_first_day,
)
from jupyterhub_communities.application.dividing import set_quota
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import (
    InviteChange,
    NewInvite,
    change_invite,
    issue_invite,
    revoke_invite,
)
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.messages import set_message
from jupyterhub_communities.application.news import news_of
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.trail import view_trail
from jupyterhub_communities.application.workshops import (
    add_site,
    close_workshop,
    list_workshops,
    renew_code,
    view_workshop,
)
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import (
    MessageInvalid,
    NotFound,
    PermissionDenied,
    ProfileUnknown,
    ReservationNeeds,
    ReservationTooLarge,
    SeatsTaken,
    SessionsInvalid,
    VersionOutdated,
    WorkshopClosed,
)
from jupyterhub_communities.domain.workshops import Session

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAY = timedelta(days=30)


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(tmp_path, clock=clock, communities=(andes(servers=10),))
    yield house
    house.close()


@pytest.fixture
def ana(house):
    return actor_of(house, "ana")


def join(house, code, name) -> str:
    return house.call(redeem_invite, JoinRequest(code, name, name)).account.username


def code_of(house, workshop):
    return house.call(view_workshop, actor_of(house, "ana"), "andes", workshop.slug).learner_invite


def ends_of(house, username) -> set:
    return {grant.ends_at for grant in house.call(find_person, username).grants}


# Changing


def test_all_of_it_is_changed_and_the_audit_says_from_what_to_what(house, ana) -> None:
    workshop = open_taller(house).workshop
    moved = (Session(NOON + DAY, NOON + DAY + HOUR), Session(NOON + 2 * DAY, NOON + 2 * DAY + HOUR))
    change = WorkshopChange(
        title="Mapas",
        language="qu",
        zone="America/Bogota",
        profile="medium",
        seats=20,
        sessions=moved,
    )
    house.call(change_workshop, ana, "andes", workshop.slug, change)
    found = house.call(view_to_change, ana, "andes", workshop.slug)
    assert (found.title, found.language, found.zone) == ("Mapas", "qu", "America/Bogota")
    assert (found.profile, found.seats, found.sessions) == ("medium", 20, moved)
    assert found.slug == workshop.slug, "links stay"
    entry = house.call(view_trail, ana, "andes").entries[0]
    assert entry.action == "workshop:change"
    assert (entry.before["title"], entry.after["title"]) == ("Taller de Python", "Mapas")
    assert (entry.before["seats"], entry.after["seats"]) == (10, 20)
    assert "reserved" not in entry.after, "only what is another"


def test_what_a_change_says_nothing_of_stays_and_repeating_it_leaves_no_trace(house, ana) -> None:
    workshop = open_taller(house).workshop
    change = WorkshopChange(title="Mapas")
    house.call(change_workshop, ana, "andes", workshop.slug, change)
    found = house.call(view_to_change, ana, "andes", workshop.slug)
    assert replace(found, title=workshop.title) == workshop
    entries = house.call(view_trail, ana, "andes").entries
    house.call(change_workshop, ana, "andes", workshop.slug, change, expected={"of long ago"})
    assert house.call(view_trail, ana, "andes").entries == entries


def test_seats_go_to_the_code_and_never_below_those_taken(house, ana) -> None:
    opened = open_taller(house, seats=3)
    slug, code = opened.workshop.slug, opened.learner_invite.code
    for name in ("Luz", "Inés"):
        join(house, code, name)
    with pytest.raises(SeatsTaken) as refused:
        house.call(change_workshop, ana, "andes", slug, WorkshopChange(title="Otro", seats=1))
    assert refused.value.taken == 2
    assert house.call(view_to_change, ana, "andes", slug).title == "Taller de Python", "all or none"
    house.call(change_workshop, ana, "andes", slug, WorkshopChange(seats=2))
    assert code_of(house, opened.workshop).invite.seats_left == 0
    house.call(change_workshop, ana, "andes", slug, WorkshopChange(seats=None))
    assert code_of(house, opened.workshop).invite.seats is None


def test_seats_count_who_came_by_a_code_that_was_revoked_since(house, ana) -> None:
    opened = open_taller(house, seats=5)
    slug = opened.workshop.slug
    join(house, opened.learner_invite.code, "Luz")
    join(house, opened.learner_invite.code, "Inés")
    house.call(revoke_invite, ana, "andes", opened.learner_invite.invite.id)
    house.call(renew_code, ana, "andes", slug)
    assert house.call(view_to_change, ana, "andes", slug).seats == 5
    house.call(change_workshop, ana, "andes", slug, WorkshopChange(seats=3))
    assert code_of(house, opened.workshop).invite.seats_left == 1
    with pytest.raises(SeatsTaken) as refused:
        house.call(change_workshop, ana, "andes", slug, WorkshopChange(seats=1))
    assert refused.value.taken == 2


def test_seats_without_a_code_count_for_the_next_one(house, ana) -> None:
    opened = open_taller(house, seats=5)
    slug = opened.workshop.slug
    join(house, opened.learner_invite.code, "Luz")
    join(house, opened.learner_invite.code, "Inés")
    house.call(revoke_invite, ana, "andes", opened.learner_invite.invite.id)
    with pytest.raises(SeatsTaken):
        house.call(change_workshop, ana, "andes", slug, WorkshopChange(seats=1))
    house.call(change_workshop, ana, "andes", slug, WorkshopChange(seats=4))
    assert house.call(renew_code, ana, "andes", slug).invite.seats == 2


def test_seats_added_on_the_board_are_what_stands_there(house, ana) -> None:
    opened = open_taller(house, seats=5)
    before = house.call(view_to_change, ana, "andes", opened.workshop.slug)
    invite = opened.learner_invite.invite.id
    house.call(change_invite, ana, "andes", invite, InviteChange(more_seats=3))
    now = house.call(view_to_change, ana, "andes", opened.workshop.slug)
    assert (now.seats, now.version == before.version) == (8, False)


def test_an_extended_workshop_keeps_its_code_open_and_its_people_in(house, ana, clock) -> None:
    opened = open_taller(house)  # ends two hours from now
    luz = join(house, opened.learner_invite.code, "Luz")
    own = house.call(
        issue_invite,
        ana,
        "andes",
        NewInvite(Role.HELPER, workshop=opened.workshop.slug, closes_at=NOON + HOUR),
    )
    clock.advance(hours=3)
    sessions = (*opened.workshop.sessions, Session(NOON + 40 * DAY, NOON + 40 * DAY + HOUR))
    house.call(
        change_workshop, ana, "andes", opened.workshop.slug, WorkshopChange(sessions=sessions)
    )
    end = NOON + 40 * DAY + HOUR
    assert code_of(house, opened.workshop).invite.closes_at == end
    join(house, opened.learner_invite.code, "Inés")
    assert ends_of(house, luz) == {end + STAY}
    with house.database.read() as store:
        assert store.invites.get(own.invite.id).closes_at == NOON + HOUR, "closes when it was told"


def test_days_of_their_own_that_a_code_gives_are_not_lengthened(house, ana) -> None:
    opened = open_taller(house)
    slug = opened.workshop.slug
    days = NewInvite(workshop=slug, lasts=5 * DAY)
    luz = join(house, house.call(issue_invite, ana, "andes", days).code, "Luz")
    later = (Session(NOON + 90 * DAY, NOON + 91 * DAY),)
    house.call(change_workshop, ana, "andes", slug, WorkshopChange(sessions=later))
    assert ends_of(house, luz) == {NOON + 5 * DAY}


def test_a_mistyped_year_throws_nobody_out_and_is_made_good(house, ana) -> None:
    opened = open_taller(house)
    slug, right = opened.workshop.slug, opened.workshop.sessions
    luz = join(house, opened.learner_invite.code, "Luz")
    for year in (2016, 2036):
        wrong = datetime(year, 3, 2, 12, tzinfo=UTC)
        sessions = (Session(wrong, wrong + HOUR),)
        house.call(change_workshop, ana, "andes", slug, WorkshopChange(sessions=sessions))
        assert ends_of(house, luz) == {max(NOON, wrong + HOUR) + STAY}
    house.call(change_workshop, ana, "andes", slug, WorkshopChange(sessions=right))
    assert ends_of(house, luz) == {right[-1].ends_at + STAY}


def test_what_is_reserved_follows_seats_profile_and_sessions_or_all_is_refused(house, ana) -> None:
    workshop = open_taller(house, seats=4, starts_in=HOUR, is_reserved=True).workshop
    other = open_taller(house, title="Otro", seats=6, starts_in=DAY, is_reserved=True).workshop

    def change(**what):
        return house.call(
            change_workshop, ana, "andes", workshop.slug, WorkshopChange(**what)
        ).reserved

    assert change(seats=10, profile="medium") == {"servers": 10, "cpu": 10_000}
    with pytest.raises(ReservationTooLarge):
        change(title="Junto", sessions=other.sessions)
    assert change(seats=4)["servers"] == 4
    assert change(sessions=other.sessions)["servers"] == 4
    with pytest.raises(ReservationNeeds):
        change(seats=None)
    with pytest.raises(ReservationTooLarge):
        change(seats=5)
    assert change(is_reserved=False) is None
    with house.database.read() as store:
        reserved = [one.scope for one in store.balances.reservations(NOON)]
    assert reserved == [Scope("andes", other.slug)]
    assert change(seats=3, is_reserved=True)["servers"] == 3


def test_the_second_of_two_changes_is_refused_unless_it_says_the_same(house, ana) -> None:
    slug = open_taller(house).workshop.slug
    version = house.call(view_to_change, ana, "andes", slug).version
    place = (ana, "andes", slug)
    house.call(change_workshop, *place, WorkshopChange(title="Uno"), expected={version})
    with pytest.raises(VersionOutdated):
        house.call(change_workshop, *place, WorkshopChange(title="Dos"), expected={version})
    house.call(change_workshop, *place, WorkshopChange(title="Uno"), expected={version})
    now = house.call(view_to_change, *place)
    assert now.title == "Uno"
    house.call(change_workshop, *place, WorkshopChange(title="Dos"), expected={now.version})


def test_people_who_join_meanwhile_outdate_no_form(house, ana) -> None:
    opened = open_taller(house)
    version = house.call(view_to_change, ana, "andes", opened.workshop.slug).version
    join(house, opened.learner_invite.code, "Luz")
    assert house.call(view_to_change, ana, "andes", opened.workshop.slug).version == version


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"sessions": (Session(NOON, NOON),)}, SessionsInvalid),
        ({"sessions": ()}, SessionsInvalid),
        ({"profile": "huge"}, ProfileUnknown),
    ],
)
def test_a_change_that_does_not_hold_is_refused(house, ana, change, refusal) -> None:
    workshop = open_taller(house).workshop
    with pytest.raises(refusal):
        house.call(change_workshop, ana, "andes", workshop.slug, WorkshopChange(**change))


def test_only_its_instructors_change_it_and_nobody_once_it_is_closed(house, ana) -> None:
    opened = open_taller(house)
    slug, change = opened.workshop.slug, WorkshopChange(title="Mapas")
    helper = house.call(issue_invite, ana, "andes", NewInvite(Role.HELPER, workshop=slug))
    luz = join(house, helper.code, "Luz")
    with pytest.raises(PermissionDenied):
        house.call(change_workshop, actor_of(house, luz), "andes", slug, change)
    with pytest.raises(NotFound):
        house.call(change_workshop, actor_of(house, "nobody"), "andes", slug, change)
    house.call(close_workshop, ana, "andes", slug)
    with pytest.raises(WorkshopClosed):
        house.call(change_workshop, ana, "andes", slug, change)


# Holding it again


def test_a_clone_has_everything_but_people_and_a_code_of_its_own(house, ana) -> None:
    opened = open_taller(house, seats=4, servers=3, is_reserved=True, starts_in=HOUR)
    slug = opened.workshop.slug
    house.call(add_site, ana, "andes", slug, name="Cusco", zone="America/Lima")
    house.call(set_quota, ana, "andes", slug, {"servers": 3, "servers each": 1})
    house.call(set_message, ana, "andes", slug, "Hola")
    join(house, opened.learner_invite.code, "Luz")
    invite = opened.learner_invite.invite.id
    house.call(change_invite, ana, "andes", invite, InviteChange(more_seats=2))
    day = date(2026, 9, 7)
    made = house.call(clone_workshop, ana, "andes", slug, CloneChoice(day))
    clone = house.call(view_workshop, ana, "andes", made.workshop.slug)
    assert clone.workshop.slug == f"{slug}-2"
    assert clone.workshop.starts_at == datetime(2026, 9, 7, 13, tzinfo=UTC)
    assert [site.name for site in clone.workshop.sites] == ["Cusco"]
    assert (clone.workshop.seats, clone.workshop.language) == (6, "es")
    assert clone.workshop.reserved == {"servers": 3, "cpu": 1500, "memory": 3 * 512_000_000}
    assert (clone.board, clone.workshop.message) == ((), None)
    assert made.learner_invite.code != opened.learner_invite.code
    assert made.learner_invite.invite.seats_left == 6
    with house.database.read() as store:
        quotas = [store.limits.quota(Scope("andes", one)) for one in (slug, f"{slug}-2")]
    assert quotas[0] == quotas[1] != type(quotas[0])()


def test_a_clone_of_a_closed_workshop_is_open_and_may_be_called_otherwise(house, ana) -> None:
    slug = open_taller(house).workshop.slug
    house.call(close_workshop, ana, "andes", slug)
    choice = CloneChoice(date(2027, 1, 4), title="Mapas")
    made = house.call(clone_workshop, ana, "andes", slug, choice)
    assert (made.workshop.slug, made.workshop.closed_at) == ("mapas", None)
    assert join(house, made.learner_invite.code, "Luz")


def test_a_profile_that_is_gone_is_left_to_each_person(house, ana) -> None:
    slug = open_taller(house).workshop.slug
    only = house.settings.catalogue.profiles[1:]
    house.settings = replace(house.settings, catalogue=type(house.settings.catalogue)(only))
    made = house.call(clone_workshop, ana, "andes", slug, CloneChoice(date(2027, 1, 4)))
    assert made.workshop.profile is None


def test_a_clone_that_is_refused_leaves_nothing(house, ana) -> None:
    slug = open_taller(house, seats=6, is_reserved=True, starts_in=HOUR).workshop.slug
    same_day = CloneChoice(NOON.date())
    with pytest.raises(ReservationTooLarge):
        house.call(clone_workshop, ana, "andes", slug, same_day)
    assert len(house.call(list_workshops, ana, "andes")) == 1
    house.call(clone_workshop, ana, "andes", slug, replace(same_day, is_reserved=False))
    with pytest.raises(SessionsInvalid):
        house.call(clone_workshop, ana, "andes", slug, CloneChoice(date.max, is_reserved=False))


def test_who_may_open_none_here_clones_none(house, ana) -> None:
    opened = open_taller(house)
    there = NewInvite(Role.INSTRUCTOR, workshop=opened.workshop.slug)
    luz = actor_of(house, join(house, house.call(issue_invite, ana, "andes", there).code, "Luz"))
    with pytest.raises(PermissionDenied):
        house.call(clone_workshop, luz, "andes", opened.workshop.slug, CloneChoice(NOON.date()))


@pytest.mark.parametrize(("days", "first"), [(0, 9), (1, 16), (5, 16), (7, 16)])
def test_the_day_that_is_proposed_is_the_same_of_the_week(house, days, first) -> None:
    workshop = open_taller(house).workshop  # on Monday, March 2
    assert next_first_day(workshop, NOON + days * DAY) == date(2026, 3, first)


# Who was there


def test_attendance_says_who_joined_from_where_and_what_their_servers_did(
    house, ana, clock
) -> None:
    opened = open_taller(house, lasts=9 * HOUR)
    slug = opened.workshop.slug
    site = house.call(add_site, ana, "andes", slug, name="Nairobi", zone="Africa/Nairobi")
    there = NewInvite(workshop=slug, site=site.slug)
    luz = join(house, opened.learner_invite.code, "Luz")
    clock.advance(minutes=10)
    amina = join(house, house.call(issue_invite, ana, "andes", there).code, "Amina")
    starts = []
    for number in range(2):
        clock.advance(minutes=10)
        key = ServerKey(luz)
        house.call(admit, StartRequest(f"lease{number}", key, Scope("andes", slug)))
        clock.advance(seconds=30)
        starts.append(clock.now())
        running = {key: RunningServer(key, ready=True)}
        reconcile(house, running, clock.now())
        clock.advance(hours=1)
        reconcile(house, {}, clock.now())
    house.call(remove_member, ana, "andes", amina)
    first, second = house.call(attendance, ana, "andes", slug).people
    assert (first.account.username, first.site, first.joined_at) == (luz, None, NOON)
    assert (first.first_start, first.last_start) == tuple(starts)
    assert first.server_time == 2 * 3630
    assert (second.account.username, second.site) == (amina, "nairobi"), "also who has left"
    assert (second.first_start, second.server_time) == (None, 0)


def test_attendance_is_for_staff_and_a_sites_staff_have_its_people(house, ana) -> None:
    opened = open_taller(house)
    slug = opened.workshop.slug
    site = house.call(add_site, ana, "andes", slug, name="Cusco", zone="America/Lima").slug
    luz = join(house, opened.learner_invite.code, "Luz")
    for wanted, name in (
        (NewInvite(Role.HELPER, workshop=slug, site=site), "Hugo"),
        (NewInvite(workshop=slug, site=site), "Rosa"),
    ):
        at_site = join(house, house.call(issue_invite, ana, "andes", wanted).code, name)
        if wanted.role is Role.HELPER:
            helper = actor_of(house, at_site)
    with pytest.raises(PermissionDenied):
        house.call(attendance, actor_of(house, luz), "andes", slug)
    names = [
        one.account.display_name for one in house.call(attendance, helper, "andes", slug).people
    ]
    assert names == ["Hugo", "Rosa"]
    assert len(house.call(attendance, ana, "andes", slug).people) == 3


# The message


def test_a_message_reaches_the_people_until_the_workshop_ends_or_it_is_taken_away(
    house, ana, clock
) -> None:
    opened = open_taller(house)
    slug = opened.workshop.slug
    luz = join(house, opened.learner_invite.code, "Luz")

    def told(username):
        return [message.text for message in house.call(news_of, username).messages]

    assert told(luz) == []
    house.call(set_message, ana, "andes", slug, " La sala es la B.\r\n\r\n\r\n\r\nTraigan agua. ")
    assert told(luz) == ["La sala es la B.\n\nTraigan agua."]
    assert told("ana") == [], "she belongs to the community, and sees it on the workshop's page"
    house.call(set_message, ana, "andes", slug, "")
    assert told(luz) == []
    house.call(set_message, ana, "andes", slug, "Hola")
    entry = house.call(view_trail, ana, "andes").entries[0]
    assert (entry.action, entry.after) == ("workshop:message", {"characters": 4})
    clock.advance(hours=3)
    assert told(luz) == [], "it is over"
    with pytest.raises(WorkshopClosed):
        house.call(set_message, ana, "andes", slug, "Tarde")
    house.call(set_message, ana, "andes", slug, "")


def test_helpers_write_and_learners_read(house, ana) -> None:
    opened = open_taller(house)
    slug = opened.workshop.slug
    helper = NewInvite(Role.HELPER, workshop=slug)
    hugo = join(house, house.call(issue_invite, ana, "andes", helper).code, "Hugo")
    luz = join(house, opened.learner_invite.code, "Luz")
    house.call(set_message, actor_of(house, hugo), "andes", slug, "Hola")
    with pytest.raises(PermissionDenied):
        house.call(set_message, actor_of(house, luz), "andes", slug, "No")


@pytest.mark.parametrize("text", ["x" * 501, "bell\x07", "turn\u202earound"])
def test_a_message_that_cannot_be_shown_is_refused(house, ana, text) -> None:
    slug = open_taller(house).workshop.slug
    with pytest.raises(MessageInvalid):
        house.call(set_message, ana, "andes", slug, text)
    house.call(set_message, ana, "andes", slug, "x" * 500)
