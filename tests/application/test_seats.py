"""Seats given back and passed on, waiting, pausing, admitting by hand, renewing, revoking."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import actor_of, andes, issue_names, make_house, open_taller

from jupyterhub_communities.application import batches, heirs, issuing, members, waiting
from jupyterhub_communities.application.invites import JoinRequest, look_up_invite, redeem_invite
from jupyterhub_communities.application.issuing import InviteChange, NewInvite
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.workshops import close_workshop
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.paging import Page
from jupyterhub_communities.domain.refusals import (
    HubFull,
    InviteByHand,
    InviteClosed,
    InviteFull,
    InvitePaused,
    InviteRevoked,
    InviteUnknown,
    NotFound,
    PermissionDenied,
)
from jupyterhub_communities.domain.waiting import TicketState


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(tmp_path, clock=clock, communities=(andes(champions=("ana", "beto")),))
    yield house
    house.close()


@pytest.fixture
def ana(house):
    return actor_of(house, "ana")


def request(code, name, **more):
    return JoinRequest(code, f"attempt-{name}", name, **more)


def join(house, code, name, **more):
    return house.call(redeem_invite, request(code, name, **more)).account


def wait(house, code, name):
    return house.call(waiting.wait_in_line, request(code, name))


def state(house, code, name):
    place = house.call(waiting.find_place, code, f"attempt-{name}")
    return None if place is None else place.state


def taken(house, issued):
    with house.database.read() as store:
        return store.invites.get(issued.invite.id).taken


def full_workshop(house, *names, seats=None):
    opened = open_taller(house, seats=seats or len(names))
    people = {name: join(house, opened.learner_invite.code, name) for name in names}
    return opened.learner_invite, people


def change(house, ana, issued, **what):
    return house.call(issuing.change_invite, ana, "andes", issued.invite.id, InviteChange(**what))


# A seat that frees up


def test_somebody_who_leaves_gives_the_seat_to_the_first_in_line(house, ana) -> None:
    issued, people = full_workshop(house, "Rosa")
    assert wait(house, issued.code, "Uno").state is TicketState.WAITING
    second = wait(house, issued.code, "Dos")
    assert (second.ticket.number, second.ahead) == (2, 1)
    house.call(members.remove_member, ana, "andes", people["Rosa"].username)
    assert state(house, issued.code, "Uno") is TicketState.OFFERED
    assert state(house, issued.code, "Dos") is TicketState.WAITING
    with pytest.raises(InviteFull):
        join(house, issued.code, "Nadie")
    join(house, issued.code, "Uno")
    assert state(house, issued.code, "Uno") is None
    assert taken(house, issued) == 1


def test_waiting_holds_no_grant_and_is_the_same_when_sent_twice(house) -> None:
    issued, _ = full_workshop(house, "Rosa")
    first, again = wait(house, issued.code, "Uno"), wait(house, issued.code, "Uno")
    assert first.ticket == again.ticket
    assert taken(house, issued) == 1


def test_a_seat_that_nobody_takes_passes_on_after_15_minutes(house, ana, clock) -> None:
    issued, people = full_workshop(house, "Rosa")
    wait(house, issued.code, "Uno")
    wait(house, issued.code, "Dos")
    house.call(members.remove_member, ana, "andes", people["Rosa"].username)
    clock.advance(minutes=14)
    assert state(house, issued.code, "Dos") is TicketState.WAITING
    clock.advance(minutes=1)
    house.call(waiting.pass_seats_on)
    assert state(house, issued.code, "Dos") is TicketState.OFFERED
    assert state(house, issued.code, "Uno") is None
    with pytest.raises(InviteFull):
        join(house, issued.code, "Uno")
    join(house, issued.code, "Dos")
    assert taken(house, issued) == 1


def test_looking_at_ones_place_moves_an_overdue_seat_on(house, ana, clock) -> None:
    issued, people = full_workshop(house, "Rosa")
    for name in ("Uno", "Dos"):
        wait(house, issued.code, name)
    house.call(members.remove_member, ana, "andes", people["Rosa"].username)
    clock.advance(minutes=16)
    assert state(house, issued.code, "Dos") is TicketState.OFFERED


def test_a_grant_that_lapses_gives_its_seat_back_once(house, ana, clock) -> None:
    wanted = NewInvite(seats=1, lasts=timedelta(days=2))
    issued = house.call(issuing.issue_invite, ana, "andes", wanted)
    rosa = join(house, issued.code, "Rosa")
    with pytest.raises(InviteFull):
        join(house, issued.code, "Uno")
    clock.advance(days=2)
    assert not house.call(find_person, rosa.username).grants
    join(house, issued.code, "Uno")
    with pytest.raises(InviteFull):
        join(house, issued.code, "Dos")
    assert taken(house, issued) == 1


def test_whose_seat_was_given_back_can_redeem_again(house, ana, clock) -> None:
    wanted = NewInvite(seats=5, lasts=timedelta(days=2))
    issued = house.call(issuing.issue_invite, ana, "andes", wanted)
    rosa = join(house, issued.code, "Rosa")
    clock.advance(days=3)
    with house.database.write() as store:
        from jupyterhub_communities.application.seats import pass_on

        pass_on(house.desk(), store, issued.invite.id)
    again = join(house, issued.code, "Rosa", username=rosa.username)
    assert again.id == rosa.id
    assert len(house.call(find_person, rosa.username).grants) == 1
    assert taken(house, issued) == 1


def test_more_seats_go_to_those_who_wait(house, ana) -> None:
    issued, _ = full_workshop(house, "Rosa")
    for name in ("Uno", "Dos", "Tres"):
        wait(house, issued.code, name)
    change(house, ana, issued, more_seats=2)
    states = [state(house, issued.code, name) for name in ("Uno", "Dos", "Tres")]
    assert states == [TicketState.OFFERED, TicketState.OFFERED, TicketState.WAITING]


def test_who_leaves_the_line_makes_room(house, ana) -> None:
    issued, _ = full_workshop(house, "Rosa")
    for name in ("Uno", "Dos"):
        wait(house, issued.code, name)
    change(house, ana, issued, more_seats=1)
    house.call(waiting.leave_line, issued.code, "attempt-Uno")
    assert state(house, issued.code, "Dos") is TicketState.OFFERED


@pytest.mark.parametrize("how", ["revoke", "close"])
def test_the_line_ends_with_the_code(house, ana, how) -> None:
    opened = open_taller(house, seats=1)
    issued = opened.learner_invite
    join(house, issued.code, "Rosa")
    wait(house, issued.code, "Uno")
    if how == "revoke":
        house.call(issuing.revoke_invite, ana, "andes", issued.invite.id)
    else:
        house.call(close_workshop, ana, "andes", opened.workshop.slug)
    with pytest.raises((InviteRevoked, InviteClosed)):
        state(house, issued.code, "Uno")
    assert not house.call(waiting.view_lines, ana, "andes", opened.workshop.slug)


# By hand, paused


def test_each_newcomer_waits_for_a_click(house, ana) -> None:
    opened = open_taller(house, seats=1)
    issued = opened.learner_invite
    change(house, ana, issued, is_by_hand=True)
    with pytest.raises(InviteByHand):
        join(house, issued.code, "Uno")
    for name in ("Uno", "Dos"):
        assert wait(house, issued.code, name).state is TicketState.ASKING
    (line,) = house.call(waiting.view_lines, ana, "andes", opened.workshop.slug)
    first, second = line.tickets
    assert [ticket.name for ticket in line.tickets] == ["Uno", "Dos"]
    house.call(waiting.admit_from_line, ana, "andes", second.id)
    assert state(house, issued.code, "Dos") is TicketState.OFFERED
    join(house, issued.code, "Dos")
    house.call(waiting.admit_from_line, ana, "andes", first.id)
    assert state(house, issued.code, "Uno") is TicketState.WAITING  # admitted, and no seat left
    house.call(waiting.decline, ana, "andes", first.id)
    assert state(house, issued.code, "Uno") is None
    with pytest.raises(InviteByHand):
        join(house, issued.code, "Uno")


def test_without_by_hand_those_who_asked_get_the_seats(house, ana) -> None:
    issued, _ = full_workshop(house, seats=1)
    change(house, ana, issued, is_by_hand=True)
    for name in ("Uno", "Dos"):
        wait(house, issued.code, name)
    change(house, ana, issued, is_by_hand=False)
    assert state(house, issued.code, "Uno") is TicketState.OFFERED
    assert state(house, issued.code, "Dos") is TicketState.WAITING


def test_a_learner_lets_nobody_in(house, ana) -> None:
    issued, people = full_workshop(house, "Rosa")
    ticket = wait(house, issued.code, "Uno").ticket
    learner = actor_of(house, people["Rosa"].username)
    with pytest.raises(PermissionDenied):
        house.call(waiting.admit_from_line, learner, "andes", ticket.id)
    with pytest.raises(NotFound):
        house.call(waiting.admit_from_line, ana, "andes", "0" * 32)


def test_a_pause_is_at_once_and_ends(house, ana) -> None:
    issued, _ = full_workshop(house, seats=2)
    change(house, ana, issued, is_paused=True)
    with pytest.raises(InvitePaused) as refused:
        join(house, issued.code, "Uno")
    assert refused.value.contact == "hola@andes.example"
    change(house, ana, issued, is_paused=False)
    join(house, issued.code, "Uno")


# Renewed and revoked


def test_a_new_code_keeps_who_is_in_and_who_waits(house, ana) -> None:
    issued, people = full_workshop(house, "Rosa")
    wait(house, issued.code, "Uno")
    renewed = house.call(issuing.renew_invite, ana, "andes", issued.invite.id)
    for leaked in (issued.code, issued.link):
        with pytest.raises(InviteUnknown):
            house.call(look_up_invite, leaked)
    assert house.call(find_person, people["Rosa"].username).grants
    assert state(house, renewed.link, "Uno") is TicketState.WAITING
    with pytest.raises(InviteFull):
        join(house, renewed.code, "Dos")


def test_a_code_is_revoked_with_everything_it_granted(house, ana) -> None:
    issued, people = full_workshop(house, "Rosa", "Luz")
    house.call(members.set_role, ana, "andes", people["Luz"].username, Role.HELPER)
    revoked = house.call(issuing.revoke_invite, ana, "andes", issued.invite.id, with_grants=True)
    assert set(revoked.usernames) == {account.username for account in people.values()}
    assert not house.call(find_person, people["Rosa"].username).grants
    assert len(house.call(find_person, people["Luz"].username).grants) == 1  # the champion's
    again = house.call(issuing.revoke_invite, ana, "andes", issued.invite.id, with_grants=True)
    assert again.usernames == ()


# The maker


def instructor(house, ana, name="Ines"):
    issued = house.call(issuing.issue_invite, ana, "andes", NewInvite(role=Role.INSTRUCTOR))
    return join(house, issued.code, name)


def test_a_makers_learner_codes_pass_to_another_champion_and_others_close(house, ana) -> None:
    maker = instructor(house, ana)
    own = actor_of(house, maker.username)
    learners = house.call(issuing.issue_invite, own, "andes", NewInvite())
    helpers = house.call(issuing.issue_invite, own, "andes", NewInvite(role=Role.HELPER))
    house.call(members.remove_member, ana, "andes", maker.username)
    heir = house.call(find_person, "ana").account
    with house.database.read() as store:
        inherited = store.invites.get(learners.invite.id)
        notices = store.notices.of_account(inherited.made_by)
    assert inherited.made_by != maker.id
    assert [notice.kind for notice in notices] == ["invite.inherited"]
    assert heir is not None
    join(house, learners.code, "Uno")
    with pytest.raises(InviteClosed):
        join(house, helpers.code, "Dos")


def test_the_codes_of_a_role_that_lapsed_are_handed_on_too(house, ana, clock) -> None:
    wanted = NewInvite(role=Role.INSTRUCTOR, lasts=timedelta(days=1))
    maker = join(house, house.call(issuing.issue_invite, ana, "andes", wanted).code, "Ines")
    own = actor_of(house, maker.username)
    learners = house.call(issuing.issue_invite, own, "andes", NewInvite())
    house.call(heirs.hand_on_of_all, [maker.id])
    with house.database.read() as store:
        assert store.invites.get(learners.invite.id).made_by == maker.id
    clock.advance(days=2)
    house.call(heirs.hand_on_of_all, [maker.id])
    with house.database.read() as store:
        assert store.invites.get(learners.invite.id).made_by not in (maker.id, None)


def test_a_helpers_code_is_worth_no_more_than_its_maker_is_now(house, ana, clock) -> None:
    wanted = NewInvite(role=Role.INSTRUCTOR, lasts=timedelta(days=1))
    maker = join(house, house.call(issuing.issue_invite, ana, "andes", wanted).code, "Ines")
    own = actor_of(house, maker.username)
    helpers = house.call(issuing.issue_invite, own, "andes", NewInvite(role=Role.HELPER))
    join(house, helpers.code, "Uno")
    clock.advance(days=2)  # nobody took the maker's role: it lapsed
    with pytest.raises(InviteClosed):
        join(house, helpers.code, "Dos")


# Batches


def test_a_batch_is_one_seat_each_and_what_is_unclaimed_is_released(house, ana) -> None:
    opened = open_taller(house, seats=1)
    shared = opened.learner_invite
    join(house, shared.code, "Rosa")
    wait(house, shared.code, "Uno")
    names, wanted = ["Luz", "María José", "李"], NewInvite(workshop=opened.workshop.slug)
    batch = issue_names(house, ana, "andes", names, wanted)
    number = batch.id
    whole = house.call(batches.page_of_batch, ana, "andes", number, Page())
    assert {one.code: one.invite.label for one in whole.entries} == dict(
        zip(batch.codes, names, strict=True)
    )
    join(house, batch.codes[0], "Luz")
    left = house.call(batches.page_of_batch, ana, "andes", number, Page()).entries
    assert {issued.code for issued in left} == set(batch.codes[1:])
    assert house.call(batches.release_batch, ana, "andes", number) == 2
    assert house.call(batches.release_batch, ana, "andes", number) == 0
    with pytest.raises(InviteRevoked):
        join(house, batch.codes[1], "María José")
    assert state(house, shared.code, "Uno") is TicketState.OFFERED
    join(house, shared.code, "Dos")  # the second of the released seats
    with pytest.raises(InviteFull):
        join(house, shared.code, "Tres")


# The operator's ceilings


def test_codes_without_a_number_of_seats_end_at_the_operators_ceilings(house, ana, clock) -> None:
    issued = house.call(issuing.issue_invite, ana, "andes", NewInvite())
    people = {"most_people": 4}  # two champions among them
    house.settings = replace(house.settings, **people, most_new_per_hour=1)
    rosa = join(house, issued.code, "Rosa")
    with pytest.raises(HubFull):
        join(house, issued.code, "Luz")
    assert join(house, issued.code, "Rosa").id == rosa.id  # the same form again is nobody new
    clock.advance(hours=1, seconds=1)
    join(house, issued.code, "Luz")
    clock.advance(hours=2)
    with pytest.raises(HubFull) as refused:
        join(house, issued.code, "Uno")
    assert refused.value.contact == "hola@andes.example"
    assert taken(house, issued) == 2
    house.call(members.remove_member, ana, "andes", rosa.username)
    join(house, issued.code, "Uno")
